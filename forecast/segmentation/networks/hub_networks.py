"""SegFormer and Mask2Former from the Hugging Face hub, or from a folder in its format.

Promises weights, or an error: a checkpoint that would leave a layer random is refused. Classes are
put into the order of Cityscapes by their names where all nineteen are there.
Axes: B batch, C channels, K classes, Q queries, H W picture, h w grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from forecast.errors import CheckpointError
from forecast.labels import CITYSCAPES, LabelSpace
from forecast.segmentation.levels import IMAGENET_MEAN, IMAGENET_STD
from forecast.segmentation.spaces import bare_space, cityscapes_order

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Triple = tuple[float, float, float]
_FAMILIES: Mapping[str, str] = {
    "segformer": "SegformerForSemanticSegmentation",
    "mask2former": "Mask2FormerForUniversalSegmentation",
}
_SMALLEST = 1e-8


class SegFormerNetwork(nn.Module):
    """Scores at a quarter of the picture's size."""

    def __init__(self, network: nn.Module, order: list[int]) -> None:
        super().__init__()
        self.network = network
        self.order = order

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K h w"]:
        """Scores before the softmax."""
        return self.network(pixel_values=picture).logits[:, self.order]


class Mask2FormerNetwork(nn.Module):
    """Logarithms of class shares at a quarter of the picture's size.

    Each query is a class distribution and a mask; a pixel's share of a class is the sum over
    queries of both (Cheng et al., "Masked-attention Mask Transformer", CVPR 2022, semantic
    inference), divided here by the sum over classes, so that shares are probabilities.
    """

    def __init__(self, network: nn.Module, order: list[int]) -> None:
        super().__init__()
        self.network = network
        self.order = order

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K h w"]:
        """Scores whose softmax is the class shares."""
        found = self.network(pixel_values=picture)
        classes = found.class_queries_logits.float().softmax(dim=-1)[..., self.order]  # B Q K
        masks = found.masks_queries_logits.float().sigmoid()  # B Q h w
        shares = torch.einsum("bqk,bqhw->bkhw", classes, masks)
        return shares.clamp_min(_SMALLEST).log()


def hub_network(source: str) -> tuple[nn.Module, LabelSpace, Triple, Triple]:
    """The network of a repository or folder, its label space, and its pictures' mean and std.

    Raises:
        CheckpointError: transformers is not installed, nothing is there, or it does not fit.
    """
    try:
        import transformers
    except ImportError as fault:
        raise CheckpointError(
            f"{source} needs transformers, which is not installed; "
            "install segmentation-forecast[hub]"
        ) from fault
    local = Path(source).is_dir()
    try:
        config: Any = transformers.AutoConfig.from_pretrained(source, local_files_only=local)
        family = getattr(transformers, _family(config.model_type, source))
        network, report = family.from_pretrained(
            source, config=config, local_files_only=local, output_loading_info=True
        )
    except (ImportError, OSError, ValueError, RuntimeError) as fault:
        reason = str(fault).strip().splitlines()[0]
        raise CheckpointError(
            f"{source} cannot be loaded ({reason}); give a hub repository, or a folder that holds "
            "config.json and its weights"
        ) from fault
    _require_whole(report, source)
    mean, std = _normalisation(source, local=local)
    return *_adapted(network, config.model_type, config.id2label), mean, std


def _family(model_type: str, source: str) -> str:
    if model_type not in _FAMILIES:
        raise CheckpointError(
            f"{source} is a {model_type} network; known families: {', '.join(_FAMILIES)}"
        )
    return _FAMILIES[model_type]


def _require_whole(report: Mapping[str, Any], source: str) -> None:
    lacking = sorted(map(str, [*report["missing_keys"], *report["mismatched_keys"]]))
    if lacking:
        raise CheckpointError(
            f"{source} lacks {len(lacking)} of its network's tensors or has them in another shape "
            f"({', '.join(lacking[:3])}); give a checkpoint fine-tuned for segmentation"
        )


def _adapted(
    network: PreTrainedModel, model_type: str, names: Mapping[int, str]
) -> tuple[nn.Module, LabelSpace]:
    order = cityscapes_order(names)
    space = bare_space(len(names)) if order is None else CITYSCAPES
    adapter = SegFormerNetwork if model_type == "segformer" else Mask2FormerNetwork
    return adapter(network, order or list(range(len(names)))), space


def _normalisation(source: str, *, local: bool) -> tuple[Triple, Triple]:
    from transformers import AutoImageProcessor

    try:
        processor: Any = AutoImageProcessor.from_pretrained(source, local_files_only=local)
    except (OSError, ValueError):
        return IMAGENET_MEAN, IMAGENET_STD
    return tuple(processor.image_mean), tuple(processor.image_std)
