"""A picture of what runs: supervisors, actors, and how they fare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import msgspec

from actors.kernel.observing.statistics import Statistics


class Node(msgspec.Struct, frozen=True):
    """One child, or the root.

    Attributes:
        name: Its name.
        kind: Its class, or `supervisor` and the strategy.
        state: `running`, `stopping`, or `restarting` while its backoff lasts.
        restart: Its restart type; empty for the root.
        statistics: An actor's counters; None for anything else.
        children: What runs below it, in the order of their start.
    """

    name: str
    kind: str
    state: str
    restart: str = ""
    statistics: Statistics | None = None
    children: list[Node] = []


@runtime_checkable
class Parent(Protocol):
    """What can be seen of a supervisor."""

    def tree(self) -> Node:
        """Return it and all that runs below it, as values. Does not checkpoint."""
        ...

    def children(self) -> list[str]:
        """Return the names of the children that run now, in the order of their start. Does not checkpoint."""
        ...


def render(node: Node) -> str:
    """Draw a tree as text, a line for each node.

    Example:
        >>> print(render(Node("root", "supervisor, one_for_one", "running", children=[
        ...     Node("a", "Actor", "running", "permanent"), Node("b", "Actor", "restarting", "permanent")])))
        root  supervisor, one_for_one
        ├─ a  Actor, permanent
        └─ b  Actor, permanent, restarting
    """
    return "\n".join(_lines(node, "", ""))


def _lines(node: Node, first: str, rest: str) -> Iterator[str]:
    words = [node.kind, node.restart, *([node.state] if node.state != "running" else [])]
    if node.statistics is not None:
        words.append(_figures(node.statistics))
    yield f"{first}{node.name}  {', '.join(word for word in words if word)}"
    for child in node.children:
        last = child is node.children[-1]
        yield from _lines(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "))


def _figures(statistics: Statistics) -> str:
    figures = [f"{statistics.handled} handled", f"{statistics.depth} waiting"]
    if statistics.handled:
        figures.append(f"{statistics.busy_us / statistics.handled:.1f} us each")
    if statistics.failed:
        figures.append(f"{statistics.failed} crashes")
    return ", ".join(figures)
