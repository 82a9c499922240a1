"""The monitor: the health of the hall.

In: crashes, by message, and what the others publish.
Out: the health of the hall, published once a second.
"""
