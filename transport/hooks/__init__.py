"""What coding agents' hooks say and want to hear. Pure.

In: an agent's hook JSON.
Out: a request to judge, and a verdict in the agent's words.
"""
