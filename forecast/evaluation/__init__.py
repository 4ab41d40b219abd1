"""How far to trust a forecast: counting, intervals, calibration, and the rules they follow.

Promises the official counting rule (one confusion matrix pooled over the whole set) and that what
is read, scored and resampled follows from the protocol alone. Does not know predictors or files.
"""
