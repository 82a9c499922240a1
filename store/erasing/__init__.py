"""How a stream is erased: what its events hold is overwritten where it lies, and the deed is told in the log.

In: a stream, and who has it erased.
Out: the same events in the same order, without their content.
"""
