import numpy as np
import pytest
import torch

from forecast.api.scoring import annotation_segmenters, planned, score_clips
from forecast.confusion import mean_iou, pooled
from forecast.errors import UsageError
from forecast.evaluation.compared import Extra
from forecast.evaluation.extras import extras_named
from forecast.evaluation.protocol import Protocol
from forecast.flow.dis import DisFlow
from forecast.labels import CAMVID, CITYSCAPES
from forecast.prediction.copy_last import CopyLast
from forecast.scores import FigureWords
from forecast.values import Frame, Instant, LabelMap, Segmentation

HW = (16, 24)


class Clip:
    """Thirty frames whose only annotation is that of frame 19, and a note of what was read."""

    space = CITYSCAPES
    fps = 17.0
    num_frames = 30
    fingerprint = "f"

    def __init__(self, clip="a_000000_000019", annotated=(19,)):
        self.clip = clip
        self.annotated = annotated
        self.read = []

    def open(self, only=None):
        from contextlib import nullcontext

        return nullcontext(self._frames(only))

    def _frames(self, only):
        for index in range(self.num_frames):
            if only is None or index in only:
                self.read.append(index)
                at = Instant(clip=self.clip, index=index, pts_s=index / 17)
                yield Frame(at=at, rgb=torch.full((3, *HW), index, dtype=torch.uint8))

    def label_map(self, index):
        at = Instant(clip=self.clip, index=index, pts_s=index / 17)
        ids = (torch.arange(HW[1]) // 4 + index).remainder(19).byte().repeat(HW[0], 1)
        ids[0] = 255
        return LabelMap(at=at, space=CITYSCAPES, ids=ids)


class Stripes:
    """A perfect network: what the annotation would be."""

    name = "stripes"
    space = CITYSCAPES
    fingerprint = "s"

    def __call__(self, frames):
        return [self._one(frame) for frame in frames]

    def _one(self, frame):
        ids = (torch.arange(HW[1]) // 4 + frame.at.index).remainder(19).long().repeat(HW[0], 1)
        probs = torch.nn.functional.one_hot(ids, 19).permute(2, 0, 1).float()
        return Segmentation(at=frame.at, space=CITYSCAPES, size_hw=HW, probs=probs)


def _protocol(clips, **changes):
    told = {
        "dataset": "cityscapes",
        "split": "val",
        "label_space": "cityscapes",
        "fps_by_clip": {clip.clip: 17.0 for clip in clips},
        "horizons_s": (0.18, 0.53),
        "step_s": 3 / 17,
        "num_inputs": 4,
        "inputs": "published",
        "origins": "anchored",
        "targets": ("truth", "segmenter"),
        "segmenter": "stripes",
        "segmenter_fingerprint": "s",
    }
    return Protocol(**(told | changes))


def _evaluated(clips, protocol, segmenters=lambda _: Stripes()):
    return score_clips(
        clips,
        protocol=protocol,
        plan=planned(protocol, clips),
        segmenters=segmenters,
        predictors=[CopyLast()],
        space=CITYSCAPES,
    )


def test_exactly_the_published_frames_are_read():
    clip = Clip()
    _evaluated([clip], _protocol([clip]))
    assert clip.read == [1, 4, 7, 10, 13, 16, 19]


def test_native_inputs_add_the_frame_before_each_origin():
    clip = Clip()
    _evaluated([clip], _protocol([clip], inputs="native"))
    assert clip.read == [1, 4, 7, 9, 10, 13, 15, 16, 19]


def test_a_perfect_segmenter_is_a_perfect_ceiling_and_copying_is_not():
    clip = Clip()
    evaluated = _evaluated([clip], _protocol([clip]))
    by_row = {(one.predictor, one.target, one.horizon_s): one for one in evaluated.scores}
    assert len(by_row) == 8
    for (predictor, _, _), scores in by_row.items():
        reached = mean_iou(pooled([one.confusion for one in scores.sums]))
        assert (reached == 1) == (predictor == "ceiling")
    assert by_row["copy-last", "truth", 0.18].served_s == pytest.approx(3 / 17)
    assert by_row["copy-last", "truth", 0.53].steps == 3


def test_void_never_counts():
    clip = Clip()
    scores = _evaluated([clip], _protocol([clip])).scores
    truth = next(one for one in scores if one.target == "truth")
    assert truth.sums[0].confusion.sum() == (HW[0] - 1) * HW[1]


def test_annotations_in_a_segmenters_place_need_every_input():
    clip = Clip()
    with pytest.raises(UsageError, match="frame 1 has no annotation"):
        _evaluated([clip], _protocol([clip], targets=("truth",)), annotation_segmenters)


def test_annotations_in_a_segmenters_place_score_one_at_the_ceiling():
    clip = Clip(annotated=tuple(range(30)))
    protocol = _protocol([clip], targets=("truth",), origins="common")
    evaluated = _evaluated([clip], protocol, annotation_segmenters)
    ceiling = [one for one in evaluated.scores if one.predictor == "ceiling"]
    assert ceiling
    for one in ceiling:
        assert mean_iou(pooled([sums.confusion for sums in one.sums])) == 1


def test_two_clips_add_up():
    clips = [Clip("a_000000_000019"), Clip("b_000000_000019")]
    both = _evaluated(clips, _protocol(clips)).scores
    apart = [_evaluated([clip], _protocol([clip])).scores for clip in clips]
    for whole, *parts in zip(both, *apart, strict=True):
        total = pooled([one.confusion for part in parts for one in part.sums])
        assert np.array_equal(pooled([one.confusion for one in whole.sums]), total)


def test_every_picture_kept_has_its_present_and_its_future():
    clip = Clip()
    looks = _evaluated([clip], _protocol([clip])).looks
    assert {one.horizon_s for one in looks} == {0.18, 0.53}
    for one in looks:
        assert one.now.at.index == one.sums.origin_index
        assert one.future.at.index == 19


def test_clips_too_short_for_a_horizon_are_refused_with_what_is_needed():
    clip = Clip()
    protocol = _protocol([clip], origins="common", horizons_s=(2.0,))
    with pytest.raises(UsageError, match=r"has 30 frames .* needs 44"):
        planned(protocol, [clip])


def test_scores_in_another_space_collapse_both_sides():
    clip = Clip()
    evaluated = score_clips(
        [clip],
        protocol=_protocol([clip], targets=("segmenter",), label_space="camvid"),
        plan=planned(_protocol([clip]), [clip]),
        segmenters=lambda _: Stripes(),
        predictors=[CopyLast()],
        space=CAMVID,
    )
    assert evaluated.scores[0].sums[0].confusion.shape == (11, 11)


class FourPixelsAFrame:
    """The true motion of the stripes, whatever lies between the two pictures."""

    name = "true"

    def __call__(self, reference, moving):
        flow = torch.zeros(2, *reference.size_hw)
        flow[0] = 4.0 * (reference.at.index - moving.at.index)
        return flow


def _with_oracle(horizons_s):
    clip = Clip(annotated=range(30))
    protocol = _protocol([clip], horizons_s=horizons_s, origins="common", targets=("segmenter",))
    evaluated = score_clips(
        [clip],
        protocol=protocol,
        plan=planned(protocol, [clip]),
        segmenters=lambda _: Stripes(),
        predictors=[CopyLast()],
        space=CITYSCAPES,
        flow=FourPixelsAFrame(),
    )
    return {
        (one.predictor, one.horizon_s): pooled([origin.confusion for origin in one.sums])
        for one in evaluated.scores
    }


def test_the_oracle_knows_what_motion_brings_and_copying_does_not():
    found = _with_oracle((1 / 17, 3 / 17))
    for horizon_s, entering in ((1 / 17, 4), (3 / 17, 12)):
        table = found["oracle-motion", horizon_s]
        right = np.diag(table).sum() / table.sum()
        assert right >= 1 - entering / HW[1]
        assert np.diag(found["copy-last", horizon_s]).sum() == 0


def test_the_oracle_leaves_out_what_is_too_far_for_a_flow(monkeypatch):
    monkeypatch.setattr("forecast.api.walk.LONGEST_S", 0.3)
    found = _with_oracle((0.18, 0.53))
    assert ("oracle-motion", 0.18) in found
    assert ("oracle-motion", 0.53) not in found
    assert ("ceiling", 0.53) in found


def _with_extras(clip, names, *, protocol=None, **more):
    protocol = protocol or _protocol([clip], targets=("truth",))
    extras = extras_named(names, flow=DisFlow)
    return score_clips(
        [clip],
        protocol=protocol,
        plan=planned(protocol, [clip]),
        segmenters=lambda _: Stripes(),
        predictors=[CopyLast()],
        space=CITYSCAPES,
        extras=extras,
        **more,
    )


def test_every_row_has_every_further_score_and_the_counts_stay_what_they_were():
    clip = Clip()
    evaluated = _with_extras(clip, ["all"])
    plain = _evaluated([clip], _protocol([clip], targets=("truth",)))
    figures = {name for one in extras_named(["all"], flow=DisFlow) for name in one.words}
    for one, other in zip(evaluated.scores, plain.scores, strict=True):
        assert np.array_equal(one.sums[0].confusion, other.sums[0].confusion)
        assert other.extras == {}
        assert set(one.extras) == figures
    rows = {one.predictor: one.extras for one in evaluated.scores if one.horizon_s == 0.18}
    for name in ("pixel_accuracy", "image_miou", "boundary_f"):
        assert rows["ceiling"][name] == 1 > rows["copy-last"][name]
    assert rows["ceiling"]["nll"] < 0.01 < rows["copy-last"]["nll"]
    assert np.isnan(rows["ceiling"]["latency_p50_ms"])
    assert rows["copy-last"]["latency_p50_ms"] > 0
    assert any("boundary_f" in note for note in evaluated.notes)


def test_what_predictors_share_is_forgotten_only_where_they_are_timed():
    clip = Clip()
    forgotten = []
    _with_extras(clip, ["accuracy"], alone=lambda: forgotten.append(1))
    assert not forgotten
    _with_extras(clip, ["latency"], alone=lambda: forgotten.append(1))
    assert len(forgotten) == 2  # One predictor, two origins.


def test_a_score_may_look_at_the_frame_before_of_the_same_row():
    clip = Clip(annotated=tuple(range(30)))
    protocol = _protocol([clip], targets=("truth",), origins="common", horizons_s=(0.2,))
    seen = []

    def sums(compared):
        seen.append(compared)
        return np.zeros(1)

    words = {"nothing": FigureWords(title="", about="")}
    looking = Extra(
        name="looking",
        sums=sums,
        figures=lambda _: {"nothing": 0.0},
        words=words,
        needs=frozenset(["before"]),
    )
    score_clips(
        [clip],
        protocol=protocol,
        plan={clip.clip: planned(protocol, [clip])[clip.clip][:4:1]},
        segmenters=lambda _: Stripes(),
        predictors=[CopyLast()],
        space=CITYSCAPES,
        extras=[looking],
    )
    copied = [one for one in seen if np.isfinite(one.latency_ms)]
    assert [one.before is None for one in copied] == [True, False, False, False]
    for one, before in zip(copied[1:], copied, strict=False):
        assert one.before.future is before.future
        assert np.array_equal(one.before.labels, before.labels)
        assert np.array_equal(one.before.target_ids, before.target_ids)
