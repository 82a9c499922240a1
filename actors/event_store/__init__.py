"""The event store: the one owner of the log."""
