import torch

from forecast.training.data.elastic import SIGMA, bent


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_equal_generators_bend_alike_and_others_do_not():
    picture, belief = torch.rand(3, 32, 48), torch.rand(2, 8, 12)
    first, second = (bent(picture, belief, _generator(3)) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], bent(picture, belief, _generator(4))[0])


def test_a_label_stays_whole_and_comes_from_where_its_colour_comes_from():
    place = torch.arange(64.0).expand(64, 64) / 64
    picture = place.expand(3, 64, 64)
    belief = torch.nn.functional.one_hot((place * 8).long(), 8).movedim(-1, 0).float()
    for seed in range(20):
        seen, labels = bent(picture, belief, _generator(seed))
        known = labels.sum(0) > 0
        assert ((labels == 0) | (labels == 1)).all()
        took = labels.argmax(0)[known].float()
        assert (seen[0][known] * 8 - took - 0.5).abs().max() < 0.7


def test_what_comes_from_outside_is_void_and_never_class_0():
    belief = torch.zeros(3, 64, 64)
    belief[2] = 1
    voids = 0
    for seed in range(20):
        _, labels = bent(torch.rand(3, 64, 64), belief, _generator(seed))
        assert labels[:2].sum() == 0
        voids += int((labels.sum(0) == 0).sum())
    assert voids > 0


def test_the_displacements_are_ten_pixels_of_512():
    """At the knots themselves, which bicubic interpolation goes through."""
    width = 1024
    ramp = (torch.arange(width) / width).expand(3, 65, width)
    moved = []
    for seed in range(200):
        seen, _ = bent(ramp, torch.ones(1, 65, width), _generator(seed))
        moved.append((seen[0, 32, width // 2] - ramp[0, 32, width // 2]) * width)
    sigma = SIGMA * (65 * width) ** 0.5
    assert 0.8 < torch.stack(moved).std() / sigma < 1.2
