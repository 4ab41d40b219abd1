"""Dilation10, Dilation8 and Dilation7: VGG16 without its last two poolings, then a context module.

Yu and Koltun, "Multi-Scale Context Aggregation by Dilated Convolutions", ICLR 2016; layers after
fyu/dilation at 0f10574. As published no convolution sees zeros: the picture has 186 mirrored pixels
around it (`mirrored`), so that a picture of 1024 is 1396 wide. With zeros around each layer small
pictures cost several times less; what is seen differs within 12 cells of the border and more.
Axes: B batch, C channels, K classes, H W picture, h w grid.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from forecast.segmentation.networks.blocks import convolution, mirrored, scaled, up_to
from forecast.segmentation.networks.vgg import CHANNELS, VGGSettings, vgg16

OUTPUT_STRIDE = 8
LAST_LAYER = "front.classifier.weight"
"""The key whose first axis is the number of classes."""
MULTIPLE = 8
CONTEXTS = {
    "dilation10": (1, 1, 2, 4, 8, 16, 32, 64),
    "dilation8": (1, 1, 2, 4, 8, 16),
    "dilation7": (1, 1, 2, 4, 8),
}
"""Name -> dilations of the context module, before its last two layers."""
MARGIN = 186
"""Pixels that the front end's valid convolutions take off each side."""
_LARGE = (2, 2, 4, 8, 16, 32, 32, 1)
"""Channels of the large context's layers, in multiples of K."""
_HIDDEN = 4096
_NOISE = 0.01


class FrontEnd(nn.Module):
    """Class scores at an eighth of the size, each from what lies around it.

    Args:
        num_classes: K.
        width: Channels as a share of VGG's, and of 4096.
        norm: Whether batch norms follow the convolutions; the published network, which starts
            from VGG's weights, has none.
        padded: Zeros around each layer; otherwise a result is 372 pixels smaller than its input.
    """

    def __init__(self, num_classes: int, *, width: float, norm: bool, padded: bool) -> None:
        super().__init__()
        halve = [nn.MaxPool2d(2) for _ in range(3)]
        self.trunk = vgg16(
            VGGSettings(
                pools=(*halve, nn.Identity(), nn.Identity()), width=width, norm=norm, padded=padded
            )
        )
        hidden = scaled(_HIDDEN, width)
        around = None if padded else 0
        self.surroundings = nn.Sequential(
            *convolution(
                scaled(CHANNELS[-1], width), hidden, 7, dilation=4, padding=around, norm=norm,
                bias=True,
            ),
            nn.Dropout(0.5),
            *convolution(hidden, hidden, 1, norm=norm, bias=True),
            nn.Dropout(0.5),
        )  # fmt: skip
        self.classifier = nn.Conv2d(hidden, num_classes, 1)

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K h w"]:
        """Scores before the softmax."""
        return self.classifier(self.surroundings(self.trunk(picture)))


class Context(nn.Module):
    """Scores seen beside those further and further away; at first they pass as they are.

    At initialisation the positive part of the scores comes out, so the arg-max is unchanged where
    the largest score is positive.

    Args:
        num_classes: K.
        dilations: Of the 3x3 layers, before one of 1 and a 1x1.
        large: Whether layers widen up to 32 K, as for VOC.
        padded: Zeros around each layer; otherwise the large context has its zeros (33 cells a
            side) around the input alone, as published. The basic one is always padded.
    """

    def __init__(
        self, num_classes: int, dilations: Sequence[int], *, large: bool, padded: bool
    ) -> None:
        super().__init__()
        every = [*dilations, 1]
        each = not large or padded
        self._margin = 0 if each else sum(every)
        multiples = _LARGE[: len(every)] if large else (1,) * len(every)
        layers: list[nn.Module] = []
        before = num_classes
        for dilation, multiple in zip(every, multiples, strict=True):
            after = multiple * num_classes
            padding = dilation if each else 0
            layers += [nn.Conv2d(before, after, 3, padding=padding, dilation=dilation), nn.ReLU()]
            before = after
        self.layers = nn.Sequential(*layers, nn.Conv2d(before, num_classes, 1))
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                pass_through(layer, num_classes)

    def forward(self, scores: Float[Tensor, "B K h w"]) -> Float[Tensor, "B K h w"]:
        """Scores before the softmax."""
        return self.layers(F.pad(scores, [self._margin] * 4))


@torch.no_grad()
def pass_through(layer: nn.Conv2d, num_classes: int) -> None:
    """Weights that hand each class on, with a little noise (section 4 of the paper)."""
    outputs, inputs, height, width = layer.weight.shape
    of_output = torch.arange(outputs) * num_classes // outputs
    of_input = torch.arange(inputs) * num_classes // inputs
    same = (of_output[:, None] == of_input[None]).to(layer.weight)
    layer.weight.normal_(0, _NOISE)
    layer.weight[:, :, height // 2, width // 2] += same * num_classes / inputs
    assert layer.bias is not None
    layer.bias.zero_()


class Dilation(nn.Module):
    """Class scores at an eighth of the size.

    Args:
        num_classes: K.
        name: A key of `CONTEXTS`.
        width: Channels as a share of the paper's; the context module has K whatever it is.
        norm: Whether batch norms follow the front end's convolutions; the paper has none.
        mirrored: Valid convolutions on a mirrored border, as published, instead of zeros.
        large: Whether the context widens up to 32 K (`dilation8` for VOC).
    """

    def __init__(
        self,
        num_classes: int = 19,
        *,
        name: str = "dilation10",
        width: float = 1.0,
        norm: bool = True,
        mirrored: bool = False,
        large: bool = False,
    ) -> None:
        super().__init__()
        self._margin = MARGIN if mirrored else 0
        padded = not mirrored
        self.front = FrontEnd(num_classes, width=width, norm=norm, padded=padded)
        self.context = Context(num_classes, CONTEXTS[name], large=large, padded=padded)

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K h w"]:
        """Scores before the softmax, on a cell for each 8 pixels begun."""
        return self.every_head(picture)[0]

    def every_head(self, picture: Float[Tensor, "B 3 H W"]) -> tuple[Tensor, Tensor]:
        """Scores of the context module and of the front end; both learn."""
        height, width = picture.shape[-2:]
        margin = self._margin
        down, right = (margin + up_to(side, MULTIPLE) - side for side in (height, width))
        front = self.front(mirrored(picture, top=margin, bottom=down, left=margin, right=right))
        return self.context(front), front
