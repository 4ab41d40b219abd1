"""Every network that `forecast train segmenter` can teach, named once.

The command line, `forecast models`, training and checkpoints read this table. Reading it imports
nothing heavy; building a network does. All of them see RGB by ImageNet's mean and scale; the papers
mostly fed BGR less a mean, unscaled, and `published_levels` says what.
Axes: K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forecast.segmentation.levels import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """How a network departs from the one its name stands for."""

    width: float = 1.0
    """Channels as a share of the published ones."""
    norm: bool = True
    """Whether batch norms follow convolutions that were published without; off needs a trunk to
    start from."""
    mirrored: bool = False
    """Valid convolutions on a mirrored border, as U-Net and Dilation were published."""
    torchvision_trunk: bool = False
    """Strides where torchvision's ResNets have them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """The part of a network that another's weights may fill."""

    name: str
    """torchvision's name of the network that has those weights."""
    where: str
    """The part, by its name within the network; empty for a ResNet's, which lies at the top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainable:
    """One row of the table."""

    what: str
    """In a line, for `forecast models`."""
    build: Callable[[int, NetworkOptions], nn.Module]
    """An untrained network of K classes."""
    stride: int
    """Pixels of the picture, each way, to one cell of the answer; begun cells count."""
    multiple: int
    """Pictures are brought to sides that this divides."""
    last_layer: str
    """The key of the weights whose first axis is K."""
    head_weights: tuple[float, ...] = (1.0,)
    """What each of its heads counts in the loss, the answer's first; with more than one the
    network has `every_head`."""
    takes: tuple[str, ...] = ("width",)
    """The options that change it."""
    trunk: Trunk | None = None
    """What it may start from."""
    start: Callable[[nn.Module, Mapping[str, Tensor]], Mapping[str, Tensor]] | None = None
    """Instead of a trunk: its weights, from untrained ones and those of a larger network."""
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    """Of RGB in 0 to 1."""
    published_levels: str = "RGB, ImageNet's mean and scale"
    """What the paper's network saw."""


def _fast_scnn(num_classes: int, options: NetworkOptions) -> nn.Module:
    from forecast.segmentation.networks.blocks import scaled
    from forecast.segmentation.networks.fast_scnn import WIDTHS, FastSCNN

    half, quarter, *deep = (scaled(one, options.width) for one in WIDTHS)
    return FastSCNN(num_classes, widths=(half, quarter, deep[0], deep[1], deep[2], deep[3]))


def _fddwnet_small(num_classes: int, options: NetworkOptions) -> nn.Module:
    from forecast.segmentation.networks.fddwnet_small import FDDWNetSmall

    return FDDWNetSmall(num_classes, width=options.width)


def _start_of_fddwnet(network: nn.Module, public: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    from forecast.segmentation.networks.fddwnet_small import FDDWNetSmall, start_of

    assert isinstance(network, FDDWNetSmall), "the table builds it"
    return start_of(network, public)


def _unet(num_classes: int, options: NetworkOptions) -> nn.Module:
    from forecast.segmentation.networks.unet import UNet

    return UNet(num_classes, width=options.width, norm=options.norm, mirrored=options.mirrored)


def _scnet(*, transposed: bool) -> Callable[[int, NetworkOptions], nn.Module]:
    def build(num_classes: int, options: NetworkOptions) -> nn.Module:
        from forecast.segmentation.networks.scnet import SCNet

        return SCNet(num_classes, width=options.width, transposed=transposed)

    return build


def _deeplab(num_classes: int, options: NetworkOptions) -> nn.Module:
    from forecast.segmentation.networks.deeplab import DeepLab

    return DeepLab(num_classes, width=options.width, stride_on_3x3=options.torchvision_trunk)


def _deeplab_vgg(*, pyramid: bool) -> Callable[[int, NetworkOptions], nn.Module]:
    def build(num_classes: int, options: NetworkOptions) -> nn.Module:
        from forecast.segmentation.networks.deeplab import LARGE_FOV, RATES, DeepLabVGG

        rates = RATES if pyramid else LARGE_FOV
        return DeepLabVGG(num_classes, width=options.width, norm=options.norm, rates=rates)

    return build


def _dilation(name: str, *, large: bool = False) -> Callable[[int, NetworkOptions], nn.Module]:
    def build(num_classes: int, options: NetworkOptions) -> nn.Module:
        from forecast.segmentation.networks.dilation import Dilation

        return Dilation(
            num_classes,
            name=name,
            width=options.width,
            norm=options.norm,
            mirrored=options.mirrored,
            large=large,
        )

    return build


def _icnet(num_classes: int, options: NetworkOptions) -> nn.Module:
    from forecast.segmentation.networks.icnet import ICNet

    return ICNet(num_classes, width=options.width)


def _dilated(what: str, name: str, levels: str, *, large: bool = False) -> Trainable:
    return Trainable(
        what=what,
        build=_dilation(name, large=large),
        stride=8,
        multiple=8,
        last_layer="front.classifier.weight",
        # Published training brings the front end to its best before the context joins.
        head_weights=(1.0, 0.4),
        takes=("width", "norm", "mirrored"),
        trunk=Trunk(name="vgg16", where="front.trunk"),
        published_levels=f"BGR less {levels}, unscaled",
    )


def _on_vgg(what: str, *, pyramid: bool) -> Trainable:
    return Trainable(
        what=what,
        build=_deeplab_vgg(pyramid=pyramid),
        stride=8,
        multiple=8,
        last_layer="classifiers.0.weight",
        takes=("width", "norm"),
        trunk=Trunk(name="vgg16", where="trunk"),
        published_levels="BGR less 104.008 116.669 122.675, unscaled",
    )


def _coder(what: str, *, transposed: bool) -> Trainable:
    return Trainable(
        what=what,
        build=_scnet(transposed=transposed),
        stride=1,
        multiple=16,
        last_layer="classifier.weight",
        published_levels="not known",
    )


TRAINABLE: Mapping[str, Trainable] = {
    "fast-scnn": Trainable(
        what="bundled, 19 classes of Cityscapes: real time on a CPU (width 1 is the bundled one)",
        build=_fast_scnn,
        stride=4,
        multiple=32,
        last_layer="classifier.3.weight",
    ),
    "fddwnet-small": Trainable(
        what="bundled, 19 classes of Cityscapes: FDDWNet with ten of its 21 units; better, slower",
        build=_fddwnet_small,
        stride=4,
        multiple=32,
        last_layer="classifier.weight",
        start=_start_of_fddwnet,
    ),
    "unet": Trainable(
        what="U-Net (Ronneberger 2015): a ladder down and up, every rung joined",
        build=_unet,
        stride=1,
        multiple=16,
        last_layer="classifier.weight",
        takes=("width", "norm", "mirrored"),
        published_levels="one channel of a microscope",
    ),
    "scnet": _coder(
        "encoder-decoder after SCNet and SegNet-Basic, by pooling indices: a reconstruction",
        transposed=False,
    ),
    "scnet-transposed": _coder(
        "the same, enlarging by transposed convolutions: a reconstruction", transposed=True
    ),
    "deeplab": Trainable(
        what="DeepLab v2 (Chen 2016): dilated ResNet-101, filters at four spacings",
        build=_deeplab,
        stride=8,
        multiple=8,
        last_layer="pyramid.branches.0.weight",
        takes=("width", "torchvision_trunk"),
        trunk=Trunk(name="resnet101", where=""),
        published_levels="BGR less 104.008 116.669 122.675, unscaled",
    ),
    "deeplab-vgg": _on_vgg("DeepLab v1 (Chen 2015): LargeFOV on VGG16", pyramid=False),
    "deeplab-vgg-aspp": _on_vgg("DeepLab v2 on VGG16: ASPP-L", pyramid=True),
    "dilation10": _dilated(
        "Dilation10 (Yu and Koltun 2016), Cityscapes': VGG16, context to dilation 64",
        "dilation10",
        "72.39 82.91 73.16",
    ),
    "dilation8": _dilated(
        "Dilation8, CamVid's: context to dilation 16", "dilation8", "110.70 108.78 105.41"
    ),
    "dilation8-large": _dilated(
        "Dilation8 with the large context, VOC's", "dilation8", "102.93 111.36 116.52", large=True
    ),
    "dilation7": _dilated(
        "Dilation7, KITTI's: context to dilation 8", "dilation7", "a mean of KITTI's"
    ),
    "icnet": Trainable(
        what="ICNet as released (Zhao 2018): a cascade over three sizes of the picture",
        build=_icnet,
        stride=4,
        multiple=32,
        last_layer="classifier.weight",
        head_weights=(1.0, 0.4, 0.16),
        published_levels="BGR less 103.939 116.779 123.68, unscaled",
    ),
}
"""Name -> what it is and what builds it."""
