"""The stdio bridge, for MCP clients that only start a command.

In: one JSON-RPC message a line.
Out: the hall's answers, across lost connections.
"""
