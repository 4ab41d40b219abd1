"""Labels drawn and stored are those that the values promise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from forecast.geometry.deciding import grid_labels, picture_labels
from forecast.labels import CAMVID
from forecast.values import Forecast, Instant, Segmentation

AT = Instant(clip="a", index=0, pts_s=0.0)


@pytest.mark.parametrize("seed", range(5))
def test_grid_labels_are_the_forecasts_own(seed: int) -> None:
    probs = torch.rand(11, 6, 8, generator=torch.Generator().manual_seed(seed)).mul(4).round()
    forecast = Forecast(origin=AT, horizon_s=0.1, served_s=0.1, space=CAMVID, probs=probs)
    np.testing.assert_array_equal(grid_labels(forecast), forecast.labels.numpy())


def test_probabilities_are_decided_at_the_size_of_the_picture() -> None:
    probs = torch.zeros(11, 2, 2)
    probs[3], probs[5, :, 1] = 0.4, 1.0
    labels = picture_labels(Segmentation(at=AT, space=CAMVID, size_hw=(8, 8), probs=probs))
    assert labels.shape == (8, 8)
    assert (labels[:, 0] == 3).all()
    assert (labels[:, -1] == 5).all()
