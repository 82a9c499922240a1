"""MCP itself, whatever carries it: the message parser, the limits, the SDK's server and the fast lane beside it.

In: a message as text.
Out: its answer as text.
"""
