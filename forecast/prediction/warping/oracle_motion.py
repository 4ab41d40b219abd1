"""What perfect knowledge of motion would give a warp: a yardstick, never a forecast.

It looks at the real picture of the future, and at nothing else of it: what the warps miss up to
here is motion, what is missing from here on is what no motion brings.
"""

from __future__ import annotations

from forecast.prediction.warping.motion import motion_between, moved
from forecast.stages import FlowEstimator
from forecast.values import Frame, Observation, Segmentation

LONGEST_S = 2.0
"""Pictures further apart have too little in common for a flow between them to mean anything."""


def warped_by_truth(seen: Observation, future: Frame, flow: FlowEstimator) -> Segmentation:
    """What was seen at the origin, carried to a later picture by the flow between the two.

    Args:
        seen: At the origin.
        future: The real picture of the moment that it is carried to.
        flow: Estimates the flow, on the pictures that the warps use.
    """
    last = seen.segmentation
    displacement = motion_between(future, seen.frame, 1, flow, last.grid_hw).flow
    return Segmentation(
        at=future.at, space=last.space, size_hw=last.size_hw, probs=moved(last, displacement)
    )
