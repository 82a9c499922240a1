"""The speed layer: judges what agents want to do."""
