"""Every network of the table from the file that training writes."""

from pathlib import Path

import pytest
import torch

from forecast.checkpoints import ModelCard, bundled, bundled_card, save
from forecast.errors import CheckpointError
from forecast.labels import CAMVID, CITYSCAPES
from forecast.segmentation.trainable import TRAINABLE, NetworkOptions
from forecast.segmentation.trained import INPUT_PIXELS, card_facts, read_trained

NAMES = list(TRAINABLE)
OPTIONS = NetworkOptions(width=1 / 16)


def _file(name: str, folder: Path, options: NetworkOptions = OPTIONS, **recipe: object) -> Path:
    row = TRAINABLE[name]
    facts = {key: str(one) for key, one in card_facts(row, options, input_pixels=2048).items()}
    card = ModelCard(
        name=name, network=name, space="camvid", terms="ours", recipe={**facts, **recipe}
    )
    path = folder / f"{name}.safetensors"
    save(path, row.build(11, options).state_dict(), card)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_a_file_gives_its_network_again(name: str, tmp_path: Path):
    trained = read_trained(name, _file(name, tmp_path))
    assert trained.space == CAMVID
    assert trained.options == OPTIONS
    assert trained.input_size.multiple == TRAINABLE[name].multiple
    assert trained.input_size.num_pixels == 2048
    twin = read_trained(name, tmp_path / f"{name}.safetensors").network.eval()
    picture = torch.rand(1, 3, 32, 64)
    with torch.inference_mode():
        assert torch.equal(trained.network.eval()(picture), twin(picture))


@pytest.mark.parametrize("name", NAMES)
def test_the_answer_has_the_table_s_stride(name: str):
    row = TRAINABLE[name]
    network = row.build(3, OPTIONS).eval()
    height, width = row.multiple, 2 * row.multiple
    with torch.inference_mode():
        scores = network(torch.rand(1, 3, height, width))
    assert scores.shape == (1, 3, height // row.stride, width // row.stride)
    assert network.state_dict()[row.last_layer].shape[0] == 3


@pytest.mark.parametrize("name", [one for one in NAMES if len(TRAINABLE[one].head_weights) > 1])
def test_each_head_has_its_weight(name: str):
    row = TRAINABLE[name]
    heads = row.build(3, OPTIONS).eval().every_head(torch.rand(1, 3, 64, 64))
    assert len(heads) == len(row.head_weights)


@pytest.mark.parametrize("name", ["unet", "dilation8", "deeplab-vgg"])
def test_what_is_published_without_norms_says_so_by_its_weights(name: str, tmp_path: Path):
    plain = NetworkOptions(width=1 / 16, norm=False, mirrored="mirrored" in TRAINABLE[name].takes)
    assert read_trained(name, _file(name, tmp_path, plain)).options == plain


def test_the_bundled_network_is_read_with_its_card_in_words():
    trained = read_trained("fast-scnn", bundled("fast-scnn"))
    assert bundled_card("fast-scnn").network not in TRAINABLE
    assert trained.space == CITYSCAPES
    assert trained.input_size.num_pixels == INPUT_PIXELS


def test_a_file_without_a_card_is_of_the_published_width(tmp_path: Path):
    network = TRAINABLE["icnet"].build(11, NetworkOptions())
    torch.save(network.state_dict(), tmp_path / "icnet.pth")
    trained = read_trained("icnet", tmp_path / "icnet.pth")
    assert trained.input_size.num_pixels == INPUT_PIXELS
    assert trained.space == CAMVID


def test_a_file_of_another_network_is_refused_by_name(tmp_path: Path):
    path = _file("scnet", tmp_path)
    with pytest.raises(CheckpointError, match=r"holds weights of 'scnet', needed are unet's"):
        read_trained("unet", path)
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"train segmenter --network icnet"):
        read_trained("icnet", tmp_path / "other.pth")


@pytest.mark.parametrize("found", ["wide", "-1", "0"])
def test_a_card_without_a_width_that_can_be_is_refused(found: str, tmp_path: Path):
    path = _file("unet", tmp_path, width=found)
    with pytest.raises(CheckpointError, match="gives width as"):
        read_trained("unet", path)
