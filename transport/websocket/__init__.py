"""MCP over websockets: one supervised child a connection, every queue of it bounded.

In: TCP streams.
Out: frames; a connection's faults end it alone.
"""
