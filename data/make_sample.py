"""Renders the embedded sample into forecast/sample: `python data/make_sample.py`.

The same street comes out each time; only another version of the encoder changes the video's bytes.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from forecast.sources.sample import FPS, LABELS_NAME, VIDEO_NAME
from forecast.synthetic.street.source import StreetSource

SEED, FIRST, NUM_FRAMES, SIZE_HW = 17, 34, 110, (256, 512)
FOLDER = Path(__file__).resolve().parents[1] / "forecast" / "sample"


def main() -> None:
    """Writes the video and its labels."""
    source = StreetSource(seed=SEED, num_frames=FIRST + NUM_FRAMES, size_hw=SIZE_HW, fps=FPS)
    FOLDER.mkdir(parents=True, exist_ok=True)
    labels = np.empty((NUM_FRAMES, *SIZE_HW), np.uint8)
    settings = {"crf": "20", "preset": "slow", "threads": "1"}
    with (
        source.open(range(FIRST, FIRST + NUM_FRAMES)) as frames,
        av.open(str(FOLDER / VIDEO_NAME), "w", options={"movflags": "+faststart"}) as container,
    ):
        stream = container.add_stream("libx264", rate=Fraction(FPS), options=settings)
        stream.height, stream.width = SIZE_HW
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            picture = np.ascontiguousarray(frame.rgb.numpy().transpose(1, 2, 0))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
            labels[frame.at.index - FIRST] = source.label_map(frame.at.index).ids.numpy()
        container.mux(stream.encode(None))
    np.savez_compressed(FOLDER / LABELS_NAME, train_ids=labels)
    for name in (VIDEO_NAME, LABELS_NAME):
        print(f"{FOLDER / name}: {(FOLDER / name).stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
