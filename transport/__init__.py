"""The front door: sockets, MCP and the command line. Nothing below knows it exists."""
