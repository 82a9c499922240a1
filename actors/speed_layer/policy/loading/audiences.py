"""Which agents the rules of a policy tell apart, so that all others share verdicts and approvals. Pure."""

from __future__ import annotations

from typing import Self

import msgspec


class Audiences(msgspec.Struct, frozen=True):
    """The names and labels that rules speak of.

    An audience is all whom no rule can tell apart: the role, and of an agent's name and labels those that some rule
    speaks of. Where none speaks of any, it is the role alone.

    Attributes:
        agents: The names.
        labels: The labels.
    """

    agents: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()

    def of(self, role: str, agent: str, labels: tuple[str, ...]) -> str:
        """Return the audience of an agent: no other has this text, since no name or label holds a line's end.

        Args:
            role: Its role.
            agent: Its name.
            labels: Its labels, sorted.
        """
        if not self:
            return role
        spoken_of = [f"named {agent}"] if agent in self.agents else []
        return "\n".join([role, *spoken_of, *(f"labelled {each}" for each in labels if each in self.labels)])

    def __bool__(self) -> bool:
        return bool(self.agents or self.labels)

    def and_of(self, agents: frozenset[str], labels: frozenset[str]) -> Self:
        """Return these names and labels and more of them."""
        return type(self)(self.agents | agents, self.labels | labels)


BY_ROLE = Audiences()
"""No rule speaks of a name or label."""


def shown(audience: str) -> str:
    """Return an audience on one line."""
    return audience.replace("\n", ", ")
