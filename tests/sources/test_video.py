from __future__ import annotations

import gc
import io
import struct
import tracemalloc
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast.errors import SourceError
from forecast.sources import colour
from forecast.sources.video import VideoSource, safe_clip_name


def _read(source, only=None):
    with source.open(only) as frames:
        return list(frames)


def _read_until_fault(source):
    got = []
    with pytest.raises(SourceError) as caught, source.open() as frames:
        got.extend(frames)
    return got, str(caught.value)


def _level(frame):
    return int(frame.rgb.float().mean().round())


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_irregular_times_survive_to_the_millisecond(tmp_path, write_film, grey_frames, suffix):
    pts_ms = [500, 540, 541, 700, 1900, 1933]
    path = write_film(tmp_path / f"a.{suffix}", grey_frames(range(0, 60, 10)), pts_ms=pts_ms)
    frames = _read(VideoSource(path))
    assert [frame.at.pts_s for frame in frames] == pytest.approx(
        [(at_ms - 500) / 1000 for at_ms in pts_ms], abs=1e-3
    )
    assert [frame.at.index for frame in frames] == list(range(6))
    assert [_level(frame) for frame in frames] == pytest.approx(list(range(0, 60, 10)), abs=1)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(gaps_ms=st.lists(st.integers(5, 400), min_size=1, max_size=12))
def test_any_spacing_survives(tmp_path, write_film, grey_frames, gaps_ms):
    pts_ms = [0, *np.cumsum(gaps_ms).tolist()]
    path = write_film(tmp_path / "a.mkv", grey_frames([100] * len(pts_ms)), pts_ms=pts_ms)
    times_s = [frame.at.pts_s for frame in _read(VideoSource(path))]
    assert times_s == pytest.approx([at_ms / 1000 for at_ms in pts_ms], abs=1e-3)


def test_frames_held_back_for_reordering_all_arrive(tmp_path, noise_frames):
    path = tmp_path / "b.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "3"})
        audio = container.add_stream("aac", rate=8000)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        silence.sample_rate, silence.pts = 8000, 0
        container.mux(audio.encode(silence))
        for index, frame in enumerate(noise_frames(30)):
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(audio.encode(None))
        container.mux(stream.encode(None))
    source = VideoSource(path)
    frames = _read(source)
    assert len(frames) == source.num_frames == 30
    assert source.fps == 25
    assert frames[-1].at.pts_s == pytest.approx(29 / 25)


@pytest.mark.parametrize("size_hw", [(31, 63), (33, 17)])
def test_odd_sizes_keep_their_last_row_and_column(tmp_path, write_film, grey_frames, size_hw):
    frames = grey_frames([200, 50], size_hw)
    (first, second) = _read(VideoSource(write_film(tmp_path / "odd.mkv", frames, codec="ffv1")))
    assert first.size_hw == size_hw
    assert int(first.rgb.min()) >= 199
    assert int(second.rgb.max()) <= 51


def _turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Writes a display matrix (a, b, c, d) into the track header of an MP4."""
    stored = bytearray(path.read_bytes())
    start = stored.index(b"tkhd") + 4 + 4 + 20 + 8 + 8
    a, b, c, d = (value << 16 for value in matrix)
    struct.pack_into(">9i", stored, start, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(stored)
    return path


def _quartered() -> np.ndarray:
    """32 x 64: brightness tells the four corners apart."""
    levels = np.array([[40, 90], [150, 220]], np.uint8)
    return levels.repeat(16, 0).repeat(32, 1)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((1, 0, 0, 1), lambda picture: picture),
        ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),  # portrait phone: clockwise
        ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2)),
        ((0, -1, 1, 0), lambda picture: np.rot90(picture, 1)),
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((0, 1, 1, 0), np.transpose),
    ],
)
def test_the_display_matrix_turns_and_mirrors_the_picture(
    tmp_path, write_film, grey_frames, matrix, expected
):
    frame = grey_frames([0])[0]
    luma = np.zeros((32, frame.planes[0].line_size), np.uint8)
    luma[:, :64] = _quartered()
    frame.planes[0].update(luma.tobytes())
    path = _turned(write_film(tmp_path / "phone.mp4", [frame]), matrix)
    (upright,) = _read(VideoSource(path))
    wanted = expected(_quartered())
    assert upright.size_hw == wanted.shape
    assert np.abs(upright.rgb.numpy().astype(int) - wanted).max() <= 2
    (small,) = _read(VideoSource(path, size_hw=(wanted.shape[0] // 2, wanted.shape[1] // 2)))
    assert np.abs(small.rgb.numpy().astype(int) - wanted[::2, ::2]).max() <= 2


def test_a_smaller_size_is_the_mean_of_what_it_covers(tmp_path, write_film, grey_frames):
    frame = grey_frames([0])[0]
    luma = np.zeros((32, frame.planes[0].line_size), np.uint8)
    luma[:, :64:2] = 200
    frame.planes[0].update(luma.tobytes())
    path = write_film(tmp_path / "stripes.mkv", [frame], codec="ffv1")
    (small,) = _read(VideoSource(path, size_hw=(16, 32)))
    assert small.size_hw == (16, 32)
    assert np.abs(small.rgb.numpy().astype(int) - 100).max() <= 2


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("faststart.mp4", {"movflags": "faststart"}),
        ("fragments.mp4", {"movflags": "frag_keyframe+empty_moov"}),
        ("cut.mkv", {}),
        ("cut.avi", {}),
    ],
)
@pytest.mark.parametrize("kept", [0.3, 0.75])
def test_a_cut_film_yields_what_it_holds_and_then_says_where_it_stops(
    tmp_path, write_film, noise_frames, name, options, kept
):
    pictures = noise_frames(50)
    path = write_film(tmp_path / name, pictures, options=options)
    whole = _read(VideoSource(path))
    stored = path.read_bytes()
    path.write_bytes(stored[: int(len(stored) * kept)])
    got, message = _read_until_fault(VideoSource(path))
    assert 50 * kept - 8 <= len(got) < 50
    assert all(bool((one.rgb == other.rgb).all()) for one, other in zip(got, whole, strict=False))
    stops_s = float(message.split("stops decoding at ")[1].split(" s of ")[0])
    assert stops_s == pytest.approx(got[-1].at.pts_s + 0.04, abs=0.05)


def test_a_film_damaged_midway_yields_what_came_before(tmp_path, write_film, noise_frames):
    path = write_film(tmp_path / "bad.mp4", noise_frames(50), options={"movflags": "faststart"})
    whole = _read(VideoSource(path))
    stored = bytearray(path.read_bytes())
    middle = len(stored) // 2
    stored[middle : middle + 4000] = bytes(4000)
    path.write_bytes(stored)
    got, message = _read_until_fault(VideoSource(path))
    assert 10 < len(got) < 40
    assert all(bool((one.rgb == other.rgb).all()) for one, other in zip(got, whole, strict=False))
    assert "bad.mp4 stops decoding at" in message
    assert "of 2.000 s" in message


def test_an_mp4_without_its_index_cannot_be_entered(tmp_path, write_film, noise_frames):
    path = write_film(tmp_path / "a.mp4", noise_frames(20))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(SourceError, match="no video that can be opened"), VideoSource(path).open():
        pytest.fail("entered")


def test_a_missing_file_cannot_be_entered(tmp_path):
    source = VideoSource(tmp_path / "none.mp4")
    with pytest.raises(SourceError, match="is not there"), source.open():
        pytest.fail("entered")
    with pytest.raises(SourceError, match="is not there"):
        _ = source.fps


def test_a_file_of_sound_alone_cannot_be_entered(tmp_path):
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(SourceError, match="no video stream"), VideoSource(path).open():
        pytest.fail("entered")


def test_a_name_with_a_colon_is_a_file(tmp_path, write_film, grey_frames):
    path = write_film(tmp_path / "plain.mkv", grey_frames([9]))
    odd = path.rename(tmp_path / "http:drive.mkv")
    assert len(_read(VideoSource(odd))) == 1
    assert VideoSource(odd).clip == "http_drive"


def test_unwanted_frames_are_never_converted(tmp_path, write_film, grey_frames, monkeypatch):
    converted = []
    original = colour.RgbConverter.__call__

    def counting(self, frame):
        converted.append(frame.pts)
        return original(self, frame)

    monkeypatch.setattr(colour.RgbConverter, "__call__", counting)
    path = write_film(tmp_path / "a.mkv", grey_frames(range(0, 100, 10)))
    frames = _read(VideoSource(path), {3, 7})
    assert [_level(frame) for frame in frames] == pytest.approx([30, 70], abs=1)
    assert len(converted) == 2


def test_leaving_early_closes_the_file(tmp_path, write_film, noise_frames):
    source = VideoSource(write_film(tmp_path / "a.mkv", noise_frames(20)))
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("no /proc here to list open files")

    def num_open():
        targets = (entry.readlink() for entry in folder.iterdir() if entry.exists())
        return sum(str(tmp_path) in str(target) for target in targets)

    with source.open() as frames:
        next(frames)
        assert num_open() == 1
    assert num_open() == 0


def test_memory_does_not_grow_with_length(tmp_path, write_film, grey_frames):
    def peak(count):
        path = write_film(tmp_path / f"{count}.mkv", grey_frames([80] * count, (128, 128)))
        gc.collect()
        tracemalloc.start()
        with VideoSource(path).open() as frames:
            for _ in frames:
                pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(5)  # imports and caches
    assert peak(80) < peak(20) + 128 * 128 * 3


def test_the_fingerprint_is_of_content_and_size_not_of_name(tmp_path, write_film, grey_frames):
    path = write_film(tmp_path / "a.mkv", grey_frames([1, 2]), codec="ffv1")
    copy = tmp_path / "b.mkv"
    copy.write_bytes(path.read_bytes())
    assert VideoSource(path).fingerprint == VideoSource(copy).fingerprint
    assert VideoSource(path).fingerprint != VideoSource(path, size_hw=(8, 16)).fingerprint
    copy.write_bytes(path.read_bytes() + b"!")
    assert VideoSource(path).fingerprint != VideoSource(copy).fingerprint


@pytest.mark.parametrize(
    ("text", "clip"), [("a b/c", "a_b_c"), ("..", "clip"), ("straße-1.0", "straße-1.0")]
)
def test_clip_names_are_safe_as_file_names(text, clip):
    assert safe_clip_name(text) == clip


def test_a_film_without_a_whole_frame_says_so(tmp_path, write_film, noise_frames):
    path = write_film(tmp_path / "a.mkv", noise_frames(3))
    path.write_bytes(path.read_bytes()[:1500])
    got, message = _read_until_fault(VideoSource(path))
    assert got == []
    assert "stops decoding at 0.000 s" in message


def test_a_change_of_size_midway_is_a_fault_after_every_earlier_frame(tmp_path, grey_frames):
    path = tmp_path / "a.mjpeg"
    frames = [*grey_frames([10, 20]), *grey_frames([30], (48, 80))]
    path.write_bytes(b"".join(_jpeg(frame) for frame in frames))
    got, message = _read_until_fault(VideoSource(path))
    assert [_level(frame) for frame in got] == pytest.approx([10, 20], abs=2)
    assert "changes size from 64x32 to 80x48" in message


def _jpeg(frame: av.VideoFrame) -> bytes:
    stored = io.BytesIO()
    frame.to_image().save(stored, "JPEG", quality=95)
    return stored.getvalue()


@pytest.mark.real_data
def test_the_highway_film_has_its_221_frames(real_data):
    source = VideoSource(real_data / "video" / "solidWhiteRight.mp4", size_hw=(54, 96))
    frames = _read(source)
    assert len(frames) == source.num_frames == 221
    assert source.fps == 25
    assert frames[-1].at.pts_s == pytest.approx(220 / 25)
