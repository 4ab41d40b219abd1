"""Three live sources, a fault every 20 s: does latency grow, does anything leak?

    python benchmarks/live_soak.py --minutes 10 --out benchmarks/results/live_soak.json

Three RTSP servers on loopback play a film in a loop; in turn one is killed (SIGKILL) and started
again, or frozen (SIGSTOP) for 3 s. The claim: latency p95 of the last minute is at most 1.1 times
that of the first, resident memory grows by less than 1 MB a minute, and threads and file
descriptors are as many at the end as at the beginning. The segmenter is a threshold on colour, so
that what is measured is the pipeline; flow-warp is the real one.

The slope of memory is the least-squares line through every sample from the second minute to the
end: before that the caches fill (16 flow fields a stream, 300 latencies) and each connection is
opened for the first time. What malloc has handed out (`in_use_mb`) is told beside it, over the same
samples: a leak shows there, a fragmented heap only in the resident size.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import torch
from holdings import holding, slope

from forecast import catalogue
from forecast.api.open_stream import LiveStream
from forecast.device import place
from forecast.labels import CITYSCAPES
from forecast.memory import keep_freed_memory
from forecast.provenance import commit, machine, write_json
from forecast.sources.live.source import LiveSource
from forecast.values import Segmentation

FAULT_EVERY_S = 20.0
SETTLED_S = 120.0
"""Memory is judged from here on."""
LIMITS = {"ratio": 1.1, "rss_mb_per_minute": 1.0}


class RedIsCar:
    """Red is car, bright is sky, all else road."""

    name, space, fingerprint = "red-is-car", CITYSCAPES, "red-is-car"

    def __call__(self, frames):
        return [self._one(frame) for frame in frames]

    def _one(self, frame):
        small = frame.rgb[:, ::4, ::4].float()
        car = ((small[0] > 150) & (small[1] < 100)).float()
        probs = torch.zeros(19, *car.shape)
        probs[CITYSCAPES.id_of("car")], probs[0] = car, 1 - car
        return Segmentation(at=frame.at, space=CITYSCAPES, size_hw=frame.size_hw, probs=probs)


class Server:
    """An RTSP server of its own process."""

    def __init__(self, folder):
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._code = (
            "import asyncio, aio_rtsp_toolkit.server as server;"
            f"asyncio.run(server.serve({str(folder)!r}, host='127.0.0.1', port={self.port}))"
        )
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-c", self._code],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Watch(threading.Thread):
    """One stream, and the latency of every step."""

    def __init__(self, url):
        super().__init__()
        placement = place("cpu")
        flow = catalogue.build_flow("dis", weights=None, placement=placement)
        predictor = catalogue.build_predictor(
            "flow-warp", flow=flow, segmenter=None, placement=placement
        )
        self.stream = LiveStream(
            LiveSource(url, retries=None, backoff_cap_s=1.0, read_timeout_s=5.0),
            segmenter=RedIsCar(), predictor=predictor, horizons_s=(0.18, 0.53),
        )  # fmt: skip
        # Arrays of doubles: the measurement must not grow faster than what it measures.
        self.when_s, self.latency_ms, self.num_forecast = array("d"), array("d"), 0
        self.recoveries = []
        self.fault = None

    def run(self):
        epoch = 0
        try:
            for step in self.stream:
                self.when_s.append(time.monotonic())
                self.latency_ms.append(sum(step.latency_ms.values()))
                self.num_forecast += not step.warming_up
                if step.frame.at.epoch != epoch:
                    epoch = step.frame.at.epoch
                    self.recoveries.append(self.stream.stats.recovery_s)
        except Exception as fault:  # noqa: BLE001 - reported, and the other streams go on
            self.fault = repr(fault)


def film(folder):
    """Eight seconds of a red block that moves."""
    with av.open(str(folder / "film.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        stream.options = {"g": "12", "bf": "0", "preset": "ultrafast"}
        for number in range(200):
            picture = np.full((192, 320, 3), 90, np.uint8)
            left = (3 * number) % 260
            picture[100:150, left : left + 60] = (200, 40, 60)
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def soak(minutes, servers, watches):
    began_s = time.monotonic()
    samples, faults = [], 0
    next_fault_s = began_s + FAULT_EVERY_S
    while time.monotonic() - began_s < 60 * minutes:
        time.sleep(2.0)
        now_s = time.monotonic()
        live = all(one.stream.stats.state.value == "live" for one in watches)
        samples.append(holding(now_s - began_s, live=live))
        # The last minute's latency is compared with the first's: as many faults in each.
        if now_s >= next_fault_s:
            next_fault_s += FAULT_EVERY_S
            server = servers[faults % len(servers)]
            if (faults // len(servers)) % 2:
                server.process.send_signal(signal.SIGSTOP)
                time.sleep(3.0)
                server.process.send_signal(signal.SIGCONT)
            else:
                server.kill()
                server.start()
            faults += 1
    return began_s, samples, faults


def p95(watches, first_s, last_s):
    kept = [
        ms for one in watches for when_s, ms in zip(one.when_s, one.latency_ms, strict=False)
        if first_s <= when_s < last_s
    ]  # fmt: skip
    return float(np.percentile(kept, 95)), len(kept)


def report(minutes, began_s, samples, faults, watches):
    # Opening, probing and finding the pace come first.
    opened_s = 15.0
    span_s = min(60.0, 60 * minutes / 3)
    first, num_first = p95(watches, began_s + opened_s, began_s + opened_s + span_s)
    last, num_last = p95(watches, began_s + 60 * minutes - span_s, began_s + 60 * minutes)
    judged = [one for one in samples if one.at_s > min(SETTLED_S, 20 * minutes)]
    live = [one for one in judged if one.live]
    every = -(-len(samples) // 20)
    return {
        "command": " ".join(["python", *sys.argv]),
        "commit": commit(),
        "machine": machine(),
        "minutes": minutes,
        "faults": faults,
        "p95_ms_first": round(first, 1),
        "p95_ms_last": round(last, 1),
        "ratio": round(last / first, 3),
        "steps_first": num_first,
        "steps_last": num_last,
        "memory_judged_from_s": round(judged[0].at_s),
        "rss_mb_per_minute": slope(judged, "rss_mb"),
        "in_use_mb_per_minute": slope(judged, "in_use_mb"),
        "rss_mb": [round(one.rss_mb, 1) for one in samples[::every]],
        "in_use_mb": [round(one.in_use_mb, 1) for one in samples[::every]],
        "threads_first_last": [live[0].threads, live[-1].threads],
        "descriptors_first_last": [live[0].descriptors, live[-1].descriptors],
        "recovery_s": [[round(s, 1) for s in one.recoveries if s] for one in watches],
        "steps": [len(one.when_s) for one in watches],
        "forecast": [one.num_forecast for one in watches],
        "broken": [one.fault for one in watches],
        "load_first_middle_last": [
            round(samples[place].load, 1) for place in (5, len(samples) // 2, -1)
        ],
    }


def verdicts(found):
    """Each claim, and whether it held."""
    return {
        **{name: found[name] <= limit for name, limit in LIMITS.items()},
        "threads": len(set(found["threads_first_last"])) == 1,
        "descriptors": len(set(found["descriptors_first_last"])) == 1,
        "nothing_broke": not any(found["broken"]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    asked = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        film(Path(name))
        servers = [Server(name) for _ in range(3)]
        watches = [
            Watch(f"rtsp://127.0.0.1:{server.port}/film.mp4?play_count=0") for server in servers
        ]
        try:
            for one in watches:
                one.start()
            began_s, samples, faults = soak(asked.minutes, servers, watches)
            found = report(asked.minutes, began_s, samples, faults, watches)
        finally:
            for one in watches:
                one.stream.interrupt()
            for one in watches:
                one.join()
            for server in servers:
                server.process.send_signal(signal.SIGCONT)
                server.kill()
    found["held"] = verdicts(found)
    print(json.dumps(found, indent=2))
    if asked.out is not None:
        write_json(asked.out, found)
    sys.exit(0 if all(found["held"].values()) else 1)


if __name__ == "__main__":
    main()
