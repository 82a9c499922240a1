"""The client that an agent or a simulation uses.

In: a hall's address and a token.
Out: the tools as typed methods, across lost connections.
"""

from transport.client.connecting import connect
from transport.client.hall_client import PATIENCE_S, HallClient, connect_by, connect_stream
from transport.client.rpc import EventsGone, HallError

__all__ = ["PATIENCE_S", "EventsGone", "HallClient", "HallError", "connect", "connect_by", "connect_stream"]
