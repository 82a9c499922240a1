"""The care of a log that lives: backup, export and import, figures, a look without opening it.

In: a log's directory.
Out: another directory, a stream of bytes, or figures.
"""
