"""Every network of the table through the commands that people type, at its own stride."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from forecast.checkpoints import ModelCard, save
from forecast.report.saved import read_report
from forecast.segmentation.trainable import TRAINABLE, NetworkOptions
from forecast.segmentation.trained import card_facts
from forecast.storage.recording import Recording
from pipelines import cli

# Three commands each, on a machine that may be busy.
pytestmark = pytest.mark.timeout(240)

HW, NUM_FRAMES = (64, 96), 14
OPTIONS = NetworkOptions(width=1 / 16)


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A labelled clip that slides along noise."""
    root = tmp_path_factory.mktemp("drive")
    noise = np.random.default_rng(0)
    labels = noise.integers(0, 19, (8, 16), np.uint8).repeat(8, 0).repeat(8, 1)
    colours = noise.integers(0, 255, (19, 3), np.uint8)
    for part in ("rgb", "label_trainid"):
        (root / part).mkdir()
    for index in range(NUM_FRAMES):
        seen = labels[:, 2 * index : 2 * index + HW[1]]
        Image.fromarray(seen).save(root / "label_trainid" / f"{index:06}.png")
        Image.fromarray(colours[seen]).save(root / "rgb" / f"{index:06}.png")
    return root


def _weights(name: str, folder: Path) -> Path:
    """A file as training writes it, its batch norms used to noise so that maps are not flat."""
    row = TRAINABLE[name]
    torch.manual_seed(1)
    network = row.build(19, OPTIONS)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = None  # the mean of all that it saw
    with torch.no_grad():
        network(torch.randn(4, 3, *HW))
    facts = card_facts(row, OPTIONS, input_pixels=HW[0] * HW[1])
    card = ModelCard(
        name=name,
        network=name,
        space="cityscapes",
        terms="ours",
        recipe={key: str(value) for key, value in facts.items()},
    )
    path = folder / f"{name}.safetensors"
    save(path, network.state_dict(), card)
    return path


@pytest.mark.parametrize("name", list(TRAINABLE))
def test_its_maps_go_through_evaluate_process_and_stream(name: str, drive: Path, tmp_path: Path):
    network = ["--segmenter", name, "--weights", str(_weights(name, tmp_path)), "--fps", "15"]
    words = ["--horizons", "0.2", "--predictors", "copy-last,flow-warp"]
    told = ["evaluate", str(drive), "-o", str(tmp_path / "report"), *network, *words]
    assert cli.main(told) == 0
    report = read_report(tmp_path / "report")
    assert report is not None

    told = ["process", str(drive / "rgb"), "-o", str(tmp_path / "made"), *network]
    assert cli.main([*told, "--horizons", "0.2", "--save", "recording,soft"]) == 0
    (store,) = (one for one in (tmp_path / "made").iterdir() if one.is_dir())
    recording = Recording(store)
    assert recording.labels.shape == (NUM_FRAMES, *HW)
    assert len(np.unique(recording.labels[:])) > 1

    film = tmp_path / "film.mp4"
    _filmed(drive / "rgb", film)
    told = ["stream", str(film), "-o", str(tmp_path / "live"), *network[:4], "--save", "recording"]
    assert cli.main([*told, "--horizons", "0.2", "--predictor", "flow-warp"]) == 0
    (folder,) = (one for one in (tmp_path / "live").iterdir() if one.is_dir())
    assert Recording(folder / "recording").labels.shape == (NUM_FRAMES, *HW)


def _filmed(folder: Path, path: Path) -> None:
    import av

    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=15)
        stream.height, stream.width, stream.pix_fmt = *HW, "yuv420p"
        for picture in sorted(folder.iterdir()):
            frame = av.VideoFrame.from_ndarray(np.asarray(Image.open(picture)), format="rgb24")
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
