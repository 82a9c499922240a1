"""The benchmarks: one module per suite, peers beside us in the same run, and the table made of what was measured.

In: a suite's name.
Out: figures, and the pages made of them.
"""
