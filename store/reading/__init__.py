"""What readers see: segments, searches over them, and the committed watermark.

In: a query, or a sequence to read on from.
Out: decoded events up to the watermark.
"""
