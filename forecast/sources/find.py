"""From what a person names to sources: a file, a folder, a glob, or a data set.

Promises clip names that are unique within one answer, and an error that says what was looked for.
"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from forecast.errors import SourceError, UsageError
from forecast.labels import CITYSCAPES, TRAIN_ID_OF_LABEL_ID, LabelSpace, collapse_table
from forecast.sources.datasets.kind import DatasetKind
from forecast.sources.datasets.labelled import LabelledImages
from forecast.sources.datasets.table import DATASETS, kind_of
from forecast.sources.images import ImageSource
from forecast.sources.live.secrets import hidden_address
from forecast.sources.pictures import images_in, is_image, natural_key
from forecast.sources.video import VideoSource, safe_clip_name
from forecast.stages import FrameSource

VIDEO_SUFFIXES = frozenset(
    f".{name}"
    for name in ("mp4", "m4v", "mov", "3gp", "mkv", "webm", "avi", "flv", "wmv", "ogv", "y4m")
) | {".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".mjpeg", ".h264", ".h265", ".hevc"}
_PICTURES = "rgb"
_TABLES = {
    "label_trainid": collapse_table(CITYSCAPES, CITYSCAPES),
    "label_ids": TRAIN_ID_OF_LABEL_ID,
}
"""Folder of labels -> train id of each value that a file may hold."""
_LOOKED_FOR = (
    f"a data set ({', '.join(DATASETS)}; `forecast datasets` says how each lies), "
    "rgb/ (with label_trainid/ or label_ids/ if labelled), pictures, or video files"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Clips that belong together, and what is known about them."""

    name: str
    """Of the table of data sets, or `labelled-images`, `images` or `video`."""
    split: str | None
    clips: tuple[FrameSource, ...]
    """Each an `AnnotatedSource` where `space` is known."""
    space: LabelSpace | None
    """What the annotations' ids mean; None if there are none."""
    anchored: bool
    """Whether origins count back from the annotated frame."""
    stills: bool = False
    """Whether pictures have no past and no future."""
    drive_parts: int | None = None
    """How many leading parts of a clip's name, between underscores, name its drive; None for all.
    """
    note: str = ""
    """What a reader of its scores must know."""


def find_sources(spec: str, *, fps: float | None) -> list[FrameSource]:
    """The clips that a file, a folder or a glob means, in natural order.

    Args:
        spec: A video, a picture, a folder of either, a data set's root, or a glob.
        fps: Rate of pictures, which carry none of their own.

    Raises:
        SourceError: Nothing is there.
        UsageError: It means nothing that can be read, or pictures without `fps`.
    """
    if "://" in spec:
        raise UsageError(
            f"{hidden_address(spec)} is an address, not a file: use `forecast stream`, or download "
            "it first"
        )
    if spec == "-":
        raise UsageError(
            "- is standard input, which can be read only once: use `forecast stream -`, or save it "
            "to a file first"
        )
    path = Path(spec)
    if path.is_dir():
        return list(find_dataset(path, fps=fps).clips)
    if path.exists():
        return [_single(path, fps)]
    if not glob.has_magic(spec):
        raise SourceError(f"{spec} is not there; name a video, a folder or a glob that exists")
    return _globbed(spec, fps)


def find_dataset(
    path: Path | str, *, split: str | None = None, fps: float | None = None
) -> Dataset:
    """The data set that a path means.

    Args:
        path: Root of a data set, a folder, a file, or a glob.
        split: Which part of a data set; None means the one that is scored, or the only one there.
        fps: Rate of pictures that are no known data set.

    Raises:
        SourceError: It is not there, or incomplete.
        UsageError: It is no data set, has several splits and none was named, or has none.
    """
    path = Path(path)
    if not path.is_dir():
        clips = tuple(find_sources(str(path), fps=fps))
        _refuse_split(path, split)
        pictured = all(isinstance(clip, ImageSource) for clip in clips)
        return _unlabelled("images" if pictured else "video", clips)
    return _folder(path, split=split, fps=fps, name=_folder_name(path))


def _folder(path: Path, *, split: str | None, fps: float | None, name: str) -> Dataset:
    kind = kind_of(path)
    if kind is not None:
        return _known(path, split or _default_split(path, kind), kind)
    _refuse_split(path, split)
    return _plain_folder(path, fps, name)


def _known(path: Path, split: str, kind: DatasetKind) -> Dataset:
    clips = tuple(kind.open(path, split))
    return Dataset(
        name=kind.name,
        split=split,
        clips=clips,
        space=clips[0].space,
        anchored=kind.anchored,
        stills=kind.stills,
        drive_parts=kind.drive_parts,
        note=kind.notes.get(split, ""),
    )


def _plain_folder(path: Path, fps: float | None, name: str) -> Dataset:
    labels = next((one for one in _TABLES if (path / one).is_dir()), None)
    if (path / _PICTURES).is_dir() and labels is not None:
        clip = _labelled(path, labels, fps, name)
        return Dataset(
            name="labelled-images", split=None, clips=(clip,), space=clip.space, anchored=False
        )
    pictures = images_in(path) or images_in(path / _PICTURES)
    videos = _videos_in(path)
    if pictures and videos:
        raise UsageError(
            f"{path} holds {len(pictures)} pictures and {len(videos)} videos; name one kind by a "
            f"glob, such as '{path}/*{videos[0].suffix}'"
        )
    if pictures:
        return _unlabelled("images", (_image_clip(pictures, name, fps),))
    if videos:
        return _unlabelled("video", _video_clips(videos))
    raise UsageError(f"{path} is no data set; looked for {_LOOKED_FOR}")


def _unlabelled(name: str, clips: tuple[FrameSource, ...]) -> Dataset:
    return Dataset(name=name, split=None, clips=clips, space=None, anchored=False)


def _refuse_split(path: Path, split: str | None) -> None:
    if split is not None:
        raise UsageError(f"{path} has no splits, so no {split!r}; leave the split out")


def _default_split(path: Path, kind: DatasetKind) -> str:
    present = kind.splits(path)
    if kind.scored in present:
        return kind.scored
    if len(present) == 1:
        return present[0]
    has = ", ".join(present) or "none with both pictures and annotations"
    raise UsageError(
        f"{path} has no split `{kind.scored}`; name one with --split; splits there: {has}"
    )


def _single(path: Path, fps: float | None) -> FrameSource:
    if is_image(path):
        return ImageSource([path], clip=safe_clip_name(path.stem), fps=fps)
    return _opened(VideoSource(path))


def _opened(video: VideoSource) -> VideoSource:
    """The video, once its header was read: what is no video is refused before any work is done."""
    _ = video.num_frames
    return video


def _videos_in(folder: Path) -> list[Path]:
    found = (path for path in folder.iterdir() if _is_video(path))
    return sorted(found, key=natural_key)


def _video_clips(videos: Sequence[Path]) -> tuple[FrameSource, ...]:
    named = zip(videos, _clip_names(videos), strict=True)
    return tuple(_opened(VideoSource(video, clip=clip)) for video, clip in named)


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".")


def _clip_names(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of the paths that tell them apart; suffixes only where they must."""
    whole = [path.resolve() for path in paths]
    bare = [path.with_suffix("") if _is_video(path) else path for path in whole]
    names: list[str] = []
    for ends in (bare, whole):
        for depth in range(1, 1 + max((len(path.parts) for path in ends), default=0)):
            names = [safe_clip_name("_".join(path.parts[-depth:])) for path in ends]
            if len(set(names)) == len(names):
                return names
    return names


def _folder_name(folder: Path) -> str:
    whole = folder.resolve()
    return whole.parent.name if whole.name == _PICTURES else whole.name


def _image_clip(paths: Sequence[Path], name: str, fps: float | None) -> ImageSource:
    if fps is None and len(paths) > 1:
        raise UsageError(
            f"{paths[0].parent} holds {len(paths)} pictures, which carry no rate; pass --fps"
        )
    return ImageSource(paths, clip=safe_clip_name(name), fps=fps)


def _labelled(path: Path, folder: str, fps: float | None, name: str) -> LabelledImages:
    """Pictures and annotations joined by the stem of their names."""
    pictures = images_in(path / _PICTURES)
    annotations = {label.stem: label for label in images_in(path / folder)}
    labels = {
        index: annotations[picture.stem]
        for index, picture in enumerate(pictures)
        if picture.stem in annotations
    }
    if not labels:
        raise UsageError(
            f"{path} has {len(pictures)} pictures in {_PICTURES}/ and {len(annotations)} "
            f"annotations in {folder}/, none of one name; name both alike"
        )
    return LabelledImages(
        _image_clip(pictures, name, fps),
        labels,
        space=CITYSCAPES,
        table=_TABLES[folder],
    )


def _globbed(spec: str, fps: float | None) -> list[FrameSource]:
    found = (Path(hit) for hit in glob.glob(spec, recursive=True))  # noqa: PTH207
    hits = sorted(found, key=natural_key)
    folders = [hit for hit in hits if hit.is_dir()]
    of_videos = [folder for folder in folders if _videos_in(folder) and not images_in(folder)]
    videos = [hit for hit in hits if _is_video(hit) and hit.is_file()]
    videos += [video for folder in of_videos for video in _videos_in(folder)]
    pictures = [hit for hit in hits if hit.is_file() and is_image(hit)]
    grouped = {
        folder: list(members) for folder, members in groupby(pictures, key=lambda hit: hit.parent)
    }
    rest = [folder for folder in folders if folder not in of_videos]
    named = [
        *videos,
        *(path.parent if path.name == _PICTURES else path for path in (*grouped, *rest)),
    ]
    names = iter(_clip_names(named))
    clips: list[FrameSource] = [VideoSource(path, clip=next(names)) for path in videos]
    clips += [_image_clip(members, next(names), fps) for members in grouped.values()]
    for folder in rest:
        clips += _folder(folder, split=None, fps=fps, name=next(names)).clips
    if not clips:
        raise SourceError(f"{spec} matches no video, picture or folder of them")
    return clips
