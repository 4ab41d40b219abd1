"""Where pixels are: resampling each kind of map by its own rule, and carrying maps along a flow.

Promises one pixel convention, stated in `warp`. Knows tensors and values, and no stage.
"""
