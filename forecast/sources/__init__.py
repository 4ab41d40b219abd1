"""Where frames come from: each module yields frames of one kind of source, in presentation order.

Promises true timestamps from 0, indices from 0, bounded memory, files closed on every way out, and
a `SourceError` only after every frame that could be decoded. Does not know what frames are for.
"""
