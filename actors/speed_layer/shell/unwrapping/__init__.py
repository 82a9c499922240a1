"""Programs that run other programs: sudo, env, xargs, find, bash -c and their like.

In: a simple command.
Out: the commands or the shell text that it runs in turn.
"""
