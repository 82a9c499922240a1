"""The optional seal: a keyed hash chained over the frames.

In: a key, and frames as they are written or read.
Out: seals, and the first place where they do not hold.
"""
