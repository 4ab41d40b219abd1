from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from forecast.device import place
from forecast.errors import CheckpointError, UsageError
from forecast.flow.dis import DisFlow
from forecast.flow.raft import RaftFlow, renamed
from forecast.stages import FlowEstimator
from forecast.values import Frame, Instant

CPU = place("cpu", "float32")


def test_names_of_the_authors_become_those_of_torchvision() -> None:
    one = torch.zeros(1)
    state = {
        "module.cnet.conv1.weight": one,
        "module.cnet.layer2.0.norm3.weight": one,
        "module.cnet.layer2.0.downsample.1.weight": one,
        "module.cnet.layer2.0.norm2.weight": one,
        "module.update_block.gru.convz2.bias": one,
        "module.update_block.mask.2.bias": one,
    }
    assert set(renamed(state)) == {
        "context_encoder.convnormrelu.0.weight",
        "context_encoder.layer2.0.downsample.1.weight",
        "context_encoder.layer2.0.convnormrelu2.1.weight",
        "update_block.recurrent_block.convgru2.convz.bias",
        "mask_predictor.conv.bias",
    }


@pytest.mark.parametrize("name", ["raft-small", "raft-large"])
def test_weights_of_torchvision_fit_as_they_are(name: str, tmp_path: Path) -> None:
    from torchvision.models import optical_flow

    network = getattr(optical_flow, name.replace("-", "_"))()
    torch.save(network.state_dict(), tmp_path / "raft.pth")
    flow = RaftFlow(tmp_path / "raft.pth", name=name, placement=CPU, num_updates=1)
    assert flow.name.startswith(f"{name}-1-")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"other\.pth does not fit RAFT"):
        RaftFlow(tmp_path / "other.pth", placement=CPU)


def test_an_unknown_network_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="raft-small, raft-large"):
        RaftFlow(tmp_path / "none.pth", name="raft-huge", placement=CPU)


def _pair(folder: Path, number: int) -> tuple[Frame, Frame, np.ndarray]:
    frames: list[Frame] = []
    for index in (1, 2):
        bgr = cv2.imread(str(folder / f"0000{number}_img{index}.ppm"))
        assert bgr is not None
        rgb = torch.from_numpy(bgr[..., ::-1].transpose(2, 0, 1).copy())
        frames.append(Frame(at=Instant(clip=str(number), index=index, pts_s=0.0), rgb=rgb))
    content = np.fromfile(folder / f"0000{number}_flow.flo", np.float32)
    width, height = content[1:3].view(np.int32)
    return frames[0], frames[1], content[3:].reshape(height, width, 2).transpose(2, 0, 1)


def _end_point_error(flow: FlowEstimator, folder: Path, number: int) -> float:
    reference, moving, truth = _pair(folder, number)
    return float(np.linalg.norm(flow(reference, moving).numpy() - truth, axis=0).mean())


@pytest.mark.real_data
def test_dis_errs_on_chairs_as_it_did(real_data: Path) -> None:
    errors = [_end_point_error(DisFlow(), real_data / "flow_pairs", one) for one in (1, 2, 3)]
    assert errors == pytest.approx([2.70, 0.64, 3.02], abs=0.02)


@pytest.mark.real_data
def test_raft_small_errs_on_chairs_as_published_weights_do(real_data: Path) -> None:
    weights = real_data / "weights" / "raft" / "raft-small.pth"
    flow = RaftFlow(weights, placement=CPU)
    assert _end_point_error(flow, real_data / "flow_pairs", 2) == pytest.approx(0.58, abs=0.01)
