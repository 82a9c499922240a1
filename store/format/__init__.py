"""What is on disk, byte by byte: frames, segments, index files and the small files beside them.

In: values and bytes.
Out: bytes and values; what is unreadable is told, never guessed.
"""
