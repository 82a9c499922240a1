"""Who gets in: listeners, tokens, TLS, and the checks before all else. Knows no MCP.

In: sockets, and the first bytes of a request.
Out: a principal, or a refusal.
"""
