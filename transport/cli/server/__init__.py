"""Commands that run a server or look at one: `serve` and `tree`.

In: configuration.
Out: a process that serves, or a picture of one.
"""
