"""Stills in motion: what is near grows, what is far stays, and labels move with the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from forecast.labels import CAMVID, CITYSCAPES
from forecast.sources.datasets.camvid import open_camvid
from forecast.stages import AnnotatedSource
from forecast.synthetic.stills.geometry import depth_and_velocity
from forecast.synthetic.stills.scene import Ride, Scene, scene_of
from forecast.synthetic.stills.source import StillDrive

H, W = 48, 64
ROAD, SKY, BUILDING, CAR = (CITYSCAPES.id_of(one) for one in ("road", "sky", "building", "car"))


def _ids() -> np.ndarray:
    """Sky over two buildings and a gap, road from half way down, a car on it."""
    ids = np.full((H, W), SKY, np.uint8)
    ids[24:] = ROAD
    ids[8:30, :20] = BUILDING
    ids[8:30, 44:] = BUILDING
    ids[26:32, 30:36] = CAR
    return ids


def _scene(**ride: float) -> Scene:
    ids = torch.from_numpy(_ids())
    rgb = ids[None].expand(3, -1, -1) * 10
    scene = scene_of(rgb, ids, np.random.default_rng(0), num_frames=2)
    still = {"speed": 0.0, "acceleration": 0.0, "yaw": 0.0, "drift": 0.0}
    points = {name: getattr(scene.points, name) for name in scene.points.__slots__}
    for name in ("vx", "vz"):
        points[name] = np.zeros_like(points[name])
    return Scene(
        points=type(scene.points)(**points),
        ride=Ride(**(still | ride), pitch=np.zeros(2)),
        horizon=scene.horizon,
        still_hw=scene.still_hw,
    )


def _labels(scene: Scene, after_s: float) -> np.ndarray:
    return scene.points.ids[scene.seen(0, after_s, (H, W))]


def test_a_camera_that_stands_sees_the_still():
    assert np.array_equal(_labels(_scene(), 1.0), _ids())


def test_what_stands_on_the_road_grows_as_it_is_approached():
    scene = _scene(speed=4.0)
    sizes = [(_labels(scene, after_s) == CAR).sum() for after_s in (0.0, 0.4, 0.8)]
    assert sizes[0] < sizes[1] < sizes[2]


def test_what_is_far_keeps_its_place():
    assert (_labels(_scene(speed=4.0), 0.8)[:4, 28:36] == SKY).all()


def test_a_turn_moves_everything_to_one_side():
    car = [np.nonzero(_labels(_scene(yaw=0.1), after_s) == CAR)[1].mean() for after_s in (0.0, 1.0)]
    assert abs(car[1] - car[0]) == pytest.approx(0.1 * 0.95 * W, abs=1.5)


def test_depth_falls_down_the_road_and_sky_is_farthest():
    depth, _, horizon = depth_and_velocity(_ids(), np.random.default_rng(0))
    below = depth[int(horizon) + 4 :, 25]
    assert (np.diff(below) <= 0).all()
    assert depth[0, 30] > 10 * depth[24:].max()
    # The car stands where its wheels touch the road.
    assert depth[26, 32] == pytest.approx(depth[32, 32], rel=0.1)


def _camvid(root: Path) -> AnnotatedSource:
    ids = np.full((H, W), CAMVID.id_of("sky"), np.uint8)
    ids[24:] = CAMVID.id_of("road")
    ids[26:32, 30:36] = CAMVID.id_of("car")
    ids[40:, :8] = CAMVID.void_id
    for folder, picture in (("val", np.zeros((H, W, 3), np.uint8)), ("valannot", ids)):
        (root / folder).mkdir()
        Image.fromarray(picture).save(root / folder / "0016E5_00001.png")
    (root / "val.txt").write_text("/x/val/0016E5_00001.png /x/valannot/0016E5_00001.png\n")
    return open_camvid(root)[0]


def test_labels_are_lifted_to_cityscapes_and_void_stays_void(tmp_path: Path):
    ids = StillDrive(_camvid(tmp_path), 0, size_hw=(H, W)).label_map(0).ids
    assert set(ids.unique().tolist()) == {ROAD, SKY, CAR, CITYSCAPES.void_id}


def test_another_seed_is_another_ride_and_another_fingerprint(tmp_path: Path):
    source = _camvid(tmp_path)
    rides = [StillDrive(source, 0, seed=seed, size_hw=(H, W)) for seed in range(4)]
    assert len({one.fingerprint for one in rides}) == 4
    assert len({one.label_map(20).ids.numpy().tobytes() for one in rides}) > 1
