"""A network that starts as the warp along optical flow and learns what a warp cannot do."""
