"""Commands on the log: append, query, follow, and care for its files.

In: a server, or a data directory.
Out: events, figures, files.
"""
