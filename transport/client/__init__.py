"""The client that an agent or a simulation uses."""

from transport.client.hall import PATIENCE_S, HallClient, connect, connect_by, connect_stream
from transport.client.rpc import HallError

__all__ = ["PATIENCE_S", "HallClient", "HallError", "connect", "connect_by", "connect_stream"]
