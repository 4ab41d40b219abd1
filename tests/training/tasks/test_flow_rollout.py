"""What roll-outs learn from: their own steps, each held against what came true."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from forecast.flow.dis import DisFlow
from forecast.geometry.warp import followed, warp
from forecast.prediction.flow_guided.network import FLOOR, FlowGuidedNetwork, Width
from forecast.training.data.clips import Clip, ClipHeader, ClipWriter
from forecast.training.data.samples import Sample, SampleDrawer, SampleSettings, sample_at
from forecast.training.tasks.flow_guided import FlowGuidedSettings, FlowGuidedTask
from forecast.training.tasks.flow_rollout import FlowRolloutTask, rolled
from forecast.values import Frame, Instant, Segmentation

GRID = (16, 32)
N, STRIDE, UNROLL = 16, 2, 3
TINY = Width(embedding=2, levels=(4, 4, 4), depth=1)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """A scene that slides by, seen by a segmenter that is not sure of itself."""
    from forecast.labels import CITYSCAPES

    header = ClipHeader(
        name="a", num_frames=N, frame_s=1 / 10, grid_hw=GRID, space="cityscapes", fingerprint="x"
    )
    generator = torch.Generator().manual_seed(3)
    wide = (torch.rand(3, 32, 64 + N, generator=generator) * 255).byte()
    beliefs = (3 * torch.randn(19, 16, 32 + N, generator=generator)).softmax(dim=0)
    folder: Path = tmp_path_factory.mktemp("clips") / "a"
    with ClipWriter(folder, header, soft=True, truth=False) as writer:
        for index in range(N):
            at = Instant(clip="a", index=index, pts_s=index / 10)
            frame = Frame(at=at, rgb=wide[:, :, index : index + 64].contiguous())
            probs = beliefs[:, :, index // 2 : index // 2 + 32].contiguous()
            seen = Segmentation(at=at, space=CITYSCAPES, size_hw=(32, 64), probs=probs)
            writer.add(frame, seen, None)
    return Clip(folder)


def _sample(clip: Clip, *, strided: bool = False) -> Sample:
    ahead = [STRIDE * (1 + step) for step in range(UNROLL)]
    return sample_at(clip, DisFlow(), 5, STRIDE, ahead, 2, hard=False, strided=strided)


def _network(*, trained: bool) -> FlowGuidedNetwork:
    torch.manual_seed(0)
    network = FlowGuidedNetwork(num_classes=19, num_maps=3, width=TINY)
    if trained:
        torch.nn.init.normal_(network.leave.weight, std=0.1)
    return network


def _task(network: FlowGuidedNetwork, clip: Clip) -> FlowRolloutTask:
    drawer = SampleDrawer([clip], [1.0], DisFlow(), SampleSettings(unroll=UNROLL, step_s=0.2))
    settings = FlowGuidedSettings(batch=2, window_hw=GRID)
    return FlowRolloutTask(network, drawer, {"a": [_sample(clip)]}, settings)


@pytest.mark.parametrize("strided", [False, True])
def test_an_untrained_roll_out_is_the_warp_at_every_step(clip: Clip, *, strided: bool) -> None:
    sample = _sample(clip, strided=strided)
    steps = [one.num_frames / sample.num_flow_frames for one in sample.targets]
    paths = followed(sample.flow, steps)
    with torch.no_grad():
        found = list(rolled(_network(trained=False), [sample]))
    for log_probs, path in zip(found, paths, strict=True):
        warped = (warp(sample.maps[-1], path) + FLOOR).log().log_softmax(dim=0)
        assert torch.allclose(log_probs[0], warped, atol=1e-4)


def test_samples_rolled_together_are_those_rolled_alone(clip: Clip) -> None:
    network = _network(trained=True)
    one = _sample(clip)
    other = replace(one, maps=one.maps.flip(-1), before=None)
    with torch.no_grad():
        together = list(rolled(network, [one, other]))
        alone = [list(rolled(network, [sample])) for sample in (one, other)]
    for index, steps in enumerate(alone):
        for both, single in zip(together, steps, strict=True):
            assert torch.allclose(both[index], single[0], atol=1e-4)


def test_what_comes_true_later_teaches_what_was_said_at_the_first_step(clip: Clip) -> None:
    network = _network(trained=True)
    sample = _sample(clip)
    last = list(rolled(network, [sample]))[-1]
    (gradient,) = torch.autograd.grad(last[0, 0].mean(), [network.leave.weight])
    assert gradient.abs().max() > 0


def test_an_untrained_network_has_a_gradient_and_scores_as_the_warp(clip: Clip) -> None:
    network = _network(trained=False)
    task = _task(network, clip)
    losses = task.losses(task.draw(torch.Generator().manual_seed(0)))
    losses["total"].backward()
    assert network.leave.weight.grad is not None
    assert network.leave.weight.grad.abs().max() > 0
    with torch.no_grad():
        scores = task.scores()
    assert set(scores) == {"score", "a 0.2 s", "a 0.4 s", "a 0.6 s"}
    assert all(value <= 1e-6 for value in scores.values())


def test_the_direct_task_scores_the_warp_the_same(clip: Clip) -> None:
    network = _network(trained=False)
    direct = FlowGuidedTask(
        network,
        SampleDrawer([clip], [1.0], DisFlow(), SampleSettings(step_s=0.2)),
        {"a": [_sample(clip)]},
        FlowGuidedSettings(batch=1, window_hw=GRID),
    )
    with torch.no_grad():
        assert direct.scores() == pytest.approx(_task(network, clip).scores(), abs=0.1)
