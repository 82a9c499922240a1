"""What the product is made of: each package that it runs on, by version and digest.

In: `pyproject.toml`, `constraints.txt`, the index that pip is configured with, what is installed.
Out: the locked files, and a bill of materials.
"""
