"""Predictors: what has been seen goes in, what will be there comes out, one horizon at a time.

Promises that a forecast names its origin and horizon, that histories of a batch do not touch each
other, and that a horizon which cannot be served is left out. What a predictor needs from another
stage, such as a flow or a segmenter, it is handed.
"""
