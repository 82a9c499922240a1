"""The event store: the one owner of the log.

In: appends and queries, by message.
Out: results once they are durable, pages of events; waits are answered when their event comes.
"""
