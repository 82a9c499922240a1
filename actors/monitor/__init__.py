"""The monitor: the health of the hall."""
