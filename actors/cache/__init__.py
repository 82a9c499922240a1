"""The cache: verdicts that were given before.

In: rulings, by message.
Out: a published table that any task reads without a hop.
"""
