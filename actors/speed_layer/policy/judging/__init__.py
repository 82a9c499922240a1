"""The verdict over a whole request: a shell line, a file tool, any other tool.

In: a request and the compiled tables.
Out: findings, the strictest of which rules.
"""
