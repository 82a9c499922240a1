"""What can be seen of a tree that runs: counters, traces, a picture.

In: what actors and supervisors count.
Out: immutable values; nothing here changes what runs.
"""
