"""The suites of `scripts/bench`, one module each.

In: a bench to run on.
Out: figures.
"""
