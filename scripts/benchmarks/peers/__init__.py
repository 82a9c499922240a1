"""What others take for the same work, each as well set up as it can be.

In: the same payloads.
Out: subjects to measure beside ours.
"""
