"""What is drawn of a run, and what is kept where TensorBoard is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from forecast.labels import CITYSCAPES
from forecast.training.scalars import ABSENT, Scalars
from forecast.training.tasks.pictures import beside, coloured, one_step_pictures


class _Copying(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, window: torch.Tensor) -> list[torch.Tensor]:
        return [window[:, -1] * self.weight]


def _maps(index: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.full((4, 8), index), 19).permute(2, 0, 1).float()


def test_labels_are_drawn_in_cityscapes_colours_and_void_in_black():
    drawn = coloured(torch.tensor([[CITYSCAPES.id_of("road"), CITYSCAPES.void_id]]))
    assert drawn[:, 0, 0].tolist() == [128, 64, 128]
    assert drawn[:, 0, 1].tolist() == [0, 0, 0]


def test_panels_stand_beside_each_other_parted_by_white():
    panels = [torch.full((3, 4, 8), value, dtype=torch.uint8) for value in (10, 20, 30)]
    joined = beside(panels)
    assert joined.shape == (3, 4, 3 * 8 + 2 * 4)
    assert joined[0, 0].unique().tolist() == [10, 20, 30, 255]
    assert joined[0, 0, 0] == 10
    assert joined[0, 0, -1] == 30


def test_a_step_shows_the_past_the_forecast_and_the_truth():
    run = torch.stack([_maps(index) for index in range(6)])
    shown = one_step_pictures(_Copying(), {"dev": run}, num_inputs=4)
    assert list(shown) == ["dev step 1", "dev step 2"]
    second, palette = shown["dev step 2"], CITYSCAPES.palette()
    past, forecast, truth = second[:, 0, 0], second[:, 0, 12], second[:, 0, -1]
    assert past.tolist() == palette[3].tolist()
    assert forecast.tolist() == palette[3].tolist()
    assert truth.tolist() == palette[5].tolist()


def test_a_network_of_pictures_is_shown_as_pictures():
    run = torch.rand(5, 3, 4, 8)
    (shown,) = one_step_pictures(_Copying(), {"dev": run}, num_inputs=4).values()
    assert torch.equal(shown[..., :8], (run[3] * 255).round().byte())


def test_pictures_and_scalars_can_be_read_back(tmp_path: Path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with Scalars(tmp_path, say=pytest.fail) as scalars:
        scalars.show(7, lambda: {"a b": torch.zeros(3, 4, 8, dtype=torch.uint8)})
    found = accumulator.EventAccumulator(str(tmp_path))
    found.Reload()
    assert [one.step for one in found.Images("a_b")] == [7]


def test_without_tensorboard_one_line_says_so_and_nothing_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    said: list[str] = []
    with Scalars(tmp_path, say=said.append) as scalars:
        scalars.show(1, lambda: pytest.fail("drawn for nobody"))
    assert said == [ABSENT]
    assert "segmentation-forecast[training]" in ABSENT
    assert list(tmp_path.iterdir()) == []
