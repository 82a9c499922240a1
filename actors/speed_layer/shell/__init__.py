"""A shell line taken apart: every simple command that it would run, at every depth. Pure.

In: the text of a line and its working directory.
Out: an analysis; what cannot be told is said, never guessed.
"""
