"""Where a hall of this machine is, and what of that is believed.

In: a place to start from, what the command line and the environment name, and the user's own directories.
Out: the data directory, the server that runs there and how it is reached, the token to show.
"""
