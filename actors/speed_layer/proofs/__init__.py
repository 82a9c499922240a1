"""Small languages and names that are proved to only read, or to be everyday work. Pure.

In: a text in an argument.
Out: None where it is proved, else why not.
"""
