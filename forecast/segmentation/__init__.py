"""Networks that say what every pixel is, and the segmenter that runs them.

Promises that each frame yields one probability map, in order, that a batch equals its frames one
by one, and that no network ever runs with weights nobody chose. Does not know where frames come
from or what becomes of the maps. The names are in `names`, which imports no torch.
"""
