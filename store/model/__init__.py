"""The words of the log as values: events, appends, queries, and what limits them. Pure.

In: what a caller says.
Out: checked values that every kind of log shares.
"""
