"""Kept memory: CPU time a frame with and without, ESPNetv2 s2.0 shapes, random pictures.

    python benchmarks/kept_memory.py [WEIGHTS]

Each side runs in a process of its own, alternating; the last line is JSON.
"""

import json
import resource
import subprocess
import sys
import time

ROUNDS, FRAMES = 3, 6


def _one(kept: bool) -> dict[str, float]:
    import torch

    from forecast.memory import keep_freed_memory
    from forecast.segmentation.networks.espnetv2 import ESPNetv2

    if kept:
        keep_freed_memory()
    network = ESPNetv2(2.0).eval()
    picture = torch.rand(1, 3, 512, 1024)
    with torch.inference_mode():
        network(picture)
        before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        for _ in range(FRAMES):
            network(picture).softmax(1)
        after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "user_s": (after.ru_utime - before.ru_utime) / FRAMES,
        "system_s": (after.ru_stime - before.ru_stime) / FRAMES,
        "wall_s": (time.perf_counter() - began) / FRAMES,
        "peak_mib": after.ru_maxrss / 1024,
    }


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(_one(sys.argv[1] == "kept")))
        return
    found: dict[str, list[dict[str, float]]] = {"given back": [], "kept": []}
    for _ in range(ROUNDS):
        for name, runs in found.items():
            done = subprocess.run(
                [sys.executable, __file__, name], check=True, capture_output=True, text=True
            )
            runs.append(json.loads(done.stdout))
    middle = {
        name: {key: sorted(run[key] for run in runs)[ROUNDS // 2] for key in runs[0]}
        for name, runs in found.items()
    }
    for name, row in middle.items():
        print(name, {key: round(value, 3) for key, value in row.items()})
    cpu = {name: row["user_s"] + row["system_s"] for name, row in middle.items()}
    print(json.dumps({**middle, "cpu_ratio": cpu["kept"] / cpu["given back"]}))


if __name__ == "__main__":
    main()
