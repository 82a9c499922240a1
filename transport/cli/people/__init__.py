"""Commands for those who let agents in and decide what waits.

In: an admin's or expert's token, or the data directory.
Out: tokens, decisions.
"""
