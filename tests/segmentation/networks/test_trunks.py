import pytest
import torch

from forecast.errors import CheckpointError
from forecast.segmentation.networks.trunks import load_trunk
from forecast.segmentation.trainable import TRAINABLE, NetworkOptions

pytestmark = pytest.mark.timeout(240)


def _meta(name: str, **told: object) -> torch.nn.Module:
    with torch.device("meta"):
        return TRAINABLE[name].build(19, NetworkOptions(**told))


def _torchvision(name: str) -> dict[str, torch.Tensor]:
    from torchvision.models import get_model

    with torch.device("meta"):
        return dict(get_model(name, weights=None).state_dict())


@pytest.mark.parametrize("name", ["dilation10", "dilation8", "deeplab-vgg", "deeplab-vgg-aspp"])
def test_torchvision_s_vgg_fits_key_by_key(name: str):
    for theirs, norm in (("vgg16", False), ("vgg16_bn", True)):
        trunk = TRAINABLE[name].trunk
        load_trunk(_meta(name, norm=norm), trunk, _torchvision(theirs), source=theirs)


def test_torchvision_s_resnet_fits_key_by_key():
    state = _torchvision("resnet101")
    trunk = TRAINABLE["deeplab"].trunk
    load_trunk(_meta("deeplab", torchvision_trunk=True), trunk, state, source="resnet101")
    old = {name: one for name, one in state.items() if not name.endswith("batches_tracked")}
    load_trunk(_meta("deeplab"), trunk, old, source="resnet101")


def test_a_trunk_has_the_values_it_was_given():
    from torchvision.models.resnet import Bottleneck, ResNet

    from forecast.segmentation.networks.deeplab import DeepLab

    network = DeepLab(3, stride_on_3x3=True)
    torch.manual_seed(5)
    theirs = ResNet(
        Bottleneck, [3, 4, 23, 3], replace_stride_with_dilation=[False, True, True]
    ).eval()
    load_trunk(network, TRAINABLE["deeplab"].trunk, theirs.state_dict(), source="a file")
    picture = torch.rand(1, 3, 33, 33)
    with torch.inference_mode():
        ours = network.eval().stages[:2](network.shrink(network.stem(picture)))
        stem = theirs.maxpool(theirs.relu(theirs.bn1(theirs.conv1(picture))))
        assert torch.allclose(ours, theirs.layer2(theirs.layer1(stem)), atol=1e-5)


def test_weights_of_another_network_or_width_are_refused():
    trunk = TRAINABLE["dilation10"].trunk
    with pytest.raises(CheckpointError, match="holds nothing of a vgg16"):
        load_trunk(_meta("dilation10"), trunk, _torchvision("resnet18"), source="resnet18.pth")
    narrow = _meta("dilation10", norm=False, width=0.5)
    with pytest.raises(CheckpointError, match="of another shape"):
        load_trunk(narrow, trunk, _torchvision("vgg16"), source="vgg16.pth")
