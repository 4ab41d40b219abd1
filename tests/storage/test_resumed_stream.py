"""The engine and a recording together: cut off and resumed, the arrays are the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from forecast.engine.run import run
from forecast.engine.windows import restart_index
from forecast.engine.write_behind import WriteBehind
from forecast.labels import CAMVID
from forecast.storage.manifest import Manifest
from forecast.storage.recording import Recording
from forecast.storage.recording_writer import RecordingWriter
from forecast.values import Forecast, Frame, History, Instant, Needs, Segmentation

LENGTH, BATCH = 30, 3
NEEDS = Needs(num_observations=3, step_s=0.2, previous=True)


class BatchSensitive:
    """A segmenter whose result depends on the whole micro-batch, as rounding does."""

    name, fingerprint, space = "batch-sensitive", "0", CAMVID

    def __call__(self, frames: Sequence[Frame]) -> Sequence[Segmentation]:
        total = sum(float(frame.rgb.float().mean()) for frame in frames)
        return [
            Segmentation(
                at=frame.at,
                space=CAMVID,
                size_hw=(8, 16),
                probs=(torch.rand(11, 4, 8, generator=_random(frame)) + total).softmax(0),
            )
            for frame in frames
        ]


def _random(frame: Frame) -> torch.Generator:
    return torch.Generator().manual_seed(frame.at.index)


class SumOfHistory:
    name, fingerprint, space, needs = "sum", "0", None, NEEDS

    def predict(
        self, histories: Sequence[History], *, horizons_s: Sequence[float]
    ) -> Iterator[Forecast]:
        for history in histories:
            assert history.previous is not None
            probs = torch.stack([one.segmentation.probs for one in history.observations]).mean(0)
            for horizon_s in horizons_s:
                yield Forecast(
                    origin=history.origin,
                    horizon_s=horizon_s,
                    served_s=history.served_s(horizon_s),
                    space=CAMVID,
                    probs=probs + history.previous.rgb[:1, :4, :8].float() * 1e-3,
                )


def processed(folder: Path, *, interrupt_after: int | None = None, resume: bool = False) -> None:
    writer = RecordingWriter(
        folder,
        manifest=Manifest(
            source="s", config="c", segmenter="n", predictor="p", device="cpu", precision="fp32"
        ),
        space=CAMVID,
        horizons_s=(0.2, 0.5),
        shard_frames=2 * BATCH,
        soft=True,
        resume=resume,
    )
    start = restart_index(writer.num_committed, needs=NEEDS, frame_s=0.1, batch_size=BATCH)

    @contextmanager
    def opened() -> Iterator[Iterator[Frame]]:
        yield (
            Frame(
                at=Instant(clip="a", index=index, pts_s=index / 10),
                rgb=torch.full((3, 8, 16), index * 7 % 256, dtype=torch.uint8),
            )
            for index in range(start, LENGTH)
        )

    writing = WriteBehind([writer])
    try:
        for step in run(
            opened,
            segmenter=BatchSensitive(),
            predictor=SumOfHistory(),
            horizons_s=(0.2, 0.5),
            frame_s=0.1,
            batch_size=BATCH,
        ):
            if step.frame.at.index == interrupt_after:
                raise KeyboardInterrupt
            writing.write(step)
    finally:
        writing.close()
    writer.complete()


@pytest.mark.parametrize("interrupt_after", [0, 1, 6, 11, 17, 29])
def test_interrupted_and_resumed_is_as_uninterrupted(tmp_path: Path, interrupt_after: int) -> None:
    processed(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        processed(tmp_path / "cut", interrupt_after=interrupt_after)
    if interrupt_after:
        assert Recording(tmp_path / "cut").num_frames == interrupt_after
    processed(tmp_path / "cut", resume=True)
    whole, cut = Recording(tmp_path / "whole"), Recording(tmp_path / "cut")
    assert cut.complete
    assert cut.num_frames == LENGTH
    assert cut.content_hash() == whole.content_hash()
