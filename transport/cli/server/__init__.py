"""Commands that run a server or look at one: `serve`, `tree` and `bench`.

In: configuration, or a server's address.
Out: a process that serves, a picture of one, or how fast it answers.
"""
