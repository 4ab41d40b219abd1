"""Labels become the colours of their data set, and pictures the bytes of a page."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import numpy as np
from PIL import Image

from forecast.labels import CAMVID, CITYSCAPES
from forecast.report.pictures import colourise, data_uri, overlay, picture_row, wrong_pixels


def rgb(size=(32, 64)):
    return np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)


def test_every_class_has_its_colour_and_void_is_black():
    ids = np.array([[0, 13, 255]], np.uint8)
    assert colourise(ids, CITYSCAPES).tolist() == [[[128, 64, 128], [0, 0, 142], [0, 0, 0]]]


def test_an_overlay_lies_between_picture_and_colour_and_spares_void():
    picture = rgb()
    ids = np.full((32, 64), 13, np.uint8)
    ids[:, :8] = 255
    assert np.array_equal(overlay(picture, ids, CITYSCAPES)[:, :8], picture[:, :8])
    solid = overlay(picture, ids, CITYSCAPES, alpha=1.0)
    assert (solid[:, 8:] == (0, 0, 142)).all()
    assert np.array_equal(overlay(picture, ids, CITYSCAPES, alpha=0.0), picture)


def test_labels_of_another_size_are_sampled_by_nearest_neighbour():
    ids = np.array([[0, 1], [2, 3]], np.uint8)
    shown = overlay(rgb(), ids, CITYSCAPES, alpha=1.0)
    large = np.kron(ids, np.ones((16, 32), np.uint8))
    assert np.array_equal(shown, colourise(large, CITYSCAPES))


def test_only_wrong_pixels_that_count_are_red():
    target = np.zeros((32, 64), np.uint8)
    target[0] = 255
    said = target.copy()
    said[:4, :5] = 7
    red = (wrong_pixels(target, said, CITYSCAPES, rgb()) == (226, 58, 46)).all(axis=2)
    assert red.sum() == 3 * 5
    assert red[1:4, :5].all()


def test_a_data_uri_opens_as_the_same_picture_at_most_512_wide():
    flat = np.full((600, 1200, 3), 90, np.uint8)
    head, body = data_uri(flat).split(",")
    assert head == "data:image/webp;base64"
    opened = np.asarray(Image.open(BytesIO(b64decode(body))).convert("RGB"))
    assert opened.shape == (256, 512, 3)
    assert np.abs(opened.astype(int) - 90).max() <= 3


def test_a_row_holds_now_truth_and_every_predictor():
    ids = np.zeros((32, 64), np.uint8)
    row = picture_row(
        clip="a",
        origin_index=9,
        horizon_s=0.2,
        origin_rgb=rgb(),
        target_rgb=rgb(),
        target_ids=ids,
        predicted_ids={"copy-last": ids, "s2s": ids},
        space=CAMVID,
    )
    assert [one.caption for one in row.pictures] == ["now", "truth", "copy-last", "s2s"]
