"""The runtime, and the actors that are built on it. Knows the store, never the transport.

In: requests of callers that the transport has authenticated.
Out: results, verdicts, and events in the log.
"""
