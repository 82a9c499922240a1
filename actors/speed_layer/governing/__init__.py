"""The policy that governs now, what was remembered on top of it, and what guards the judging.

In: activations, decisions to remember, failures.
Out: rulings within their limits, and events that record each change.
"""
