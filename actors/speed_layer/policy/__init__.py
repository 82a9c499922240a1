"""The policy engine: a request in, a ruling out; pure, deterministic, and never raising.

In: TOML sources, then requests.
Out: rulings with rule, reason and policy version.
"""
