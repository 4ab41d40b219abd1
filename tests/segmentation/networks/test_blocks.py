import cv2
import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from forecast.segmentation.networks.blocks import Bottleneck, mirrored


@given(height=st.integers(2, 7), width=st.integers(2, 7), margin=st.integers(0, 1))
def test_a_mirrored_border_is_opencv_s(height: int, width: int, margin: int):
    picture = torch.rand(1, 1, height, width)
    ours = mirrored(picture, top=margin, bottom=1, left=0, right=margin)
    theirs = cv2.copyMakeBorder(picture[0, 0].numpy(), margin, 1, 0, margin, cv2.BORDER_REFLECT_101)
    assert np.array_equal(ours[0, 0].numpy(), theirs)


def test_a_border_wider_than_the_picture_goes_to_and_fro():
    row = torch.arange(3.0).reshape(1, 1, 1, 3)
    wide = mirrored(row, top=2, bottom=0, left=5, right=4)
    assert wide.shape == (1, 1, 3, 12)
    assert wide[0, 0, 2].tolist() == [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]


def test_a_block_strides_where_it_is_told_to():
    first = Bottleneck(4, 2, 8, stride=2, projects=True)
    second = Bottleneck(4, 2, 8, stride=2, projects=True, stride_on_3x3=True)
    strides = [(one.reduce[0].stride, one.middle[0].stride) for one in (first, second)]
    assert strides == [((2, 2), (1, 1)), ((1, 1), (2, 2))]
    picture = torch.rand(1, 4, 7, 5)
    assert first(picture).shape == second(picture).shape == (1, 8, 4, 3)
