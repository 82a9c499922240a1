"""`moothall demo`: scripted agents at work in a hall of their own.

In: nothing.
Out: a table of what they did.
"""
