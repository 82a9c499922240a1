"""A line followed as the shell would run it: compound commands, loops, expansions, variables.

In: a syntax tree, or the tokens of a plain line.
Out: simple commands in their order.
"""
