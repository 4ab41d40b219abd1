"""What is read and scored follows from the protocol alone."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import UsageError
from forecast.evaluation.protocol import (
    Protocol,
    horizon_frames,
    origins_anchored,
    origins_common,
    snippets,
    wanted_frames,
)
from forecast.values import History, num_stride_frames


def protocol(**changed):
    asked = {
        "dataset": "cityscapes",
        "split": "val",
        "label_space": "cityscapes",
        "fps_by_clip": {"a": 17.0},
        "horizons_s": (0.18, 0.53),
        "step_s": 0.176,
        "num_inputs": 4,
        "inputs": "published",
        "origins": "anchored",
        "targets": ("truth",),
        "segmenter": "small",
        "segmenter_fingerprint": "abc",
    }
    return Protocol(**(asked | changed))


def test_cityscapes_short_term_reads_exactly_7_10_13_16_and_19():
    (short,) = snippets(protocol(horizons_s=(0.18,)), "a", num_frames=30, annotated=[19])
    assert short.inputs == (7, 10, 13, 16)
    assert short.targets == {0.18: 19}
    assert wanted_frames([short]) == (7, 10, 13, 16, 19)


def test_cityscapes_mid_term_reads_exactly_1_4_7_10_and_19():
    (mid,) = snippets(protocol(horizons_s=(0.53,)), "a", num_frames=30, annotated=[19])
    assert mid.inputs == (1, 4, 7, 10)
    assert wanted_frames([mid]) == (1, 4, 7, 10, 19)


def test_native_inputs_add_only_the_frame_before_each_origin():
    both = snippets(protocol(inputs="native"), "a", num_frames=30, annotated=[19])
    assert [one.previous for one in both] == [9, 15]
    assert wanted_frames(both) == (1, 4, 7, 9, 10, 13, 15, 16, 19)


def test_camvid_val_has_36_origins_from_9_to_44():
    origins = origins_common(
        num_frames=60,
        fps=15.0,
        horizons_s=(0.2, 0.6, 1.0),
        step_s=0.176,
        num_inputs=4,
        annotated=range(60),
    )
    assert origins == tuple(range(9, 45))


def test_common_origins_need_every_target_annotated_only_for_truth():
    asked = protocol(origins="common", fps_by_clip={"a": 10.0}, horizons_s=(0.2, 0.5))
    annotated = [one for one in range(30) if one != 20]
    held = [one.origin for one in snippets(asked, "a", num_frames=30, annotated=annotated)]
    assert held == [one for one in range(6, 25) if one not in (18, 15)]
    free = replace(asked, targets=("segmenter",))
    assert len(snippets(free, "a", num_frames=30, annotated=[])) == 19


def test_an_annotated_frame_without_full_history_is_no_target():
    short = {"fps": 17.0, "horizon_s": 0.53, "step_s": 0.176, "num_inputs": 4}
    assert origins_anchored(annotated=[19, 17, 18], **short) == (9, 10)


def test_one_origin_may_serve_two_horizons():
    both = snippets(protocol(), "a", num_frames=40, annotated=[19, 25])
    assert [(one.origin, dict(one.targets)) for one in both] == [
        (10, {0.53: 19}),
        (16, {0.18: 19, 0.53: 25}),
        (22, {0.18: 25}),
    ]


@given(
    num_frames=st.integers(1, 120),
    fps=st.floats(5, 60),
    step_s=st.floats(0.02, 0.5),
    num_inputs=st.integers(1, 6),
    far=st.floats(0.25, 2.0),
)
def test_no_snippet_leaves_its_clip(num_frames, fps, step_s, num_inputs, far):
    asked = protocol(
        origins="common",
        inputs="native",
        fps_by_clip={"a": fps},
        horizons_s=(0.2, far),
        step_s=step_s,
        num_inputs=num_inputs,
        targets=("segmenter",),
    )
    for one in snippets(asked, "a", num_frames=num_frames, annotated=[]):
        assert len(one.inputs) == num_inputs
        read = wanted_frames([one])
        assert read[0] >= 0
        assert read[-1] < num_frames
        assert {b - a for a, b in zip(one.inputs, one.inputs[1:], strict=False)} <= {
            num_stride_frames(step_s, 1 / fps)
        }


def test_half_a_frame_rounds_as_python_rounds():
    assert horizon_frames(0.1, 25.0) == round(2.5) == 2
    assert horizon_frames(0.14, 25.0) == round(3.5) == 4


@given(st.integers(1, 400), st.sampled_from([8.0, 9.97, 12.5, 15.0, 17.0, 25.0, 29.97, 50.0]))
def test_frames_to_a_horizon_agree_with_a_history(hundredths, fps):
    horizon_s = 0.2 + hundredths / 200
    history = SimpleNamespace(frame_s=1 / fps)
    assert History.num_frames.__get__(history)(horizon_s) == horizon_frames(horizon_s, fps)


def test_a_horizon_below_half_a_frame_is_refused():
    with pytest.raises(UsageError, match="less than half a frame at 10 frames/s"):
        horizon_frames(0.04, 10.0)


def test_horizons_must_rise():
    with pytest.raises(UsageError, match="rising"):
        protocol(horizons_s=(0.5, 0.2))
    with pytest.raises(UsageError, match="at least one"):
        protocol(horizons_s=())


def test_the_hash_is_stable_and_feels_every_field():
    base = protocol()
    assert base.hash == protocol().hash
    assert len(base.hash) == 16
    changes = {
        "dataset": "camvid",
        "split": "train",
        "label_space": "camvid",
        "fps_by_clip": {"a": 15.0},
        "horizons_s": (0.18,),
        "step_s": 0.2,
        "num_inputs": 3,
        "inputs": "native",
        "origins": "common",
        "targets": ("segmenter",),
        "segmenter": "other",
        "segmenter_fingerprint": "def",
        "upsampling": "labels nearest",
        "drive_by_clip": {"a": "monday"},
        "every": 2,
    }
    assert set(changes) == set(Protocol.__dataclass_fields__)
    hashes = {protocol(**{name: value}).hash for name, value in changes.items()}
    assert len(hashes | {base.hash}) == len(changes) + 1


def test_the_order_of_clips_does_not_change_the_hash():
    one = protocol(fps_by_clip={"a": 17.0, "b": 15.0})
    assert one.hash == protocol(fps_by_clip={"b": 15.0, "a": 17.0}).hash


def test_the_rules_can_be_said_in_words():
    words = " ".join(protocol(targets=("truth", "segmenter")).in_words())
    assert "annotation (truth) and to what the segmenter says" in words
    assert "just before the last" in " ".join(protocol(inputs="native").in_words())
