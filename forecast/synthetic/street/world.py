"""One drive: what is where at each frame, and how it looks from the camera.

Axes: F patches, H W picture.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.labels import CITYSCAPES
from forecast.synthetic.street.camera import CLOUD_PLANE, GROUND_PLANE, Camera
from forecast.synthetic.street.facades import NUM_SKYLINES, skyline
from forecast.synthetic.street.light import developed, light_of, sky, sunlit
from forecast.synthetic.street.motion import drive
from forecast.synthetic.street.patches import Patch, Placed, joined, place, sprite, upright
from forecast.synthetic.street.raster import NO_PATCH, Canvas, draw
from forecast.synthetic.street.road import Road
from forecast.synthetic.street.scene import block_contents
from forecast.synthetic.street.surface import darken, lay_ground
from forecast.synthetic.street.traffic import Traffic

_BEHIND_M, _AHEAD_M = 14.0, 160.0
_KEPT_BLOCKS = 12
_SKY, _VEGETATION = CITYSCAPES.id_of("sky"), CITYSCAPES.id_of("vegetation")
_SKYLINE_UID = 1 << 50


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One frame: its picture, and what each pixel shows."""

    rgb: NDArray[np.uint8]
    """[H, W, 3]"""
    labels: NDArray[np.uint8]
    """[H, W] train ids."""
    surface: NDArray[np.int32]
    """[H, W]; index into `keys`: a patch, or ground (F) or sky (F + 1)."""
    keys: NDArray[np.int64]
    """[F + 2]; the same surface has the same key in every frame."""
    instances: NDArray[np.int32]
    """[F + 2]; which one of its class."""
    homographies: NDArray[np.float64]
    """[F + 2, 3, 3]; from each surface to the picture."""


def _skyline(camera: Camera) -> Placed:
    """Far trees all round; they travel with the camera, as what is far away seems to."""
    groups: list[Placed] = []
    for number in range(12):
        plane = upright(centre_x=0.0, bottom=-3.0, width=225.0, height=20.0, z=400.0)
        patch = Patch(plane=plane, texture=skyline(number % NUM_SKYLINES), label=_VEGETATION)
        groups.append(
            place(
                sprite((patch,)),
                at=(camera.position[0], 0.0, camera.position[2]),
                heading_rad=number * np.pi / 6,
                uid=_SKYLINE_UID + number,
            )
        )
    return joined(groups)


class World:
    """A street, its traffic and the car that films it; a function of the seed."""

    def __init__(self, *, seed: int, num_frames: int, size_hw: tuple[int, int], fps: float) -> None:
        rng = np.random.default_rng([seed, 1])
        start_m = 56.0 + float(rng.uniform(0, 140))
        self._seed, self._size_hw = seed, size_hw
        length_m = start_m + 15.0 * (num_frames / fps + 14.0) + _AHEAD_M + 60.0
        self._road = Road(seed=seed, length_m=length_m)
        self._drive = drive(
            road=self._road, seed=seed, num_frames=num_frames, fps=fps, start_m=start_m
        )
        self._traffic = Traffic(seed=seed, road=self._road, drive=self._drive)
        self._light = light_of(seed)
        self._blocks: OrderedDict[int, Placed] = OrderedDict()

    def _static(self, number: int) -> Placed:
        if number not in self._blocks:
            self._blocks[number] = block_contents(
                seed=self._seed, block=self._road.blocks[number], layout=self._road.layout
            )
            if len(self._blocks) > _KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def camera(self, index: int) -> Camera:
        """Where the camera is."""
        return self._drive.camera(self._road, index, self._size_hw)

    def placed(self, *, window: int, index: int) -> Placed:
        """All that is near the camera at frame `window`, as it is at frame `index`."""
        along = float(self._drive.along_m[window])
        blocks = self._road.near(along, behind_m=_BEHIND_M, ahead_m=_AHEAD_M)
        return joined(
            (
                *(self._static(block.number) for block in blocks),
                *self._traffic.around(window=window, index=index),
                _skyline(self.camera(index)),
            )
        )

    def _homographies(self, camera: Camera, placed: Placed) -> NDArray[np.float64]:
        return np.concatenate(
            [
                camera.project_planes(placed.planes),
                camera.project_planes(GROUND_PLANE[None]),
                camera.project_directions(CLOUD_PLANE[None]),
            ]
        )

    def homographies(self, *, window: int, index: int) -> NDArray[np.float64]:
        """How every surface of view `window` would appear in frame `index`, [F + 2, 3, 3]."""
        return self._homographies(self.camera(index), self.placed(window=window, index=index))

    def view(self, index: int) -> View:
        """One frame."""
        camera, placed = self.camera(index), self.placed(window=index, index=index)
        homographies = self._homographies(camera, placed)
        num = len(placed.labels)
        canvas = Canvas.blank(self._size_hw)
        along = float(self._drive.along_m[index])
        blocks = self._road.near(along, behind_m=_BEHIND_M, ahead_m=_AHEAD_M)
        ground = lay_ground(canvas, homographies[num], blocks, self._road.layout, self._light)
        darken(canvas, camera.project_planes(placed.shadows))
        draw(canvas, placed, homographies[:num])
        bare = canvas.patch == NO_PATCH
        surface = np.where(bare, np.where(canvas.inverse_depth > 0, num, num + 1), canvas.patch)
        labels = np.concatenate([placed.labels, np.array([0, _SKY], np.uint8)])[surface]
        np.copyto(labels, ground, where=surface == num)
        return View(
            rgb=self._picture(canvas, placed, surface, camera, index),
            labels=labels,
            surface=surface.astype(np.int32),
            keys=np.concatenate([placed.keys, np.array([-1, -2])]),
            instances=np.concatenate([placed.instances, np.zeros(2, np.int32)]),
            homographies=homographies,
        )

    def _picture(
        self,
        canvas: Canvas,
        placed: Placed,
        surface: NDArray[np.int64],
        camera: Camera,
        index: int,
    ) -> NDArray[np.uint8]:
        gains = placed.gains * sunlit(self._light, placed.planes)
        gains = np.concatenate([gains, np.ones(2, np.float32)])[surface]
        lit = canvas.rgba[..., :3].astype(np.float32)
        lit *= gains[..., None]
        lit *= np.asarray(self._light.tint, np.float32)
        above = surface == len(placed.labels) + 1
        rows = np.flatnonzero(above.any(axis=1))
        if rows.size:
            num_rows = int(rows[-1]) + 1
            np.copyto(
                lit[:num_rows],
                sky(self._light, camera, num_rows=num_rows),
                where=above[:num_rows, :, None],
            )
        return developed(lit, canvas.inverse_depth, light=self._light, seed=self._seed, index=index)
