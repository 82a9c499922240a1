"""MCP over streamable HTTP, and the small routes beside it, under Hypercorn.

In: TCP streams.
Out: responses; sessions outlive the sockets they came by.
"""
