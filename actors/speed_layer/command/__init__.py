"""The simple command, its options and its paths: what all analysis and all rules speak of. Pure.

In: words of a command line.
Out: values.
"""
