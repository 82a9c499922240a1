"""The speed layer: judges what agents want to do.

In: requests, decisions and policies, by message.
Out: rulings; what no rule decides goes to an expert or a person once.
"""
