"""The runtime, and the actors that are built on it. Knows the store, never the transport."""
