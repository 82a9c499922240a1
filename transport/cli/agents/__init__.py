"""Commands that coding agents start: `connect` and `hook`.

In: stdin, and where the hall is.
Out: stdout in the agent's protocol.
"""
