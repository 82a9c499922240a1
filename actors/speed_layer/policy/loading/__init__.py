"""From TOML to tables: everything that can be done before the first request is done here.

In: the sources of a policy.
Out: compiled tables, or an error with file and line.
"""
