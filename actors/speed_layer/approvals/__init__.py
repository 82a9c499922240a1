"""What no rule decides: one pending approval for all who ask the same, answered once.

In: requests that ended in `ask`, and decisions on them.
Out: the same answer for everyone who waits, and events in the log.
"""
