"""How things are measured, kept, compared and shown.

In: subjects that take turns.
Out: medians with their spread.
"""
