"""How the camera car drives: cruises, slows for bends, stops for people, nods as it brakes.

Simulated once for a whole clip (40 bytes a frame); afterwards every moment is a look-up.
Axes: T frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.synthetic.street.camera import Camera
from forecast.synthetic.street.road import BLOCK_M, CROSSWALK_M, Road

_PULL = 1.6
_HALT_SHARE = 0.65
_LOOK_ON_S = 14.0
"""Simulated beyond the end, so that who crosses knows when the car will leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """A stop before a zebra."""

    block: int
    leaves_s: float
    """When the car moves off again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """The camera car over time; positions are along the street."""

    fps: float
    along_m: NDArray[np.float64]
    """[T]"""
    speed: NDArray[np.float64]
    """[T] metres a second."""
    shift_m: NDArray[np.float64]
    """[T] right of the lane's middle."""
    turn_rad: NDArray[np.float64]
    """[T] heading relative to the street."""
    pitch_rad: NDArray[np.float64]
    """[T]"""
    lift_m: NDArray[np.float64]
    """[T] above the usual height."""
    halts: tuple[Halt, ...]

    def braking(self, index: int) -> bool:
        """Whether the brake lights of cars keeping pace are on."""
        before = max(0, index - 1)
        change = (self.speed[index] - self.speed[before]) * self.fps
        return bool(change < -0.7 or self.speed[index] < 0.3)

    def camera(self, road: Road, index: int, size_hw: tuple[int, int]) -> Camera:
        """Where the camera is at a frame."""
        d = road.layout.lane_m / 2 + float(self.shift_m[index])
        x, z, heading = road.pose(float(self.along_m[index]), d)
        return Camera(
            position=(x, 1.32 + float(self.lift_m[index]), z),
            yaw_rad=heading + float(self.turn_rad[index]),
            pitch_rad=float(self.pitch_rad[index]),
            size_hw=size_hw,
        )


def _wander(
    rng: np.random.Generator, moments: NDArray[np.float64], periods_s: tuple[float, ...]
) -> NDArray[np.float64]:
    """A smooth wobble within -1 and 1: a few sines of random phase."""
    waves = [np.sin(moments * 2 * np.pi / p + rng.uniform(0, 2 * np.pi)) for p in periods_s]
    return np.mean(waves, axis=0)


def _halting_blocks(road: Road, seed: int) -> list[int]:
    """Crossings at which somebody wants to cross."""
    return [
        block.number
        for block in road.blocks
        if block.kind == "crossing"
        and np.random.default_rng([seed, 21, block.number]).random() < _HALT_SHARE
    ]


def _wanted_speed(road: Road, along: float, cruise: float) -> float:
    """Cruising speed, less in bends and a little before them."""
    bends = (road.block_at(along).curvature, road.block_at(along + 14).curvature)
    return min(cruise, *(np.sqrt(1.9 / max(abs(bend), 1e-4)) for bend in bends))


def _driven(
    road: Road,
    waiting_at: list[int],
    rng: np.random.Generator,
    num: int,
    fps: float,
    start_m: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[Halt]]:
    """Position and speed of every frame, and the halts made."""
    cruise = float(rng.uniform(7.0, 14.5))
    along, speed = start_m, cruise * float(rng.uniform(0.3, 1.0))
    positions, speeds, halts = np.zeros(num), np.zeros(num), list[Halt]()
    leaves_at = -1.0
    for index in range(num):
        positions[index], speeds[index] = along, speed
        moment = index / fps
        while waiting_at and waiting_at[0] * BLOCK_M + CROSSWALK_M - 6.0 < along - 1.0:
            waiting_at.pop(0)
        room = waiting_at[0] * BLOCK_M + CROSSWALK_M - 6.0 - along if waiting_at else np.inf
        change = float(np.clip(_wanted_speed(road, along, cruise) - speed, -2.0, _PULL))
        if room < speed * speed / (2 * 2.0) + 1.0:
            change = -min(4.5, speed * speed / (2 * max(room, 0.3)))
        if waiting_at and speed < 0.35 and room < 1.5:
            if leaves_at < 0:
                leaves_at = moment + float(rng.uniform(2.0, 4.0))
                halts.append(Halt(block=waiting_at[0], leaves_s=leaves_at))
            change = -speed * fps
            if moment >= leaves_at:
                waiting_at.pop(0)
                leaves_at = -1.0
        speed = max(0.0, speed + change / fps)
        along += speed / fps
    return positions, speeds, halts


def drive(*, road: Road, seed: int, num_frames: int, fps: float, start_m: float) -> Drive:
    """A whole drive."""
    rng = np.random.default_rng([seed, 20])
    num = num_frames + round(_LOOK_ON_S * fps)
    along, speed, halts = _driven(road, _halting_blocks(road, seed), rng, num, fps, start_m)
    moments = np.arange(num) / fps
    shift = 0.28 * _wander(rng, along, (170.0, 90.0, 61.0))
    sideways = np.gradient(shift, moments)
    gain = np.clip(speed / 8.0, 0.1, 1.0)
    acceleration = np.convolve(np.gradient(speed, moments), np.ones(5) / 5, mode="same")
    jitter = 0.0035 * gain * _wander(rng, moments, (0.31, 0.47, 0.83, 1.9))
    return Drive(
        fps=fps,
        along_m=along,
        speed=speed,
        shift_m=shift,
        turn_rad=np.arctan2(sideways, np.maximum(speed, 1.0))
        + 0.012 * _wander(rng, moments, (2.3, 5.1, 8.7)),
        pitch_rad=0.012 - 0.0045 * np.clip(acceleration, -5, 3) + jitter,
        lift_m=0.018 * gain * _wander(rng, moments, (0.43, 0.71, 1.3)),
        halts=tuple(halts),
    )
