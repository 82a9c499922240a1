"""How old segments leave the log: which may go, where they go, and in which steps.

In: a retention policy.
Out: a shorter log whose sequences and revisions go on.
"""
