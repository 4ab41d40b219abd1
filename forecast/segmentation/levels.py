"""What pictures are normalised by before a network sees them."""

from __future__ import annotations

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of RGB in 0 to 1, over ImageNet's pictures; the mean is subtracted, then it is divided."""
