"""What every source promises where its frames do not run away. A new one joins by one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from forecast.sources.datasets.camvid import open_camvid
from forecast.sources.datasets.cityscapes import open_cityscapes
from forecast.sources.find import find_dataset, find_sources
from forecast.sources.images import ImageSource
from forecast.sources.live.source import LiveSource
from forecast.sources.sample import SampleSource
from forecast.sources.video import VideoSource
from forecast.stages import AnnotatedSource, FrameSource
from forecast.synthetic.stills.source import StillDrive
from forecast.synthetic.street.source import StreetSource

NUM_FRAMES = 12


def _pictures(folder: Path, names: list[str]) -> list[Path]:
    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    paths = [folder / name for name in names]
    for path in paths:
        Image.fromarray(generator.integers(0, 256, (32, 64, 3)).astype(np.uint8)).save(path)
    return paths


def _labels(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        Image.fromarray(np.full((32, 64), number % 11, np.uint8)).save(folder / name)


def _film(root: Path) -> Path:
    path = root / "film.mp4"
    generator = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuv420p"
        for index in range(NUM_FRAMES):
            picture = generator.integers(0, 256, (32, 64, 3)).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _images(root: Path) -> ImageSource:
    names = [f"{index}.png" for index in range(NUM_FRAMES)]
    return ImageSource(_pictures(root / "images", names), clip="images", fps=10.0)


def _globbed(root: Path) -> FrameSource:
    _pictures(root / "globbed", [f"{index}.jpg" for index in range(NUM_FRAMES)])
    return find_sources(str(root / "globbed" / "*.jpg"), fps=10.0)[0]


def _camvid(root: Path) -> AnnotatedSource:
    names = [f"0016E5_{100 + 2 * index:05}.png" for index in range(NUM_FRAMES)]
    _pictures(root / "val", names)
    _labels(root / "valannot", names)
    (root / "val.txt").write_text("".join(f"/x/val/{name} /x/valannot/{name}\n" for name in names))
    return open_camvid(root)[0]


def _cityscapes(root: Path) -> AnnotatedSource:
    names = [f"ulm_000003_{number:06}_leftImg8bit.png" for number in range(30)]
    _pictures(root / "leftImg8bit_sequence" / "val" / "ulm", names)
    _labels(root / "gtFine" / "val" / "ulm", ["ulm_000003_000019_gtFine_labelIds.png"])
    return open_cityscapes(root, split="val")[0]


def _labelled(root: Path) -> FrameSource:
    _pictures(root / "rgb", [f"{2 * index:06}.jpg" for index in range(NUM_FRAMES)])
    _labels(root / "label_trainid", [f"{2 * index:06}.png" for index in range(NUM_FRAMES)])
    return find_dataset(root, fps=12.0).clips[0]


SOURCES: Mapping[str, Callable[[Path], FrameSource]] = {
    "video": lambda root: VideoSource(_film(root)),
    "small-video": lambda root: VideoSource(_film(root), size_hw=(16, 32)),
    "images": _images,
    "globbed-images": _globbed,
    "camvid": _camvid,
    "cityscapes": _cityscapes,
    "labelled-images": _labelled,
    "street": lambda root: StreetSource(seed=1, num_frames=NUM_FRAMES, size_hw=(32, 64)),
    "still": lambda root: StillDrive(_camvid(root), 3, num_frames=NUM_FRAMES, size_hw=(32, 64)),
    "sample": lambda root: SampleSource(),
    "live-file": lambda root: LiveSource(str(_film(root)), realtime=False),
    "live-graph": lambda root: LiveSource(
        f"lavfi:testsrc=size=64x32:rate=50:duration={NUM_FRAMES / 50}", policy="every"
    ),
}


@pytest.fixture(params=SOURCES)
def source(request, tmp_path) -> FrameSource:
    return SOURCES[request.param](tmp_path)


def _read(source, only=None):
    with source.open(only) as frames:
        return list(frames)


def _fail_after(frame):
    raise KeyError(f"mine at {frame.at.index}")


def _same(one, other):
    return one.at == other.at and torch.equal(one.rgb, other.rgb)


def test_it_fits_the_protocol(source):
    assert isinstance(source, FrameSource)


def test_indices_count_from_zero_and_times_rise_from_zero(source):
    frames = _read(source)
    times_s = [frame.at.pts_s for frame in frames]
    assert [frame.at.index for frame in frames] == list(range(len(frames)))
    assert times_s[0] == 0
    assert all(before < after for before, after in pairwise(times_s))


def test_frames_are_8_bit_rgb_of_one_size_on_the_cpu(source):
    frames = _read(source)
    assert {frame.rgb.dtype for frame in frames} == {torch.uint8}
    assert {frame.rgb.device.type for frame in frames} == {"cpu"}
    assert len({frame.rgb.shape for frame in frames}) == 1
    assert frames[0].rgb.shape[0] == 3
    assert all(frame.rgb.is_contiguous() for frame in frames)


def test_every_frame_carries_the_clip_and_one_epoch(source):
    assert {(frame.at.clip, frame.at.epoch) for frame in _read(source)} == {(source.clip, 0)}


def test_the_clip_is_safe_as_a_file_name(source):
    assert source.clip == Path(source.clip).name
    assert source.clip.strip(". ")


def test_the_count_is_right_where_it_is_known(source):
    assert source.num_frames in (None, len(_read(source)))


def test_the_rate_is_that_of_the_times(source):
    times_s = [frame.at.pts_s for frame in _read(source)]
    mean_fps = (len(times_s) - 1) / (times_s[-1] - times_s[0])
    assert source.fps is None or source.fps == pytest.approx(mean_fps, rel=0.1)


@pytest.mark.parametrize("only", [{0}, {1, 3}, range(2, 4), set(), {10_000}])
def test_only_is_the_same_as_leaving_out_afterwards(source, only):
    expected = [frame for frame in _read(source) if frame.at.index in only]
    got = _read(source, only)
    assert len(got) == len(expected)
    assert all(_same(one, other) for one, other in zip(got, expected, strict=True))


def test_opening_again_gives_the_same_frames(source):
    first, second = _read(source), _read(source)
    assert len(first) == len(second) > 1
    assert all(_same(one, other) for one, other in zip(first, second, strict=True))


def test_two_readers_do_not_disturb_each_other(source):
    with source.open() as one, source.open() as other:
        pairs = list(zip(one, other, strict=True))
    assert all(_same(first, second) for first, second in pairs)


def test_frames_are_not_overwritten_by_later_ones(source):
    with source.open() as frames:
        first = next(frames)
        before = first.rgb.clone()
        for _ in frames:
            pass
    assert torch.equal(first.rgb, before)


def test_leaving_early_ends_the_iterator(source):
    with source.open() as frames:
        next(frames)
    assert list(frames) == []


def test_a_fault_of_the_reader_passes_through(source):
    with pytest.raises(KeyError, match="mine"), source.open() as frames:
        _fail_after(next(frames))
    assert len(_read(source)) > 1


def test_the_fingerprint_is_stable_and_not_empty(source):
    before = source.fingerprint
    _read(source)
    assert source.fingerprint == before
    assert len(before) >= 16


def test_annotations_have_their_frames_instant_and_size(source):
    if not isinstance(source, AnnotatedSource):
        pytest.skip("no annotations")
    assert list(source.annotated) == sorted(set(source.annotated))
    by_index = {frame.at.index: frame for frame in _read(source)}
    for index in source.annotated:
        annotation = source.label_map(index)
        assert annotation.at == by_index[index].at
        assert tuple(annotation.ids.shape) == by_index[index].size_hw
        assert annotation.space == source.space
        known = {*range(source.space.num_classes), source.space.void_id}
        assert set(annotation.ids.unique().tolist()) <= known
