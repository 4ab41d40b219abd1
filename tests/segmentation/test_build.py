from pathlib import Path

import pytest
import torch

from forecast.device import Placement
from forecast.errors import CheckpointError, UsageError
from forecast.segmentation.build import build_segmenter
from forecast.segmentation.names import SEGMENTERS
from forecast.segmentation.networks.espnetv2 import ESPNetv2
from forecast.segmentation.networks.fast_scnn import FastSCNN
from forecast.values import Frame, Instant

# torchvision and transformers alone take many seconds to import on a busy machine.
pytestmark = pytest.mark.timeout(240)

CPU = Placement(device=torch.device("cpu"))


def _frame() -> Frame:
    rgb = torch.zeros(3, 64, 128, dtype=torch.uint8)
    return Frame(at=Instant(clip="toy", index=0, pts_s=0.0), rgb=rgb)


def test_a_wrong_name_is_answered_with_every_right_one():
    with pytest.raises(UsageError) as caught:
        build_segmenter("segnet", weights=None, placement=CPU)
    assert all(name in str(caught.value) for name in SEGMENTERS)


def test_espnetv2_without_weights_says_which_file_to_get():
    with pytest.raises(CheckpointError, match=r"espnetv2_s_1\.0_city_1024x512\.pth") as caught:
        build_segmenter("espnetv2-s1.0", weights=None, placement=CPU)
    assert caught.value.exit_code == 3


def test_fddwnet_without_weights_says_which_file_to_get():
    with pytest.raises(CheckpointError, match=r"fddwnet_city\.pth"):
        build_segmenter("fddwnet", weights=None, placement=CPU)


def test_espnetv2_finds_its_file_in_a_folder_by_scale_and_input_size(tmp_path: Path):
    torch.manual_seed(1)
    for name, scale in (("0.5_city_1024x512", "0.5"), ("0.5_city_128x64", "0.5")):
        torch.save(ESPNetv2(scale).state_dict(), tmp_path / f"espnetv2_s_{name}.pth")
    build = {"weights": tmp_path, "placement": CPU}
    small = build_segmenter("espnetv2-s0.5", input_hw=(64, 128), **build)
    named = build_segmenter(
        "espnetv2-s0.5",
        input_hw=(64, 128),
        weights=tmp_path / "espnetv2_s_0.5_city_128x64.pth",
        placement=CPU,
    )
    other = build_segmenter("espnetv2-s0.5", input_hw=(64, 64), **build)
    assert small.fingerprint == named.fingerprint != other.fingerprint


def test_weights_of_another_scale_are_refused_by_name(tmp_path: Path):
    torch.save(ESPNetv2("0.5").state_dict(), tmp_path / "small.pth")
    with pytest.raises(CheckpointError, match="does not fit ESPNetv2"):
        build_segmenter("espnetv2-s1.0", weights=tmp_path / "small.pth", placement=CPU)


def test_fast_scnn_takes_its_classes_from_its_weights(tmp_path: Path):
    torch.save(FastSCNN(11).state_dict(), tmp_path / "own.pth")
    segmenter = build_segmenter(
        "fast-scnn", weights=tmp_path / "own.pth", placement=CPU, input_hw=(32, 64)
    )
    assert segmenter.space.name == "camvid"
    (seen,) = segmenter([_frame()])
    assert seen.probs.shape == (11, 8, 16)


def test_a_file_that_is_no_fast_scnn_is_refused(tmp_path: Path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="holds no fast-scnn network"):
        build_segmenter("fast-scnn", weights=tmp_path / "other.pth", placement=CPU)


def test_a_torchvision_file_without_its_last_layer_is_refused(tmp_path: Path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="has no last layer of fcn_resnet50"):
        build_segmenter("fcn_resnet50", weights=tmp_path / "other.pth", placement=CPU)


def test_a_failed_download_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import torchvision

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torchvision.models, "get_model", refuse)
    with pytest.raises(CheckpointError, match="cannot be downloaded"):
        build_segmenter("lraspp_mobilenet_v3_large", weights=None, placement=CPU)


@pytest.mark.parametrize("name", ["hf:NOWHERE", "segformer-b0-cityscapes"])
def test_an_empty_hub_folder_is_refused(tmp_path: Path, name: str):
    source = name.replace("NOWHERE", str(tmp_path))
    weights = None if name.startswith("hf:") else tmp_path
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        build_segmenter(source, weights=weights, placement=CPU)


def test_a_hub_network_of_another_family_is_refused(tmp_path: Path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CheckpointError, match="bert network; known families: segformer"):
        build_segmenter(f"hf:{tmp_path}", weights=None, placement=CPU)


def test_a_hub_checkpoint_that_would_leave_layers_random_is_refused(tmp_path: Path):
    from transformers import SegformerConfig, SegformerModel

    config = SegformerConfig(
        hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 1, 1]
    )
    SegformerModel(config).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"lacks \d+ of its network's tensors"):
        build_segmenter(f"hf:{tmp_path}", weights=None, placement=CPU)
