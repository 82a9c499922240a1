"""The front door: sockets, MCP and the command line. Nothing below knows it exists.

In: bytes from sockets and pipes, and command lines.
Out: the same; whom a token names is decided here.
"""
