"""A recording cut off anywhere and resumed holds the bytes of one that was not."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr

from forecast.errors import OpenError, StorageError, UsageError
from forecast.labels import CAMVID
from forecast.stages import Sink
from forecast.storage import epoch_store
from forecast.storage.manifest import Manifest
from forecast.storage.recording import Recording
from forecast.storage.recording_writer import RecordingWriter, whole_shard
from forecast.values import Forecast, Frame, Instant, Segmentation, Step

HORIZONS_S = (0.2, 0.6)


def step(index: int, epoch: int = 0, *, latency_ms: float = 1.0) -> Step:
    """A step of frame `index`, the same whenever it is made."""
    random = torch.Generator().manual_seed(index)
    at = Instant(clip="a", index=index, pts_s=index / 15, epoch=epoch)
    rgb = torch.randint(0, 256, (3, 32, 64), generator=random, dtype=torch.uint8)
    probs = torch.rand(11, 8, 16, generator=random).softmax(0)
    ahead = torch.rand(11, 4, 8, generator=random)
    return Step(
        frame=Frame(at=at, rgb=rgb),
        segmentation=Segmentation(at=at, space=CAMVID, size_hw=(32, 64), probs=probs),
        forecast={
            horizon_s: Forecast(
                origin=at, horizon_s=horizon_s, served_s=horizon_s + 0.01, space=CAMVID, probs=ahead
            )
            for horizon_s in (HORIZONS_S if index >= 3 else ())
        },
        latency_ms={"segment": latency_ms, "wait": 0.5},
    )


def manifest(**changed: str) -> Manifest:
    given = {"source": "s", "config": "c", "segmenter": "n", "device": "cpu", "precision": "fp32"}
    return Manifest(**(given | changed), versions={"torch": "2"})


def writer(folder: Path, *, resume: bool = False, soft: bool = True) -> RecordingWriter:
    return RecordingWriter(
        folder,
        manifest=manifest(),
        space=CAMVID,
        horizons_s=HORIZONS_S,
        shard_frames=4,
        soft=soft,
        resume=resume,
    )


def write(folder: Path, indices: range, *, resume: bool = False) -> RecordingWriter:
    made = writer(folder, resume=resume)
    for index in indices:
        made.write(step(index))
    return made


def bytes_of(folder: Path) -> dict[str, str]:
    """Hash of every file but those of latencies."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "latency_ms" not in path.parts
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "recording"
    write(folder, range(10)).complete()
    return folder


def test_the_writer_is_a_sink(tmp_path: Path) -> None:
    assert isinstance(writer(tmp_path / "r"), Sink)


def test_what_was_written_is_read_back(whole: Path) -> None:
    recording = Recording(whole)
    assert recording.complete
    assert recording.num_frames == 10
    assert recording.space is CAMVID
    assert recording.horizons_s == HORIZONS_S
    np.testing.assert_allclose(recording.served_s, [0.21, 0.61])
    np.testing.assert_array_equal(recording.pts_s, [index / 15 for index in range(10)])
    for index in range(10):
        one = step(index)
        assert np.asarray(recording.labels[index]).shape == (32, 64)
        probs = one.segmentation.probs
        assert probs is not None
        wanted = (probs * 255).round().byte().numpy()
        np.testing.assert_array_equal(recording.soft[index], wanted)
        for horizon_s in HORIZONS_S:
            read = recording.forecast(index, horizon_s)
            if index < 3:
                assert read is None
            else:
                np.testing.assert_array_equal(read, one.forecast[horizon_s].labels.numpy())


def test_a_horizon_that_was_not_asked_for_is_refused(whole: Path) -> None:
    with pytest.raises(UsageError, match=r"no horizon 1 s; it has 0\.2, 0\.6"):
        Recording(whole).forecast(5, 1.0)


@pytest.mark.parametrize("cut", range(11))
def test_dropped_anywhere_and_resumed_gives_the_same_bytes(
    tmp_path: Path, whole: Path, cut: int
) -> None:
    write(tmp_path / "r", range(cut))
    resumed = writer(tmp_path / "r", resume=True)
    assert resumed.num_committed == cut - cut % 4
    for index in range(max(0, resumed.num_committed - 2), 10):
        resumed.write(step(index, latency_ms=9.0))
    resumed.complete()
    assert bytes_of(tmp_path / "r") == bytes_of(whole)
    assert Recording(tmp_path / "r").content_hash() == Recording(whole).content_hash()


@pytest.mark.parametrize("cut", [1, 4, 7])
def test_interrupted_and_finalised_is_readable_and_resumes_to_the_same_bytes(
    tmp_path: Path, whole: Path, cut: int
) -> None:
    made = write(tmp_path / "r", range(cut))
    made.close()
    made.close()
    recording = Recording(tmp_path / "r")
    assert (recording.num_frames, recording.complete) == (cut, False)
    np.testing.assert_array_equal(
        np.asarray(recording.labels[:cut]), np.asarray(Recording(whole).labels[:cut])
    )
    write(tmp_path / "r", range(10), resume=True).complete()
    assert bytes_of(tmp_path / "r") == bytes_of(whole)


_WRITER = """
import importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("recorded", {here!r})
recorded = importlib.util.module_from_spec(spec)
spec.loader.exec_module(recorded)
made = recorded.writer(Path(sys.argv[1]))
for index in range(10):
    made.write(recorded.step(index))
    print(index, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("after", [5])
def test_killed_and_resumed_gives_the_same_bytes(tmp_path: Path, whole: Path, after: int) -> None:
    command = [sys.executable, "-c", _WRITER.format(here=__file__), str(tmp_path / "r")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) == after:
                child.send_signal(signal.SIGKILL)
                break
    assert child.returncode == -signal.SIGKILL
    assert writer(tmp_path / "r", resume=True).num_committed in range(after - 3, 11)
    write(tmp_path / "r", range(10), resume=True).complete()
    left = bytes_of(tmp_path / "r")
    assert {name: left[name] for name in left if ".partial" not in name} == bytes_of(whole)


def test_killed_between_the_arrays_and_the_count_gives_the_same_bytes(
    tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path, content: bytes) -> None:
        raise KeyboardInterrupt

    made = write(tmp_path / "r", range(7))
    monkeypatch.setattr(epoch_store, "replace_file", killed)
    with pytest.raises(KeyboardInterrupt):
        made.write(step(7))
    monkeypatch.undo()
    resumed = writer(tmp_path / "r", resume=True)
    assert resumed.num_committed == 4
    write(tmp_path / "r", range(10), resume=True).complete()
    assert bytes_of(tmp_path / "r") == bytes_of(whole)


def test_a_complete_recording_has_nothing_left_to_do(tmp_path: Path, whole: Path) -> None:
    write(tmp_path / "r", range(10)).complete()
    again = writer(tmp_path / "r", resume=True)
    assert again.num_committed == 10
    again.write(step(9))
    again.close()
    assert bytes_of(tmp_path / "r") == bytes_of(whole)


@pytest.mark.parametrize(
    ("field", "was", "now", "said"),
    [
        ("source", "5e" * 32, "aa" * 32, "another source: its frames, or their times"),
        ("config", "5e" * 32, "aa" * 32, "another config: run.json beside it holds the settings"),
        ("device", "cpu", "cuda:0", "device cpu, this run has cuda:0"),
        ("precision", "float32", "bfloat16", "precision float32, this run has bfloat16"),
        ("segmenter", "one b572", "two b572", "segmenter one, this run has two"),
        ("segmenter", "one b572", "one aa11", "other weights or settings of the segmenter one"),
        ("predictor", "", "two aa11", "predictor none, this run has two"),
    ],
)
def test_another_manifest_is_refused_in_words_that_say_what_differs(
    tmp_path: Path, field: str, was: str, now: str, said: str
) -> None:
    RecordingWriter(
        tmp_path, manifest=manifest(**{field: was}), space=CAMVID, horizons_s=HORIZONS_S
    ).close()
    with pytest.raises(UsageError, match=f"recorded with {said}") as told:
        RecordingWriter(
            tmp_path,
            manifest=manifest(**{field: now}),
            space=CAMVID,
            horizons_s=HORIZONS_S,
            resume=True,
        )
    assert "b572" not in str(told.value)
    assert "5e5e" not in str(told.value)


def test_a_folder_that_holds_a_recording_is_not_overwritten(tmp_path: Path) -> None:
    write(tmp_path, range(4)).close()
    with pytest.raises(UsageError, match="already holds a recording; pass --resume"):
        writer(tmp_path)
    assert Recording(tmp_path).num_frames == 4


def test_each_epoch_has_a_store_of_its_own(tmp_path: Path) -> None:
    made = writer(tmp_path)
    for epoch in (0, 1):
        for index in range(6):
            made.write(step(index, epoch))
    made.close()
    assert [Recording(tmp_path, epoch=epoch).num_frames for epoch in (0, 1)] == [6, 6]
    assert [Recording(tmp_path, epoch=epoch).complete for epoch in (0, 1)] == [True, False]
    # All of the first, and the one whole shard of the second.
    assert writer(tmp_path, resume=True).num_committed == 6 + 4


def test_latencies_are_kept_but_not_hashed(tmp_path: Path) -> None:
    hashes = set()
    for name, latency_ms in (("a", 1.0), ("b", 2.0)):
        made = writer(tmp_path / name)
        made.write(step(0, latency_ms=latency_ms))
        made.close()
        group = zarr.open_group(tmp_path / name / "epoch-000.zarr", mode="r")
        assert np.asarray(group["latency_ms"][:]).tolist() == [[latency_ms, 0.5]]
        hashes.add(Recording(tmp_path / name).content_hash())
    assert len(hashes) == 1


def test_one_changed_pixel_changes_the_hash(tmp_path: Path, whole: Path) -> None:
    write(tmp_path, range(10)).complete()
    labels = zarr.open_group(tmp_path / "epoch-000.zarr", mode="r+")["labels"]
    labels[9, 0, 0] = (int(labels[9, 0, 0]) + 1) % 11
    assert Recording(tmp_path).content_hash() != Recording(whole).content_hash()


def test_true_ids_are_kept_as_they_are(tmp_path: Path) -> None:
    at = Instant(clip="a", index=0, pts_s=0.0)
    ids = torch.arange(8, dtype=torch.uint8).reshape(2, 4)
    made = writer(tmp_path, soft=False)
    made.write(
        Step(
            frame=Frame(at=at, rgb=torch.zeros(3, 2, 4, dtype=torch.uint8)),
            segmentation=Segmentation(at=at, space=CAMVID, size_hw=(2, 4), ids=ids),
            forecast={},
            latency_ms={},
        )
    )
    made.close()
    np.testing.assert_array_equal(np.asarray(Recording(tmp_path).labels[0]), ids.numpy())


def test_a_full_disk_is_one_line_and_what_was_committed_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = write(tmp_path, range(7))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(zarr.Array, "resize", full)
    with pytest.raises(StorageError, match="No space left on device; free some space") as caught:
        made.write(step(7))
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert Recording(tmp_path).num_frames == 4


def test_a_folder_without_a_recording_is_named(tmp_path: Path) -> None:
    with pytest.raises(OpenError, match="holds no readable recording"):
        Recording(tmp_path)


@pytest.mark.parametrize(("batch_size", "frames"), [(1, 32), (4, 32), (5, 35), (12, 36), (40, 40)])
def test_a_shard_holds_whole_micro_batches(batch_size: int, frames: int) -> None:
    assert whole_shard(batch_size) == frames


def test_a_waiting_shard_holds_no_pictures(tmp_path: Path) -> None:
    made = writer(tmp_path)
    one = step(3)
    picture = weakref.ref(one.frame.rgb)
    made.write(one)
    del one
    assert picture() is None
