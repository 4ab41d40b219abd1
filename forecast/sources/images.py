"""Sequences of picture files: a folder, a glob, or any list of paths, one clip each.

Promises natural order (`2` before `10`), and one size throughout unless told otherwise. Reads only
the files asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path

from forecast.errors import SourceError
from forecast.sources.hashing import content_hash
from forecast.sources.pictures import read_rgb
from forecast.values import Frame, Instant


class ImageSource:
    """Frames of one sequence of pictures."""

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        clip: str,
        fps: float | None,
        pts_s: Sequence[float] | None = None,
        one_size: bool = True,
    ) -> None:
        """Takes the files in the order given; nothing is read yet.

        Args:
            paths: The pictures, first to last.
            clip: Name of the clip.
            fps: Frames a second; None if unknown, when `pts_s` must tell or there is one picture.
            pts_s: Seconds of each picture from the first; None spaces them by `fps`.
            one_size: Whether a picture of another size is an error; unrelated stills may differ.
        """
        if not paths:
            raise SourceError(f"clip {clip} has no pictures; name at least one")
        if pts_s is None and fps is None and len(paths) > 1:
            raise ValueError("an ImageSource of several pictures needs fps or pts_s")
        self.paths = tuple(paths)
        self._clip = clip
        self._fps = fps
        self._one_size = one_size
        spacing_s = 1.0 / fps if fps else 0.0
        self._pts_s = tuple(pts_s or (index * spacing_s for index in range(len(paths))))
        assert len(self._pts_s) == len(self.paths)

    @property
    def clip(self) -> str:
        """Name of the clip."""
        return self._clip

    @property
    def fps(self) -> float | None:
        """Frames a second."""
        return self._fps

    @property
    def num_frames(self) -> int:
        """How many pictures there are."""
        return len(self.paths)

    @property
    def fingerprint(self) -> str:
        """Hash of every picture's content and time: a forecast depends on both."""
        return self._content

    @cached_property
    def _content(self) -> str:
        times = " ".join(repr(one) for one in self._pts_s)
        return hashlib.sha256(f"{content_hash(self.paths)} {times}".encode()).hexdigest()

    def instant(self, index: int) -> Instant:
        """When the picture of that index was."""
        return Instant(clip=self._clip, index=index, pts_s=self._pts_s[index])

    @contextmanager
    def open(self, only: Container[int] | None = None) -> Generator[Iterator[Frame]]:
        """Frames from first to last; with `only`, no other file is read.

        Raises:
            SourceError: On entering if the first wanted file is missing; while iterating if one is
                damaged or of another size than those before it.
        """
        wanted = [index for index in range(self.num_frames) if only is None or index in only]
        if wanted and not self.paths[wanted[0]].is_file():
            raise SourceError(f"{self.paths[wanted[0]]} is not there; name files that exist")
        with closing(self._frames(wanted)) as frames:
            yield frames

    def _frames(self, wanted: Sequence[int]) -> Generator[Frame]:
        first: tuple[Path, tuple[int, int]] | None = None
        for index in wanted:
            frame = Frame(at=self.instant(index), rgb=read_rgb(self.paths[index]))
            if first is None:
                first = self.paths[index], frame.size_hw
            elif self._one_size and frame.size_hw != first[1]:
                height, width = frame.size_hw
                raise SourceError(
                    f"{self.paths[index]} is {width}x{height} where {first[0].name} and those "
                    f"after it are {first[1][1]}x{first[1][0]}; all must be of one size"
                )
            yield frame
