"""How messages travel: encoded, queued in bounded mailboxes, answered within a deadline.

In: a message and a name.
Out: an answer, an error that says why there is none, or a counted dead letter.
"""
