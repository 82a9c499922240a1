"""The cache: verdicts that were given before."""
