"""Every verdict on its way into the log, without its secrets.

In: verdicts, added without a hop.
Out: events in batches; what had to be dropped is counted.
"""
