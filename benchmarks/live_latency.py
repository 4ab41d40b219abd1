"""Where the time goes from a camera's picture to a browser's, and what lead is left.

    python benchmarks/live_latency.py --film ROAD.mp4 --seconds 60

A process encodes a film in real time (H.264, zero latency, MPEG-TS over TCP on loopback) and draws
the time into each picture: `capture` is what passes from there until the picture has been decoded
here. Then come the stages of the pipeline, and, with a headless Chromium watching, encoding for
the page and the way to the browser up to the drawn picture.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress

import av
import numpy as np
import torch

from forecast.api.open_stream import open_stream
from forecast.live.channel import Channel, SourceStatus
from forecast.live.server import LiveServer
from forecast.sources.live import LiveSource

CELL, BITS = 12, 32
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def camera(film, port):
    """Encode the film over and over, with the time in every picture."""
    pictures = []
    with av.open(film) as container:
        for frame in container.decode(video=0):
            pictures.append(frame.reformat(width=960, height=540, format="rgb24").to_ndarray())
            if len(pictures) == 200:
                break
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                serve(connection, pictures)


def serve(connection, pictures):
    """Encode for one viewer, until it goes."""
    with av.open(connection.makefile("wb"), "w", format="mpegts") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 960, 540, "yuv420p"
        stream.options = {
            "g": "25", "bf": "0", "preset": "ultrafast", "tune": "zerolatency", "b": "4000000",
        }  # fmt: skip
        began_s = time.monotonic()
        for number in range(10**9):
            time.sleep(max(0.0, began_s + number / 25 - time.monotonic()))
            picture = pictures[number % len(pictures)].copy()
            stamp = int(time.monotonic() * 1e3) & 0xFFFFFFFF
            for bit in range(BITS):
                picture[:CELL, bit * CELL : (bit + 1) * CELL] = 255 * (stamp >> bit & 1)
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts = number
            for packet in stream.encode(frame):
                out.mux(packet)


def stamped_ms(frame):
    """The time in a picture."""
    row = frame.rgb[:, CELL // 2, CELL // 2 : BITS * CELL : CELL].float().mean(0)
    return sum(int(value > 127) << bit for bit, value in enumerate(row.tolist()))


def watching(stack, url):
    from playwright.sync_api import sync_playwright

    started = stack.enter_context(sync_playwright())
    browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGS)
    stack.callback(browser.close)
    browser.new_page(viewport={"width": 1280, "height": 900}).goto(url)


def measure(seconds, port, segmenter, predictor):
    source = LiveSource(f"tcp://127.0.0.1:{port}", retries=60, open_timeout_s=15.0)
    stream = open_stream(source, segmenter=segmenter, predictor=predictor, horizons_s=(0.18, 0.53))

    def status():
        stats = source.stats
        return SourceStatus(state=stats.state.value, num_dropped=stats.num_dropped)

    rows = []
    with ExitStack() as stack:
        stack.enter_context(stream)
        channel, ends_s = None, None
        for step in stream:
            if channel is None:
                channel = Channel(
                    "camera", shown=source.shown, space=step.segmentation.space,
                    predictor=predictor, horizons_s=(0.18, 0.53), status=status,
                )  # fmt: skip
                server = stack.enter_context(LiveServer([channel], serve="127.0.0.1:0"))
                watching(stack, server.url)
                ends_s = time.monotonic() + seconds + 8
            delivery = source.delivery(step.frame.at)
            channel.publish(step)
            if step.warming_up or time.monotonic() < ends_s - seconds:
                continue
            arrived_ms = int(delivery.arrived_s * 1e3) & 0xFFFFFFFF
            rows.append({"capture": arrived_ms - stamped_ms(step.frame), **step.latency_ms})
            if time.monotonic() > ends_s:
                break
        return rows, channel.numbers(), stream.period_s


def table(rows, numbers, period_s):
    stages = [name for name in rows[0] if name != "decode"]
    columns = {name: [row[name] for row in rows] for name in stages}
    columns["to forecast"] = [sum(row[name] for name in stages) for row in rows]
    figures = {
        name: dict(zip(("p50", "p95"), np.percentile(values, (50, 95)).tolist(), strict=True))
        for name, values in columns.items()
    }
    decode = np.percentile([row["decode"] for row in rows], (50, 95)).tolist()
    figures["(decode, within capture)"] = {"p50": decode[0], "p95": decode[1]}
    figures["encode for the page"] = numbers["encode_ms"]
    figures["forecast to drawn"] = numbers["viewed_ms"]
    print(f"{len(rows)} steps, one every {1e3 * period_s:.0f} ms, load {os.getloadavg()[0]:.1f}")
    print(f"{'stage':28} {'p50 ms':>8} {'p95 ms':>8}")
    for name, one in figures.items():
        print(f"{name:28} {one['p50']:8.1f} {one['p95']:8.1f}")
    for horizon_s in (0.18, 0.53):
        lead_s = horizon_s - figures["to forecast"]["p95"] / 1e3
        print(f"usable lead at {horizon_s} s: {lead_s:.3f} s (horizon less p95 to forecast)")
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--film", required=True)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--segmenter", default="fast-scnn")
    parser.add_argument("--predictor", default="flow-warp")
    parser.add_argument("--camera", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.camera is not None:
        camera(asked.film, asked.camera)
        return
    torch.set_num_threads(1)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = [sys.executable, __file__, "--film", asked.film, "--camera", str(port)]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    try:
        rows, numbers, period_s = measure(asked.seconds, port, asked.segmenter, asked.predictor)
    finally:
        process.kill()
        process.wait()
    print(json.dumps(table(rows, numbers, period_s)))


if __name__ == "__main__":
    main()
