"""A rendered street in the official layout, evaluated, and held against the official evaluator."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forecast.api.scoring import planned, score_clips
from forecast.confusion import pooled
from forecast.evaluation.protocol import Protocol
from forecast.flow.dis import DisFlow
from forecast.labels import CITYSCAPES
from forecast.prediction.copy_last import CopyLast
from forecast.prediction.warping.flow_warp import FlowWarp
from forecast.sources.datasets.cityscapes import open_cityscapes
from forecast.storage.cityscapes_folder import write_cityscapes
from forecast.synthetic.street.source import StreetSource, street_snippets
from forecast.values import Segmentation

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as Evaluator
    from cityscapesscripts.helpers.labels import trainId2label

HW = (64, 128)
OFFICIAL_IDS = [trainId2label[one].id for one in range(19)]


class ByBrightness:
    """A poor but honest network: classes from brightness and height."""

    name = "by-brightness"
    space = CITYSCAPES
    fingerprint = "b"

    def __call__(self, frames):
        return [self._one(frame) for frame in frames]

    def _one(self, frame):
        grey = frame.rgb.float().mean(0)
        ids = (grey / 256 * 19).byte()
        return Segmentation(at=frame.at, space=CITYSCAPES, size_hw=frame.size_hw, ids=ids)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("cityscapes")
    streets = street_snippets(2, first_seed=3, size_hw=HW)
    write_cityscapes(root, streets, split="val", city="street")
    return root


def _evaluated(clips, inputs):
    protocol = Protocol(
        dataset="cityscapes",
        split="val",
        label_space="cityscapes",
        fps_by_clip={clip.clip: 17.0 for clip in clips},
        horizons_s=(0.18, 0.53),
        step_s=3 / 17,
        num_inputs=4,
        inputs=inputs,
        origins="anchored",
        targets=("truth",),
        segmenter="by-brightness",
        segmenter_fingerprint="b",
    )
    kept = []
    evaluated = score_clips(
        clips,
        protocol=protocol,
        plan=planned(protocol, clips),
        segmenters=lambda _: ByBrightness(),
        predictors=[CopyLast(), FlowWarp(DisFlow("ultrafast"))],
        space=CITYSCAPES,
        on_scored=kept.append,
    )
    return evaluated, kept


def test_only_the_published_frames_are_opened(folder, monkeypatch):
    opened = []
    from forecast.sources import images

    real = images.read_rgb
    monkeypatch.setattr(
        images, "read_rgb", lambda path, *args: opened.append(Path(path).name) or real(path, *args)
    )
    clip = open_cityscapes(folder, split="val")[0]
    _evaluated([clip], "published")
    first = min(int(path.name.split("_")[2]) for path in _sequence(folder, clip))
    read = [int(name.split("_")[2]) - first for name in opened]
    assert read == [1, 4, 7, 10, 13, 16, 19]


def _sequence(folder, clip):
    city, recording, _ = clip.clip.split("_")
    return folder.glob(f"leftImg8bit_sequence/val/{city}/{city}_{recording}_*.png")


def test_counts_equal_the_official_evaluator_on_exported_pngs(folder, tmp_path):
    evaluated, kept = _evaluated(open_cityscapes(folder, split="val"), "native")
    truths = sorted(folder.glob("gtFine/val/*/*_gtFine_labelIds.png"))
    table = np.zeros(256, np.uint8)
    table[:19] = OFFICIAL_IDS
    assert len(truths) == 2
    for scores in evaluated.scores:
        official = _official(scores, kept, truths, table, tmp_path)
        ours = pooled([one.confusion for one in scores.sums])
        assert np.array_equal(official[np.ix_(OFFICIAL_IDS, OFFICIAL_IDS)], ours)


def _official(scores, kept, truths, table, tmp_path):
    Evaluator.args.evalInstLevelScore = False
    Evaluator.args.JSONOutput = False
    Evaluator.args.quiet = True
    matrix = Evaluator.generateMatrix(Evaluator.args)
    for one in kept:
        if (one.predictor, one.horizon_s) != (scores.predictor, scores.horizon_s):
            continue
        exported = tmp_path / "prediction.png"
        Image.fromarray(table[one.labels]).save(exported)
        truth = next(path for path in truths if one.sums.clip in path.name)
        Evaluator.evaluatePair(str(exported), str(truth), matrix, {}, {}, Evaluator.args)
    return np.asarray(matrix).astype(np.int64)


def test_the_frames_read_back_are_those_rendered(folder):
    clip = open_cityscapes(folder, split="val")[0]
    labels = clip.label_map(19)
    with clip.open(only={19}) as frames:
        frame = next(frames)
    streets = [StreetSource(seed=seed, num_frames=30, size_hw=HW) for seed in range(3, 6)]
    matches = []
    for street in streets:
        with street.open(only={19}) as rendered:
            if (next(rendered).rgb == frame.rgb).all():
                matches.append(street)
    assert len(matches) == 1
    assert (matches[0].label_map(19).ids == labels.ids).float().mean() > 0.999
