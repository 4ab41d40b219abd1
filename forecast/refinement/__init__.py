"""Refiners: a segmentation in, a better one out, from the picture or from the frames before.

Does not know which network segmented or what becomes of the result.
"""
