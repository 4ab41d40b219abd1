"""A second network that learns to tell a forecast from what came true, and what that costs.

S2S-adv of Luc et al. (ICCV 2017) trains so; its discriminator was not released. This one follows
Mathieu et al. ("Deep multi-scale video prediction beyond mean square error", ICLR 2016): it sees
the inputs with the map that follows them, and answers from strided convolutions. Both sides are
parts of one loss, so that one optimizer step moves both and a run that was killed can resume.
Axes: B batch, T moments, C classes or colours, h w grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

_LEAK = 0.2


class SequenceDiscriminator(nn.Module):
    """Whether the last map of a run came true or was forecast.

    Args:
        num_maps: T, the inputs and the map that follows.
        num_channels: C.
        width: Channels of its first layer; the next two have two and four times as many.
    """

    def __init__(self, *, num_maps: int, num_channels: int, width: int = 32) -> None:
        super().__init__()
        sizes = (num_maps * num_channels, width, 2 * width, 4 * width)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(_LEAK)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(sizes[-1], 1, 3, padding=1))

    def forward(self, run: Float[Tensor, "B T C h w"]) -> Float[Tensor, "B 1 _ _"]:
        """Log-odds that it came true, for each patch of the picture; sides of at least 8."""
        return self.layers(run.flatten(1, 2))


class Adversaries(nn.Module):
    """A network that forecasts, or segments, and one that judges it, trained together."""

    def __init__(self, forecaster: nn.Module, discriminator: nn.Module) -> None:
        super().__init__()
        self.forecaster = forecaster
        self.discriminator = discriminator

    @property
    def sides(self) -> tuple[nn.Module, nn.Module]:
        """Both, whose gradients the training loop limits each by itself."""
        return self.forecaster, self.discriminator


@dataclass(frozen=True, slots=True, kw_only=True)
class AdversarialLosses:
    """What each side pays; neither's gradient reaches the other."""

    forecaster: Float[Tensor, ""]
    """Low where the judge takes the forecast for true (the non-saturating form)."""
    discriminator: Float[Tensor, ""]
    """Binary cross-entropy of the judge, mean of true and forecast; log 2 when it guesses."""


def adversarial_losses(
    discriminator: nn.Module,
    forecast: Float[Tensor, "B *shown h w"],
    truth: Float[Tensor, "B *shown h w"],
) -> AdversarialLosses:
    """What a forecast costs its forecaster, and both sides their judge.

    Args:
        discriminator: What it is shown to log-odds that it is true.
        forecast: A run of inputs and the forecast that follows, or a segmenter's maps, with its
            gradient.
        truth: The same as it came true.
    """
    fixed = {name: value.detach() for name, value in discriminator.named_parameters()}
    judged = functional_call(discriminator, fixed, (forecast,))
    on_truth, on_forecast = discriminator(truth), discriminator(forecast.detach())
    caught = F.softplus(-on_truth).mean() + F.softplus(on_forecast).mean()
    return AdversarialLosses(forecaster=F.softplus(-judged).mean(), discriminator=caught / 2)
