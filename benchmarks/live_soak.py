"""Three live sources, a fault every 20 s: does latency grow, does anything leak?

    python benchmarks/live_soak.py --minutes 10

Three RTSP servers on loopback play a film in a loop; in turn one is killed (SIGKILL) and started
again, or frozen (SIGSTOP) for 3 s. The claim: latency p95 of the last minute is at most 1.1 times
that of the first, resident memory grows by less than 1 MB a minute once
the allocator has settled, and threads and file
descriptors are as many at the end as at the beginning. The segmenter is a threshold on colour, so
that what is measured is the pipeline; flow-warp is the real one.
"""

from __future__ import annotations

import argparse
import json
import os
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

from forecast import catalogue
from forecast.api.open_stream import LiveStream
from forecast.device import place
from forecast.labels import CITYSCAPES
from forecast.memory import keep_freed_memory
from forecast.sources.live import LiveSource
from forecast.values import Segmentation

FAULT_EVERY_S = 20.0


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


def usage():
    """Resident MB, threads, descriptors."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    threads = int(
        next(line for line in Path("/proc/self/status").read_text().splitlines()
             if line.startswith("Threads")).split()[1]
    )  # fmt: skip
    return (
        pages * os.sysconf("SC_PAGESIZE") / 2**20,
        threads,
        len(list(Path("/proc/self/fd").iterdir())),
    )


def soak(minutes, servers, watches):
    began_s = time.monotonic()
    samples, faults = [], 0
    next_fault_s = began_s + FAULT_EVERY_S
    while time.monotonic() - began_s < 60 * minutes:
        time.sleep(2.0)
        now_s = time.monotonic()
        live = all(one.stream.stats.state.value == "live" for one in watches)
        samples.append((now_s - began_s, live, *usage()))
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
    settled_s = 15.0
    span_s = min(60.0, 60 * minutes / 3)
    first, num_first = p95(watches, began_s + settled_s, began_s + settled_s + span_s)
    last, num_last = p95(watches, began_s + 60 * minutes - span_s, began_s + 60 * minutes)
    steady = [one for one in samples if one[0] > 60 and one[1]] or samples
    times, memory = [one[0] / 60 for one in steady], [one[2] for one in steady]
    half = len(steady) // 2
    found = {
        "minutes": minutes,
        "faults": faults,
        "p95_ms_first": round(first, 1),
        "p95_ms_last": round(last, 1),
        "ratio": round(last / first, 3),
        "steps_first": num_first,
        "steps_last": num_last,
        # Allocators fill their arenas in the first minutes; a leak goes on in the second half.
        "rss_mb_per_minute": round(float(np.polyfit(times, memory, 1)[0]), 3),
        "rss_mb_per_minute_second_half": round(
            float(np.polyfit(times[half:], memory[half:], 1)[0]), 3
        ),
        "rss_mb": [round(one) for one in memory[:: max(1, len(memory) // 10)]],
        "threads_first_last": [steady[0][3], steady[-1][3]],
        "descriptors_first_last": [steady[0][4], steady[-1][4]],
        "recovery_s": [[round(s, 1) for s in one.recoveries if s] for one in watches],
        "steps": [len(one.when_s) for one in watches],
        "forecast": [one.num_forecast for one in watches],
        "broken": [one.fault for one in watches],
        "load": os.getloadavg(),
    }
    print(json.dumps(found, indent=2))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
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
            began_s, samples, faults = soak(minutes, servers, watches)
            report(minutes, began_s, samples, faults, watches)
        finally:
            for one in watches:
                one.stream.interrupt()
            for one in watches:
                one.join()
            for server in servers:
                server.process.send_signal(signal.SIGCONT)
                server.kill()


if __name__ == "__main__":
    main()
