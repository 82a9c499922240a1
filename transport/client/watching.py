"""Resources that are watched: told of when they change, also across connections that are lost.

A connection's subscriptions end with it. The next one subscribes again, and once it has, everything watched counts as
changed: what happened in between was told to nobody. Changes that nobody has looked at yet are one, so nothing queues.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import anyio

from transport.client.rpc import HallError


class Watching:
    """An asynchronous iterator over changes: each step waits for one, and gives which resources may have changed.

    Args:
        uris: The resources.
    """

    def __init__(self, uris: Iterable[str]) -> None:
        self.uris = frozenset(uris)
        self._changed: set[str] = set()
        self._over: HallError | None = None
        self._news = anyio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> frozenset[str]:
        """Return the resources that have changed since the last step; a checkpoint. Never ends by itself.

        Raises:
            HallError: There is no connection any more, and none will be made.
        """
        await self._news.wait()
        if self._over is not None:
            raise HallError(self._over.code, self._over.message, self._over.detail)
        changed, self._changed, self._news = frozenset(self._changed), set(), anyio.Event()
        return changed

    def tell(self, uri: str) -> None:
        """Note that a resource may have changed. Does not checkpoint."""
        if uri in self.uris:
            self._changed.add(uri)
            self._news.set()

    def end(self, error: HallError) -> None:
        """Note that nothing more will be told. Does not checkpoint."""
        self._over = error
        self._news.set()


class Watches:
    """All that one client watches. Nothing here checkpoints."""

    def __init__(self) -> None:
        self._all: list[Watching] = []

    @property
    def uris(self) -> set[str]:
        """The resources that are watched by anybody."""
        return {uri for each in self._all for uri in each.uris}

    def add(self, watching: Watching) -> None:
        """Tell of changes from now on."""
        self._all.append(watching)

    def remove(self, watching: Watching) -> set[str]:
        """Tell no more; returns the resources that nobody else watches."""
        self._all.remove(watching)
        return set(watching.uris) - self.uris

    def tell(self, uri: str) -> None:
        """Tell everybody who watches a resource that it may have changed."""
        for each in self._all:
            each.tell(uri)

    def end(self, error: HallError) -> None:
        """Tell everybody that there will be no more connection."""
        for each in self._all:
            each.end(error)
