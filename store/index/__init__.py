"""Where each event of a segment is: built while it grows, written when it is complete, read when it is needed.

In: the frames of one segment.
Out: positions, narrowed by stream, type, agent and correlation id.
"""
