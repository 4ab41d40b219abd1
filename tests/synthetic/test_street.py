"""Rendered streets: exact, seeded, and the same however they are asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from forecast.errors import UsageError
from forecast.labels import CITYSCAPES
from forecast.synthetic.street.source import StreetSource

SIZE = (64, 128)


def _street(seed=3, **settings):
    settings = {"num_frames": 40, "size_hw": SIZE, **settings}
    return StreetSource(seed=seed, **settings)


def _warped(previous, flow):
    """Nearest pixel of the previous map at p + flow[p], repeating the border."""
    height, width = previous.shape
    x = np.rint(np.arange(width) + flow[0].numpy()).clip(0, width - 1).astype(int)
    y = np.rint(np.arange(height)[:, None] + flow[1].numpy()).clip(0, height - 1).astype(int)
    return previous.numpy()[y, x]


def test_the_true_flow_carries_labels_to_the_next_frame_outside_disocclusions():
    same = counted = pixels = 0
    for seed in (2, 3):
        street = _street(seed, size_hw=(128, 256))
        for index in (8, 39):
            visible = street.visible(index).numpy()
            now = street.label_map(index).ids.numpy()
            carried = _warped(street.label_map(index - 1).ids, street.flow(index))
            same += int((carried == now)[visible].sum())
            counted += int(visible.sum())
            pixels += visible.size
    assert same / counted >= 0.995
    assert counted / pixels > 0.85


def test_the_true_flow_explains_the_picture_better_than_no_motion():
    street = _street(size_hw=(128, 256))
    visible, flow = street.visible(10).numpy(), street.flow(10)
    now = street.frame(10).rgb[1].float().numpy()
    before = street.frame(9).rgb[1]
    still = np.abs(before.float().numpy() - now)[visible].mean()
    assert np.abs(_warped(before, flow).astype(float) - now)[visible].mean() < 0.6 * still


def test_some_of_each_frame_was_hidden_before():
    assert not _street().visible(12).all()


def test_the_same_seed_gives_the_same_bytes_in_any_order():
    one, other = _street(), _street()
    backwards = {index: one.frame(index).rgb for index in (30, 7)}
    for index in (7, 30):
        assert torch.equal(other.frame(index).rgb, backwards[index])
        assert torch.equal(other.label_map(index).ids, one.label_map(index).ids)


def test_another_seed_gives_another_street():
    assert not torch.equal(_street(1).frame(5).rgb, _street(2).frame(5).rgb)


def test_the_labels_are_train_ids_without_void():
    ids = _street().label_map(4).ids
    assert ids.dtype == torch.uint8
    assert int(ids.max()) < CITYSCAPES.num_classes


def test_streets_show_what_streets_have():
    counts = np.zeros(19)
    for seed in (1, 2, 3):
        street = _street(seed)
        for index in (0, 39):
            counts += np.bincount(street.label_map(index).ids.numpy().ravel(), minlength=19)
    shares = dict(zip(CITYSCAPES.names, counts / counts.sum(), strict=True))
    assert 0.2 < shares["road"] < 0.5
    assert 0.1 < shares["building"] < 0.45
    assert 0.04 < shares["vegetation"] < 0.35
    assert 0.02 < shares["car"] < 0.3
    assert all(shares[name] > 0 for name in ("person", "sky", "sidewalk", "pole", "rider"))


def test_instances_agree_with_the_labels():
    street = _street()
    ids, instances = street.label_map(20).ids.numpy(), street.instance_ids(20).numpy()
    label_ids = np.where(instances >= 1000, instances // 1000, instances)
    assert (label_ids[ids == CITYSCAPES.id_of("car")] == 26).all()
    assert (label_ids[ids == CITYSCAPES.id_of("road")] == 7).all()
    assert len(np.unique(instances[instances >= 1000])) >= 3


def test_a_long_street_is_reached_without_what_comes_before_it():
    street = _street(num_frames=17 * 60)
    assert street.frame(17 * 60 - 1).rgb.shape == (3, *SIZE)


def test_the_first_frame_has_no_flow():
    with pytest.raises(UsageError, match="begins at frame 1"):
        _street().flow(0)


def test_a_frame_beyond_the_end_is_named():
    with pytest.raises(UsageError, match="frames are 0 to 39"):
        _street().frame(40)


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"num_frames": 0}, {"fps": 0.0}])
def test_impossible_streets_are_refused(wrong):
    with pytest.raises(UsageError, match="must be at least"):
        _street(**wrong)


def test_the_fingerprint_tells_streets_apart():
    assert _street(1).fingerprint == _street(1).fingerprint != _street(2).fingerprint
