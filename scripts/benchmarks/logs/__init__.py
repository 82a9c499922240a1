"""Work on event logs, each store in a process of its own.

In: a store's name.
Out: figures of appends, fills, openings and reads.
"""
