import pytest
import torch
from torch import nn

from forecast.labels import CAMVID, CITYSCAPES
from forecast.training.data.relighting import relit
from forecast.training.data.taught_pictures import PictureGroup, TaughtPicture, allowed
from forecast.training.tasks.segmenter import (
    SegmenterBatch,
    SegmenterSettings,
    SegmenterTask,
    class_weights,
    through_window,
)

SETTINGS = SegmenterSettings(batch=2, window_hw=(32, 32))


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _halves(size_hw: tuple[int, int] = (64, 64)) -> TaughtPicture:
    """Left dark and of class 0, right bright and of class 1."""
    height, width = size_hw
    rgb = torch.zeros(3, height, width, dtype=torch.uint8)
    rgb[..., width // 2 :] = 255
    belief = torch.zeros(2, height // 4, width // 4, dtype=torch.uint8)
    belief[0, :, : width // 8] = 255
    belief[1, :, width // 8 :] = 255
    return TaughtPicture(rgb=rgb, belief=belief)


def test_an_annotation_keeps_belief_within_its_classes():
    probs = torch.zeros(19, 1, 2)
    probs[CITYSCAPES.id_of("truck")] = 0.3
    probs[CITYSCAPES.id_of("building")] = 0.7
    ids = torch.tensor([[CAMVID.id_of("car"), CAMVID.void_id]], dtype=torch.uint8)
    told = allowed(probs, ids, coarse=CAMVID, fine=CITYSCAPES)
    assert told[:, 0, 0].argmax() == CITYSCAPES.id_of("truck")
    assert told[CITYSCAPES.id_of("truck"), 0, 0] > 0.9
    assert torch.allclose(told[:, 0, 1], probs[:, 0, 1])
    assert torch.allclose(told.sum(0), torch.ones(1, 2))


def test_an_annotation_that_the_teacher_never_thought_of_still_wins():
    probs = torch.zeros(19, 1, 1)
    probs[CITYSCAPES.id_of("sky")] = 1
    ids = torch.full((1, 1), CAMVID.id_of("pole"), dtype=torch.uint8)
    told = allowed(probs, ids, coarse=CAMVID, fine=CITYSCAPES)
    assert told[:, 0, 0].argmax() == CITYSCAPES.id_of("pole")


def test_picture_and_belief_are_seen_through_the_same_window():
    for seed in range(10):
        seen, belief = through_window(_halves(), SETTINGS, _generator(seed))
        assert seen.shape == (3, 32, 32)
        assert belief.shape == (2, 8, 8)
        bright = nn.functional.avg_pool2d(seen[:1], 4)[0]
        assert (bright - belief[1]).abs().mean() < 0.1


def test_beliefs_stay_beliefs():
    _, belief = through_window(_halves(), SETTINGS, _generator())
    assert torch.allclose(belief.sum(0), torch.ones(8, 8), atol=1e-5)


def test_rarer_classes_weigh_more_within_limits():
    picture = _halves()
    belief = picture.belief.clone()
    belief[:, :, 1:] = torch.tensor([255, 0], dtype=torch.uint8)[:, None, None]
    rare = TaughtPicture(rgb=picture.rgb, belief=belief.flip(0).flip(0))
    weights = class_weights([PictureGroup(pictures=[rare], share=1.0)])
    assert weights[1] >= weights[0]
    assert weights.min() >= 0.5
    assert weights.max() <= 3


def test_equal_generators_give_equal_pictures_and_others_do_not():
    rgb = torch.rand(3, 16, 16)
    assert torch.equal(relit(rgb, _generator(4)), relit(rgb, _generator(4)))
    assert not torch.equal(relit(rgb, _generator(4)), relit(rgb, _generator(5)))


class _Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 4, stride=4)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        return self.layer(picture)


def _task() -> SegmenterTask:
    return SegmenterTask(
        _Tiny(),
        groups=[PictureGroup(pictures=[_halves()], share=1.0)],
        develop=[_halves()],
        settings=SETTINGS,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )


def test_equal_generators_draw_equal_batches():
    task = _task()
    first, second = task.draw(_generator(1)), task.draw(_generator(1))
    assert torch.equal(first.pictures, second.pictures)
    assert torch.equal(first.belief, second.belief)


def test_a_network_learns_what_its_teacher_believes():
    task = _task()
    optimizer = torch.optim.Adam(task.network.parameters(), 0.1)
    for step in range(30):
        loss = task.losses(task.draw(_generator(torch.initial_seed() + step)))["total"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.inference_mode():
        assert task.scores()["score"] > 0.9


def test_void_is_neither_scored_nor_learnt():
    """Cells of which nothing is taught are not class 0, which an arg-max would call them."""
    half = _halves()
    blank = half.belief.clone()
    blank[:, :, 8:] = 0
    void = TaughtPicture(rgb=half.rgb, belief=blank)
    task = SegmenterTask(
        _AllOne(),
        groups=[PictureGroup(pictures=[void], share=1.0)],
        develop=[TaughtPicture(rgb=half.rgb, belief=half.belief * (half.belief[1:] > 0))],
        settings=SETTINGS,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )
    assert task.scores()["score"] == 1.0
    batch = SegmenterBatch(pictures=torch.rand(1, 3, 32, 32), belief=torch.zeros(1, 2, 8, 8))
    assert task.losses(batch)["total"] == 0


class _AllOne(_Tiny):
    """Says class 1 everywhere."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.layer.weight)
        self.layer.bias.data = torch.tensor([0.0, 9.0])


class _TwoHeads(_Tiny):
    def every_head(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scores = self.layer(picture)
        return scores, nn.functional.avg_pool2d(scores, 2)


def test_each_head_counts_by_its_weight_on_the_grid_that_is_taught():
    batch = _task().draw(_generator())
    totals = []
    for weights in ((1.0, 0.0), (0.0, 1.0), (1.0, 0.4)):
        torch.manual_seed(3)
        task = SegmenterTask(
            _TwoHeads(),
            groups=[PictureGroup(pictures=[_halves()], share=1.0)],
            develop=[_halves()],
            settings=SETTINGS,
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            head_weights=weights,
        )
        assert [one.shape for one in task.answers(batch)] == [batch.belief.shape] * 2
        totals.append(task.losses(batch)["total"])
    assert torch.isclose(totals[0] + 0.4 * totals[1], totals[2])


def test_a_network_that_answers_at_every_pixel_is_taught_there():
    fine = SegmenterTask(
        nn.Conv2d(3, 2, 1),
        groups=[PictureGroup(pictures=[_halves()], share=1.0)],
        develop=[_halves()],
        settings=SETTINGS,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )
    batch = fine.draw(_generator())
    assert fine.answers(batch)[0].shape == batch.belief.shape
    assert torch.allclose(fine.colours(batch), batch.pictures * 0.5 + 0.5)


class _Stripes(nn.Module):
    """Names what the teacher does in the outer quarters, and a third class between."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        height, width = (side // 4 for side in picture.shape[-2:])
        scores = torch.zeros(1, 3, height, width)
        scores[:, 0, :, : width // 4] = 1
        scores[:, 1, :, -(width // 4) :] = 1
        scores[:, 2, :, width // 4 : -(width // 4)] = 1
        return scores + self.shift


def test_a_class_that_only_the_network_names_counts_against_it():
    picture = _halves()
    belief = torch.cat([picture.belief, torch.zeros_like(picture.belief[:1])])
    taught = TaughtPicture(rgb=picture.rgb, belief=belief)
    task = SegmenterTask(
        _Stripes(),
        groups=[PictureGroup(pictures=[taught], share=1.0)],
        develop=[taught],
        settings=SETTINGS,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
    )
    with torch.inference_mode():
        assert task.scores()["score"] == pytest.approx((0.5 + 0.5 + 0) / 3)
