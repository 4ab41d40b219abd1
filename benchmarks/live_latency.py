"""Where the time goes from a camera's picture to a browser's, and what lead is left.

    python benchmarks/live_latency.py --film ROAD.mp4 --out benchmarks/results/live_latency.json

A process encodes a film in real time (H.264, zero latency, FLV over TCP on loopback, as RTMP
carries it) and draws the time into each picture: `capture` is what passes from there until the
packet is here. Then come decoding with the conversion to RGB, the stages of the pipeline and, with
a headless Chromium watching, encoding for the page and the way to the browser up to the drawn
picture. MPEG-TS is measured as well, up to the decoded picture: its packets end where the next one
begins, and the parser waits for another, so that it is two frames (80 ms) late by its nature.

The lead is the horizon less the 95th percentile of everything up to the forecast; on the page it
is less, by the 95th percentile of the way to the screen.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import av
import av.error
import numpy as np
import torch

from forecast.api.open_stream import open_stream
from forecast.live.channel import Channel, SourceStatus
from forecast.live.server import LiveServer
from forecast.memory import keep_freed_memory
from forecast.provenance import commit, machine, write_json
from forecast.sources.live.source import LiveSource

CELL, BITS = 12, 32
HORIZONS_S = (0.18, 0.53)
SETTLING_S = 12.0
STAGES = ("capture", "decode", "segment", "predict", "wait")
NAMES = {
    "capture": "capture: encode, way here (FLV)",
    "decode": "decode and convert",
    "wait": "wait between stages",
    "to the forecast": "= to the forecast",
    "forecast to drawn": "forecast to drawn, encoding included",
    "MPEG-TS": "MPEG-TS instead: capture and decode",
}
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def camera(film, port, form):
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
            with connection, suppress(OSError, av.error.FFmpegError):
                serve(connection, pictures, form)


def serve(connection, pictures, form):
    """Encode for one viewer, until it goes."""
    options = {"flush_packets": "1"}
    with av.open(connection.makefile("wb", buffering=0), "w", format=form, options=options) as out:
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


@contextmanager
def filmed(film, form):
    """The address of a camera, a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = [sys.executable, __file__, "--film", film, "--camera", str(port), form]
    process = subprocess.Popen(words)
    try:
        yield LiveSource(f"tcp://127.0.0.1:{port}", retries=60, open_timeout_s=15.0)
    finally:
        process.kill()
        process.wait()


def waited_ms(source, frame):
    """From the stamp in the picture until it was decoded."""
    arrived_ms = int(source.delivery(frame.at).arrived_s * 1e3) & 0xFFFFFFFF
    return arrived_ms - stamped_ms(frame)


def measure(seconds, source, segmenter, predictor):
    """A row for each step, the numbers of the page, the period."""
    stream = open_stream(
        source, segmenter=segmenter, predictor=predictor, horizons_s=HORIZONS_S, retries=60
    )
    rows = []
    with ExitStack() as stack:
        stack.enter_context(stream)
        channel, ends_s = None, None
        for step in stream:
            if channel is None:
                channel = stack.enter_context(watched(source, step, predictor))
                ends_s = time.monotonic() + seconds + SETTLING_S
            row = {**step.latency_ms}
            row["capture"] = waited_ms(source, step.frame) - source_decode_ms(source, step.frame)
            channel.publish(step)
            if not step.warming_up and time.monotonic() > ends_s - seconds:
                rows.append(row)
            if time.monotonic() > ends_s:
                break
        return rows, channel.numbers(), stream.period_s


def source_decode_ms(source, frame):
    """What decoding alone took; the conversion comes after the arrival."""
    return source.delivery(frame.at).decode_ms


@contextmanager
def watched(source, step, predictor):
    """A channel with a browser in front of it."""

    def status():
        return SourceStatus(state=source.stats.state.value, num_dropped=source.stats.num_dropped)

    channel = Channel(
        "camera", shown=source.shown, space=step.segmentation.space,
        predictor=predictor, horizons_s=HORIZONS_S, status=status,
    )  # fmt: skip
    with LiveServer([channel], serve="127.0.0.1:0") as server, ExitStack() as stack:
        watching(stack, server.url)
        yield channel


def transport(seconds, source):
    """Capture and decoding alone, at the stream's full rate."""
    found = []
    with source.open() as frames:
        ends_s = time.monotonic() + 2 * seconds
        for frame in frames:
            found.append(waited_ms(source, frame))
            if time.monotonic() > ends_s:
                return percentiles(found[len(found) // 2 :])
    sys.exit("the camera ended")


def percentiles(values):
    p50, p95 = np.percentile(values, (50, 95)).tolist()
    return {"p50": round(p50, 1), "p95": round(p95, 1)}


def budget(rows, numbers):
    """By stage: the median and the 95th percentile."""
    figures = {name: percentiles([row[name] for row in rows]) for name in STAGES}
    figures["to the forecast"] = percentiles([sum(row[name] for name in STAGES) for row in rows])
    figures["encode for the page"] = numbers["encode_ms"]
    figures["forecast to drawn"] = numbers["viewed_ms"]
    return figures


def leads(figures):
    """What is left of each horizon, in seconds."""
    forecast_s = figures["to the forecast"]["p95"] / 1e3
    drawn_s = figures["forecast to drawn"]["p95"] / 1e3
    return {
        f"{horizon_s:g}": {
            "for a program": round(horizon_s - forecast_s, 3),
            "on the page": round(horizon_s - forecast_s - drawn_s, 3),
        }
        for horizon_s in HORIZONS_S
    }


def show(found):
    print(
        f"{found['steps']} steps, one every {found['period_ms']} ms; load "
        f"{found['load_first_last'][0]} to {found['load_first_last'][1]} on "
        f"{found['machine']['cores']} cores"
    )
    print(f"{'stage':38} {'p50 ms':>8} {'p95 ms':>8}")
    for name, one in found["stages_ms"].items():
        print(f"{NAMES.get(name, name):38} {one['p50']:8.1f} {one['p95']:8.1f}")
    for horizon_s, one in found["usable_lead_s"].items():
        said = ", ".join(f"{lead_s:.3f} s {whom}" for whom, lead_s in one.items())
        print(f"usable lead at {horizon_s} s: {said}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--film", required=True)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--segmenter", default="fast-scnn")
    parser.add_argument("--predictor", default="flow-warp")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    parser.add_argument("--camera", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.camera is not None:
        camera(asked.film, int(asked.camera[0]), asked.camera[1])
        return
    keep_freed_memory()
    torch.set_num_threads(1)
    load = os.getloadavg()[0]
    with filmed(asked.film, "flv") as source:
        rows, numbers, period_s = measure(asked.seconds, source, asked.segmenter, asked.predictor)
    figures = budget(rows, numbers)
    with filmed(asked.film, "mpegts") as source:
        figures["MPEG-TS"] = transport(10.0, source)
    film = Path(asked.film).name
    found = {
        "command": f"python benchmarks/live_latency.py --film {film} --seconds {asked.seconds:g}",
        "commit": commit(), "machine": machine(), "threads": 1,
        "load_first_last": [round(load, 1), round(os.getloadavg()[0], 1)],
        "segmenter": asked.segmenter, "predictor": asked.predictor, "picture_hw": [540, 960],
        "steps": len(rows), "period_ms": round(1e3 * period_s), "stages_ms": figures,
        "usable_lead_s": leads(figures),
    }  # fmt: skip
    show(found)
    if asked.out is not None:
        write_json(asked.out, found)


if __name__ == "__main__":
    main()
