"""What agents have written, so that nobody's own unseen code runs as if it were the project's.

In: the files of requests that were allowed, and what people have approved.
Out: why a request that the rules allow is asked about all the same.
"""
