"""The segmenters by name, listed without importing torch."""

from __future__ import annotations

from collections.abc import Mapping

from forecast.segmentation.trainable import TRAINABLE

ESPNETV2: Mapping[str, str] = {
    f"espnetv2-s{scale}": scale for scale in ("0.5", "1.0", "1.5", "2.0")
}
"""Name -> the paper's scale."""

FDDWNET = "fddwnet"

TORCHVISION = (
    "lraspp_mobilenet_v3_large",
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
    "fcn_resnet50",
    "fcn_resnet101",
)

HUB_PREFIX = "hf:"
_SEGFORMER = "nvidia/segformer-b{size}-finetuned-cityscapes-1024-1024"
_MASK2FORMER = "facebook/mask2former-swin-{size}-cityscapes-semantic"
HUB: Mapping[str, str] = {
    **{f"segformer-b{size}-cityscapes": _SEGFORMER.format(size=size) for size in range(6)},
    **{
        f"mask2former-swin-{size}-cityscapes": _MASK2FORMER.format(size=size)
        for size in ("tiny", "small", "base-IN21k", "large")
    },
}
"""Short name -> repository on the Hugging Face hub."""

SEGMENTERS: Mapping[str, str] = {
    **{name: one.what for name, one in TRAINABLE.items()},
    **{name: "Cityscapes 19; pass the public file or its folder as weights" for name in ESPNETV2},
    FDDWNET: "Cityscapes 19; pass the public file or its folder as weights",
    **{
        name: "VOC 21 by torchvision's download, or the classes of your weights"
        for name in TORCHVISION
    },
    **{name: f"Cityscapes 19, {repository} on the hub" for name, repository in HUB.items()},
    f"{HUB_PREFIX}NAME": "any SegFormer or Mask2Former: a hub repository or a local folder",
}
"""Name -> what it is."""
