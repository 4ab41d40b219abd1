"""torchvision's segmentation networks behind one face: pictures in, scores out.

Promises weights, or an error: a local state dict of any number of classes, else torchvision's own
published ones (COCO pictures, VOC's 21 classes), downloaded once.
Axes: B batch, K classes, H W picture.
"""

from __future__ import annotations

from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn

from forecast.checkpoints import State, load_into, load_state
from forecast.errors import CheckpointError
from forecast.labels import VOC, LabelSpace
from forecast.segmentation.spaces import space_of

SHORTER_SIDE = 520
"""What torchvision measured its published weights at."""
# LR-ASPP ends in two classifiers that are added, DeepLabV3 and FCN in one.
_LAST_LAYERS = ("classifier.low_classifier.weight", "classifier.4.weight")


class TorchvisionNetwork(nn.Module):
    """Scores of the main head at the picture's size."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B K H W"]:
        """Scores before the softmax."""
        return self.network(picture)["out"]


def torchvision_network(name: str, weights: Path | None) -> tuple[TorchvisionNetwork, LabelSpace]:
    """The network of that name with its weights, and what its classes mean.

    Raises:
        CheckpointError: The file is damaged or does not fit, or the download failed.
    """
    if weights is None:
        return TorchvisionNetwork(_published(name)), VOC
    state = load_state(weights)
    num_classes = _num_classes(state, name, weights)
    return TorchvisionNetwork(_loaded(name, state, num_classes, weights)), space_of(
        weights, num_classes
    )


def _num_classes(state: State, name: str, weights: Path) -> int:
    for key in _LAST_LAYERS:
        if key in state:
            return state[key].shape[0]
    raise CheckpointError(
        f"{weights} has no last layer of {name} ({' or '.join(_LAST_LAYERS)}); "
        "give a state dict of torchvision's own network"
    )


def _loaded(name: str, state: State, num_classes: int, weights: Path) -> nn.Module:
    from torchvision.models import get_model

    main = {key: tensor for key, tensor in state.items() if not key.startswith("aux_classifier.")}
    network = get_model(name, weights=None, weights_backbone=None, num_classes=num_classes)
    load_into(network, main, source=str(weights))
    return network


def _published(name: str) -> nn.Module:
    from torchvision.models import get_model

    try:
        return get_model(name, weights="DEFAULT")
    except (OSError, RuntimeError) as fault:
        raise CheckpointError(
            f"the published weights of {name} cannot be downloaded ({fault}); "
            "fetch torchvision's file elsewhere and pass it as --weights FILE"
        ) from fault
