"""The command line: one file per group of subcommands.

In: arguments, the environment, the data directory.
Out: text or one JSON object a line on stdout, an exit code of the contract.
"""
