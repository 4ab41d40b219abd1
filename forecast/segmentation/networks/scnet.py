"""An encoder and a decoder after SCNet and SegNet-Basic: a reconstruction.

Of SCNet (Yasrab, Gu and Zhang, ICCSNT 2016) neither code nor a table of layers is to be had. This
is SegNet-Basic's table (alexgkendall/SegNet-Tutorial at bb68b64, without its local response norm),
whose decoder SCNet took over; `transposed` enlarges by transposed convolutions instead, as "Going
beyond the bounding box" describes SCNet's.
Axes: B batch, C channels, K classes, H W picture.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from forecast.segmentation.networks.blocks import convolution, mirrored, scaled, up_to

OUTPUT_STRIDE = 1
LAST_LAYER = "classifier.weight"
"""The key whose first axis is the number of classes."""
MULTIPLE = 16
"""What four poolings divide."""
_CHANNELS, _KERNEL, _LEVELS = 64, 7, 4


class SCNet(nn.Module):
    """Class scores at every pixel.

    Args:
        num_classes: K.
        width: Channels as a share of 64.
        norm: Whether batch norms follow the convolutions, as in SegNet.
        transposed: Whether the decoder enlarges by transposed convolutions; by the encoder's
            pooling indices otherwise.
    """

    def __init__(
        self,
        num_classes: int = 19,
        *,
        width: float = 1.0,
        norm: bool = True,
        transposed: bool = False,
    ) -> None:
        super().__init__()
        channels = scaled(_CHANNELS, width)
        self.encoder = nn.ModuleList(
            convolution(channels if index else 3, channels, _KERNEL, norm=norm, bias=True)
            for index in range(_LEVELS)
        )
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(channels, channels, 2, stride=2) if transposed else nn.Identity()
            for _ in range(_LEVELS)
        )
        self.decoder = nn.ModuleList(
            convolution(channels, channels, _KERNEL, norm=norm, bias=True, activation=False)
            for _ in range(_LEVELS)
        )
        self.transposed = transposed
        self.classifier = nn.Conv2d(channels, num_classes, 1)

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K H W"]:
        """Scores before the softmax; any size, brought to whole cells by a mirrored border."""
        height, width = picture.shape[-2:]
        down, right = (up_to(side, MULTIPLE) - side for side in (height, width))
        features = mirrored(picture, top=0, bottom=down, left=0, right=right)
        places: list[Tensor] = []
        for layer in self.encoder:
            features, place = F.max_pool2d(layer(features), 2, return_indices=True)
            places.append(place)
        for enlarge, layer in zip(self.enlarge, self.decoder, strict=True):
            place = places.pop()
            larger = (
                enlarge(features) if self.transposed else F.max_unpool2d(features, place, [2, 2])
            )
            features = layer(larger)
        return self.classifier(features)[..., :height, :width]
