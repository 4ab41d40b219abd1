"""What viewers cost the pipeline: steps a second alone, watched, paused, frozen and killed.

    python benchmarks/live_viewers.py --out benchmarks/results/live_viewers.json

A stream of 15 pictures a second, few enough for a busy machine to keep up with, is forecast and
served. A headless Chromium opens the page, is paused with the space bar, has its renderer frozen
(SIGSTOP: it takes nothing and says nothing) and is killed (SIGKILL). The claim: paused, frozen and
killed, the pipeline makes as many steps a second as before anyone watched, within 3 per cent. The
phases alternate over several rounds; the median of each round's ratio counts. A viewer that watches
costs the machine its own drawing as well, so that row claims nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import threading
import time
from array import array
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from live_soak import RedIsCar

from forecast import catalogue
from forecast.api.open_stream import LiveStream
from forecast.device import place
from forecast.live.channel import Channel, SourceStatus
from forecast.live.server import LiveServer
from forecast.memory import keep_freed_memory
from forecast.provenance import commit, machine, write_json
from forecast.sources.live.source import LiveSource

SOURCE = "lavfi:testsrc=size=320x180:rate=15"
HORIZONS_S = (0.18, 0.53)
LEAST = 0.97
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHASES = ("alone", "watched", "paused", "frozen", "killed")


class Pipeline(threading.Thread):
    """A stream that is published, and when each of its steps was."""

    def __init__(self):
        super().__init__()
        placement = place("cpu")
        flow = catalogue.build_flow("dis", weights=None, placement=placement)
        predictor = catalogue.build_predictor(
            "flow-warp", flow=flow, segmenter=None, placement=placement
        )
        self.stream = LiveStream(
            LiveSource(SOURCE), segmenter=RedIsCar(), predictor=predictor, horizons_s=HORIZONS_S
        )
        self.channel = Channel(
            "test picture", shown=SOURCE, space=RedIsCar.space, predictor="flow-warp",
            horizons_s=HORIZONS_S, status=self._status,
        )  # fmt: skip
        self.when_s, self.latency_ms, self.publish_ms = array("d"), array("d"), array("d")

    def _status(self):
        return SourceStatus(state=self.stream.stats.state.value)

    def run(self):
        for step in self.stream:
            began_s = time.perf_counter()
            self.channel.publish(step)
            self.publish_ms.append(1e3 * (time.perf_counter() - began_s))
            self.latency_ms.append(sum(step.latency_ms.values()))
            self.when_s.append(time.monotonic())

    def watch(self, seconds):
        """Steps a second from one step to another, median milliseconds to publish, p95 latency."""
        first = len(self.when_s)
        time.sleep(seconds)
        last = len(self.when_s) - 1
        return {
            "fps": (last - first) / (self.when_s[last] - self.when_s[first]),
            "publish_ms": statistics.median(self.publish_ms[first:last]),
            "latency_p95_ms": float(np.percentile(self.latency_ms[first:last], 95)),
        }


def processes(browser, kind):
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return [one["id"] for one in found if one["type"] == kind]


def until(page, expression):
    deadline_s = time.monotonic() + 20
    while not page.evaluate(expression):
        if time.monotonic() > deadline_s:
            sys.exit(f"never: {expression}")
        page.wait_for_timeout(50)


def one_round(playwright, pipeline, url, seconds):
    from playwright.sync_api import Error

    found = {"alone": pipeline.watch(seconds)}
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    until(page, "Number(document.body.dataset.shown) > 1")
    found["watched"] = pipeline.watch(seconds)
    page.keyboard.press("Space")
    until(page, "document.getElementById('badge').innerText === 'paused'")
    found["paused"] = pipeline.watch(seconds)
    page.keyboard.press("Space")
    until(page, "document.getElementById('badge').innerText === 'live'")
    for process in processes(browser, "renderer"):
        os.kill(process, signal.SIGSTOP)
    found["frozen"] = pipeline.watch(seconds)
    for process in processes(browser, "browser"):
        os.kill(process, signal.SIGKILL)
    found["killed"] = pipeline.watch(seconds)
    with suppress(Error):
        browser.close()
    return found


def summed(rounds):
    """By phase: medians over the rounds, the spread, and the ratio to `alone` of each round."""
    table = {}
    for phase in PHASES:
        ratios = [one[phase]["fps"] / one["alone"]["fps"] for one in rounds]
        table[phase] = {
            **{key: round(statistics.median(one[phase][key] for one in rounds), 2)
               for key in rounds[0][phase]},
            "ratio": round(statistics.median(ratios), 4),
            "ratio_least_most": [round(min(ratios), 4), round(max(ratios), 4)],
        }  # fmt: skip
    return table


def main():
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    asked = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    pipeline = Pipeline()
    pipeline.start()
    began = os.getloadavg()[0]
    try:
        with LiveServer([pipeline.channel], serve="127.0.0.1:0") as server:
            time.sleep(8)
            with sync_playwright() as playwright:
                rounds = [
                    one_round(playwright, pipeline, server.url, asked.seconds)
                    for _ in range(asked.rounds)
                ]
            left = pipeline.channel.num_listeners
    finally:
        pipeline.stream.interrupt()
        pipeline.join()
    table = summed(rounds)
    print(
        f"{'':8} {'steps/s':>8} {'ratio':>7} {'least..most':>15} {'publish ms':>11} {'p95 ms':>7}"
    )
    for phase, row in table.items():
        low, high = row["ratio_least_most"]
        print(
            f"{phase:8} {row['fps']:7.2f} {row['ratio']:7.3f}   {low:.3f}..{high:.3f} "
            f"{row['publish_ms']:10.2f} {row['latency_p95_ms']:9.1f}"
        )
    held = all(table[phase]["ratio"] >= LEAST for phase in ("paused", "frozen", "killed"))
    found = {
        "command": " ".join(["python", *sys.argv]), "commit": commit(), "machine": machine(),
        "load_first_last": [round(began, 1), round(os.getloadavg()[0], 1)],
        "rounds": asked.rounds, "seconds_each": asked.seconds, "phases": table,
        "viewers_left_at_the_end": left, "held": held,
    }  # fmt: skip
    print(json.dumps(found["load_first_last"]), "held" if held else "NOT HELD", f"{left} left")
    if asked.out is not None:
        write_json(asked.out, found)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
