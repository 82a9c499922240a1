"""Starts and stops: what a directory holds, what of it counts, and how it is brought into order.

In: a directory, whatever happened to it.
Out: open segments, or a clear statement of what is damaged.
"""
