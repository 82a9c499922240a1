"""The operating system's side: files, syncs, the lock, digests, and the ports that tests replace.

In: paths, descriptors and bytes.
Out: bytes that are as safe as promised, or an error of the library.
"""
