"""Rendered streets: pictures with exact labels, exact optical flow and instances, any length.

Everything is a flat painted piece of a world with perspective, so how each pixel moves is a
homography, known exactly. Built from a seed: the same seed gives the same bytes.
`source.StreetSource` yields one clip; `source.street_snippets` yields many.
"""
