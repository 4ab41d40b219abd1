"""Histories: evenly spaced observations that end at an origin, picked by their true timestamps.

Promises that no history spans two clips or epochs, that none is given whose frames are further than
half a frame period from where they should be, and that memory is bounded whatever the length.
Does not know what predicts from a history.
"""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from statistics import median

from forecast.values import History, Instant, Needs, Observation, num_stride_frames

STARTUP_FRAMES = 9
"""Frames that an unknown frame period is estimated from; the first history comes with the last."""


def restart_index(first: int, *, needs: Needs | None, frame_s: float, batch_size: int) -> int:
    """Where to begin again so that everything from frame `first` on comes out as it would have.

    Early enough for that frame's whole history and the source frame before it, at the start of a
    micro-batch: networks round differently in batches of other sizes.

    Args:
        first: The first frame that is wanted.
        needs: Of the predictor; None without one.
        frame_s: Time between source frames.
        batch_size: Frames in a micro-batch, counted from frame 0.
    """
    reach = 0
    if needs is not None:
        reach = max(1, (needs.num_observations - 1) * num_stride_frames(needs.step_s, frame_s))
    earliest = max(0, first - reach)
    return earliest - earliest % batch_size


class Windows:
    """Turns observations, pushed in order, into histories; one object serves any number of clips.

    For the origin o and stride n the k-th observation back is the one nearest in time to
    o - k * n * frame_s; at a constant rate that is the frame of index o - k * n. Where no frame
    lies within half a frame period of it, as after a gap, there is no history: a shifted one would
    be forecast from as if it were evenly spaced.

    Where the frame period is not given, it is the median difference of the first `STARTUP_FRAMES`
    timestamps of each clip and epoch, then fixed until the next: no history comes before.
    """

    def __init__(
        self, *, num_observations: int, step_s: float, frame_s: float | None = None
    ) -> None:
        """Ready for the first observation.

        Args:
            num_observations: Length of each history, at least 1.
            step_s: Time between its observations as asked for.
            frame_s: Time between source frames; None to estimate it.
        """
        assert num_observations >= 1, "a history has at least one observation"
        self._num_observations = num_observations
        self._step_s = step_s
        self._given_frame_s = frame_s
        self._past: deque[Observation] = deque()
        self._begin()

    @property
    def frame_s(self) -> float | None:
        """Time between source frames; None while it is being estimated."""
        return self._frame_s

    @property
    def num_kept(self) -> int:
        """Observations held because a later origin may need them."""
        return len(self._past)

    def reset(self) -> None:
        """Forget every observation: a new clip begins."""
        self._begin()

    def push(self, observation: Observation) -> History | None:
        """The history that ends at this observation; None while it is not complete."""
        at = observation.frame.at
        if self._past and not _follows(self._past[-1].frame.at, at):
            self._begin()
        self._past.append(observation)
        if self._frame_s is None:
            self._estimate()
        if self._frame_s is None:
            return None
        self._forget(at.pts_s, self._frame_s)
        return self._history(at.pts_s, self._frame_s)

    def _begin(self) -> None:
        self._past.clear()
        self._frame_s = self._given_frame_s

    def _estimate(self) -> None:
        if len(self._past) < STARTUP_FRAMES:
            return
        moments = [one.frame.at.pts_s for one in self._past]
        self._frame_s = median(later - earlier for earlier, later in pairwise(moments))

    def _reach(self, frame_s: float) -> int:
        strides = (self._num_observations - 1) * num_stride_frames(self._step_s, frame_s)
        return max(1, strides)

    def _forget(self, now_s: float, frame_s: float) -> None:
        reach = self._reach(frame_s)
        oldest_s = now_s - (reach + 0.5) * frame_s
        # Frames denser than their nominal rate must not pile up either.
        most = 2 * (reach + 1)
        while self._past[0].frame.at.pts_s < oldest_s or len(self._past) > most:
            self._past.popleft()

    def _nearest(self, pts_s: float, frame_s: float) -> Observation | None:
        nearest = min(self._past, key=lambda one: abs(one.frame.at.pts_s - pts_s))
        return nearest if abs(nearest.frame.at.pts_s - pts_s) <= frame_s / 2 else None

    def _history(self, now_s: float, frame_s: float) -> History | None:
        stride_s = num_stride_frames(self._step_s, frame_s) * frame_s
        wanted = range(self._num_observations - 1, -1, -1)
        found = [self._nearest(now_s - back * stride_s, frame_s) for back in wanted]
        chosen = tuple(one for one in found if one is not None)
        if len({one.frame.at.index for one in chosen}) < self._num_observations:
            return None
        before = self._nearest(now_s - frame_s, frame_s)
        if before is chosen[-1]:
            before = None
        return History(
            observations=chosen,
            previous=None if before is None else before.frame,
            stride_s=stride_s,
            frame_s=frame_s,
            before=None if before is None else before.segmentation,
        )


def _follows(earlier: Instant, later: Instant) -> bool:
    same = (earlier.clip, earlier.epoch) == (later.clip, later.epoch)
    return same and later.pts_s > earlier.pts_s and later.index > earlier.index
