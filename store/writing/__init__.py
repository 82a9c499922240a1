"""From appends to frames on disk: check, encode, stage, write, sync.

In: appends, in groups.
Out: their results, each as durable as the policy promises.
"""
