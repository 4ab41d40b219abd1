"""Sun, sky, haze and the camera's own faults: how a street's colours become a picture.

Axes: F patches, H W picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from forecast.synthetic.street.camera import CLOUD_PLANE, Camera
from forecast.synthetic.street.noise import Plane, smooth_noise

Colour = tuple[float | int, float | int, float | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """The weather and hour of a drive."""

    name: str
    tint: Colour
    """Multiplies every colour."""
    sun: tuple[float, float]
    """World (x, z) it shines from, its length how strongly; 0 under cloud."""
    horizon: Colour
    zenith: Colour
    cloud: Colour
    cover: float
    """Cloudiness, 0 to 1."""
    haze_m: float
    """Distance at which haze hides 63 per cent."""
    noise: float
    """Standard deviation of the sensor's noise in grey levels."""
    blur_px: float
    """At a width of 512 pixels."""


def light_of(seed: int) -> Light:
    """The light of a seed: sun, cloud, haze or dusk."""
    rng = np.random.default_rng([seed, 50])
    angle, exposure = rng.uniform(0, 2 * np.pi), rng.uniform(0.86, 1.12)
    x, z = float(np.cos(angle)), float(np.sin(angle))
    pick = rng.random()
    noise, blur = float(rng.uniform(1.2, 3.5)), float(rng.uniform(0.45, 0.7))
    if pick < 0.4:
        name, tint, sun = "sun", (1.10, 1.03, 0.92), (0.34 * x, 0.34 * z)
        horizon, zenith, cloud = (206, 220, 234), (92, 142, 206), (250, 250, 250)
        cover, haze = float(rng.uniform(0.2, 0.5)), 420.0
    elif pick < 0.72:
        name, tint, sun = "overcast", (0.88, 0.91, 0.95), (0.05 * x, 0.05 * z)
        horizon, zenith, cloud = (226, 228, 230), (196, 202, 210), (238, 239, 240)
        cover, haze = float(rng.uniform(0.7, 1.0)), 260.0
    elif pick < 0.87:
        name, tint, sun = "haze", (0.98, 0.97, 0.93), (0.12 * x, 0.12 * z)
        horizon, zenith, cloud = (222, 219, 210), (176, 190, 204), (236, 234, 228)
        cover, haze = float(rng.uniform(0.3, 0.7)), 150.0
    else:
        name, tint, sun = "dusk", (0.72, 0.60, 0.58), (0.26 * x, 0.26 * z)
        horizon, zenith, cloud = (232, 178, 138), (88, 98, 142), (206, 152, 142)
        cover, haze, noise = float(rng.uniform(0.3, 0.6)), 300.0, noise + 1.5
    return Light(
        name=name, tint=(tint[0] * exposure, tint[1] * exposure, tint[2] * exposure), sun=sun,
        horizon=horizon, zenith=zenith, cloud=cloud, cover=cover, haze_m=haze, noise=noise,
        blur_px=blur,
    )  # fmt: skip


def sunlit(light: Light, planes: NDArray[np.float64]) -> NDArray[np.float32]:
    """Brightness [F] of upright patches [F, 3, 3] by how they face the sun."""
    normal = np.cross(planes[:, :, 0], planes[:, :, 1])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    facing = normal[:, 0] * light.sun[0] + normal[:, 2] * light.sun[1]
    return (1.0 + facing).astype(np.float32)


@lru_cache(maxsize=1)
def _clouds() -> Plane:
    return 0.5 + 0.5 * smooth_noise(np.random.default_rng(111), (512, 512), cell=128, octaves=6)


@lru_cache(maxsize=1)
def _sensor_noise() -> NDArray[np.float32]:
    return np.random.default_rng(112).standard_normal(1 << 21, dtype=np.float32)


def sky(light: Light, camera: Camera, *, num_rows: int) -> NDArray[np.float32]:
    """The sky [num_rows, W, 3] in the upper rows of a picture."""
    width = camera.size_hw[1]
    inverse = np.linalg.inv(camera.project_directions(CLOUD_PLANE[None])[0])
    x, y = np.meshgrid(np.arange(0, width, 2), np.arange(0, num_rows, 2))
    u, v, w = (inverse[i, 0] * x + inverse[i, 1] * y + inverse[i, 2] for i in range(3))
    rise = np.maximum(w, 1e-3)
    height = (rise / np.sqrt(u * u + v * v + rise * rise)).astype(np.float32)
    seen = cv2.remap(
        _clouds(),
        (u / rise * 60).astype(np.float32) % 512,
        (v / rise * 60).astype(np.float32) % 512,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    fade = np.clip(height * 5 - 0.15, 0, 1)
    amount = np.clip((seen - 0.62 + 0.5 * light.cover) * 3.2, 0, 1) * fade
    blue = np.clip(height * 2.6, 0, 1)[..., None]
    clear = (
        np.asarray(light.horizon, np.float32) * (1 - blue)
        + np.asarray(light.zenith, np.float32) * blue
    )
    shaded = np.asarray(light.cloud, np.float32) * (0.9 + 0.2 * seen[..., None])
    mixed = clear + amount[..., None] * (shaded - clear)
    return np.asarray(
        cv2.resize(mixed.astype(np.float32), (width, num_rows), interpolation=cv2.INTER_LINEAR)
    )


def _noise_rows(num_rows: int, rng: np.random.Generator) -> list[int]:
    """Where in the pool of noise each row of a picture begins."""
    return rng.integers(0, _sensor_noise().size - 3 * 8192, num_rows).tolist()


def developed(
    rgb: NDArray[np.float32],
    inverse_depth: NDArray[np.float32],
    *,
    light: Light,
    seed: int,
    index: int,
) -> NDArray[np.uint8]:
    """The picture a camera makes: haze, blur and noise, never brighter than white.

    Args:
        rgb: Colours as lit, [H, W, 3]; changed in place.
        inverse_depth: 1 / metres, 0 for the sky, which has no haze.
        light: The weather.
        seed: Of the drive.
        index: Of the frame; the noise follows from both.
    """
    clear = np.exp(np.float32(-1 / light.haze_m) / np.maximum(inverse_depth, np.float32(1e-3)))
    clear[inverse_depth == 0] = 1.0
    rgb -= np.asarray(light.horizon, np.float32)
    rgb *= clear[..., None]
    rgb += np.asarray(light.horizon, np.float32)
    sigma = light.blur_px * max(0.5, rgb.shape[1] / 512) ** 0.5
    blurred = np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.float32)
    rows = _noise_rows(rgb.shape[0], np.random.default_rng([seed, 51, index]))
    num = rgb.shape[1] * 3
    for row, start in zip(blurred.reshape(-1, num), rows, strict=True):
        row += _sensor_noise()[start : start + num] * np.float32(light.noise)
    np.clip(blurred, 0.0, 255.0, out=blurred)
    return blurred.astype(np.uint8)
