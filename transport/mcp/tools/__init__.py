"""The hall's tools: their arguments and results on the wire, and what each does.

In: a tool's arguments.
Out: its result.
"""
