"""The log as it grows: cursors, durable subscriptions, projections and their snapshots.

In: any log, by its interface.
Out: every event once and in order, or what they add up to.
"""
