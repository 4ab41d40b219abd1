"""Warping one pixel at a time, written to be read."""

from __future__ import annotations

import math

import numpy as np


def slow_warp(maps: np.ndarray, flow: np.ndarray) -> np.ndarray:
    _, height, width = maps.shape
    result = np.zeros_like(maps)
    for row in range(height):
        for column in range(width):
            x = min(max(column + float(flow[0, row, column]), 0.0), width - 1.0)
            y = min(max(row + float(flow[1, row, column]), 0.0), height - 1.0)
            left, top = math.floor(x), math.floor(y)
            right, below = min(left + 1, width - 1), min(top + 1, height - 1)
            across, down = x - left, y - top
            upper = (1 - across) * maps[:, top, left] + across * maps[:, top, right]
            lower = (1 - across) * maps[:, below, left] + across * maps[:, below, right]
            result[:, row, column] = (1 - down) * upper + down * lower
    return result


def slow_warp_ids(ids: np.ndarray, flow: np.ndarray) -> np.ndarray:
    height, width = ids.shape
    result = np.zeros_like(ids)
    for row in range(height):
        for column in range(width):
            x = min(max(round(column + float(flow[0, row, column])), 0), width - 1)
            y = min(max(round(row + float(flow[1, row, column])), 0), height - 1)
            result[row, column] = ids[y, x]
    return result


def slow_followed(flow: np.ndarray, num_steps: int) -> np.ndarray:
    total = np.zeros_like(flow)
    for _ in range(num_steps):
        total = total + slow_warp(flow, total)
    return total


def slow_splat_sources(displacement: np.ndarray, nearness: np.ndarray) -> np.ndarray:
    height, width = nearness.shape
    result = np.full((height, width), -1)
    best = np.full((height, width), -1.0)
    for row in range(height):
        for column in range(width):
            x = round(column + float(displacement[0, row, column]))
            y = round(row + float(displacement[1, row, column]))
            inside = 0 <= x < width and 0 <= y < height
            if inside and nearness[row, column] > best[y, x]:
                best[y, x] = nearness[row, column]
                result[y, x] = row * width + column
    return result
