"""Optical flow between two frames, in the convention of `forecast.geometry.warp`.

Promises flow in pixels of the frames it is given, on the CPU.
"""
