"""A picture of what runs: supervisors, actors, and how they fare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import msgspec

from actors.kernel.lifecycle.child import ChildSpec, Running
from actors.kernel.messages.system import System
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
class _Parent(Protocol):
    def tree(self) -> Node: ...


def describe(running: Running, system: System) -> Node:
    """Return a running child, and all below it, as values."""
    spec = running.spec
    if isinstance(running.child, _Parent):
        return msgspec.structs.replace(running.child.tree(), restart=spec.restart)
    counters = system.counters.get(spec.name)
    return Node(
        name=spec.name,
        kind=type(running.child).__name__,
        state="stopping" if running.stopping else "running",
        restart=spec.restart,
        statistics=counters.snapshot(system.mailboxes.get(spec.name)) if counters is not None else None,
    )


def waiting(spec: ChildSpec) -> Node:
    """Return a child that waits for its restart."""
    return Node(name=spec.name, kind="", state="restarting", restart=spec.restart)


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
