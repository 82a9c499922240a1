"""Seeded bugs: changes the code in one place after another and looks whether the tests notice.

In: modules, the tests, and the bugs that people wrote down.
Out: the bugs that no test noticed, and the share of those that one did.
"""
