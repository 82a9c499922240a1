"""Which rules fit a command, a path, a variable or a name, and how far an allow rule covers it.

In: compiled rules and one part of a request.
Out: findings.
"""
