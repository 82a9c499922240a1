"""Sessions: who is here, and what each may do.

In: who asks, and for what.
Out: an admission, or a refusal; tokens admitted in advance are published.
"""
