import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.geometry.void import fill_void


def test_void_takes_the_nearest_class():
    ids = torch.tensor([[0, 255, 255, 255, 7]], dtype=torch.uint8).repeat(3, 1)
    filled = fill_void(ids, 255)
    assert filled[1, 1] == 0
    assert filled[1, 3] == 7


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1), st.floats(0.05, 0.95))
def test_labelled_pixels_stay_and_no_void_remains(seed, share):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, 11, (16, 24), generator=generator, dtype=torch.uint8)
    void = torch.rand(16, 24, generator=generator) < share
    void[0, 0] = False
    holed = ids.masked_fill(void, 11)
    filled = fill_void(holed, 11)
    assert torch.equal(filled[~void], ids[~void])
    assert (filled != 11).all()


def test_a_map_without_labels_is_returned_as_it_is():
    nothing = torch.full((4, 4), 11, dtype=torch.uint8)
    assert torch.equal(fill_void(nothing, 11), nothing)
