"""Whom a rule is for, and when it holds: its roles, agents and labels, its hours, its end."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from actors.agent_names import EVERYBODY, why_no_labels, why_no_name
from actors.speed_layer.policy.loading.audiences import BY_ROLE
from actors.speed_layer.policy.loading.sources import Entry, PolicyError

ROLES: Final = frozenset({"observer", "agent", "expert", "admin"})
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS: Final = re.compile(r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? )?(\d\d):(\d\d)-(\d\d):(\d\d)\Z")
DAY_MINUTES: Final = 24 * 60
NOTHING: Final = frozenset[str]()
DISGUISED: Final = re.compile(r"[\\\\'\"$`{]")
"""What can hide a program's name in a line."""


class Scope(msgspec.Struct, frozen=True):
    """The limits of one rule.

    Attributes:
        roles: The roles it is for; empty for all.
        agents: The names of the agents it is for; empty for all.
        labels: Labels, of which an agent that it is for has one; empty for all.
        days: Days of the week it holds on, Monday 0.
        start: The minute of the day (UTC) from which it holds.
        stop: The minute up to which it holds; before `start` it lies on the next day.
        until: Seconds since 1970 from which it no longer holds, `None` for no end.
    """

    roles: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    days: frozenset[int] = frozenset(range(7))
    start: int = 0
    stop: int = DAY_MINUTES
    until: float | None = None

    @property
    def timed(self) -> bool:
        """Whether it depends on the time."""
        return self.until is not None or (self.start, self.stop, len(self.days)) != (0, DAY_MINUTES, len(DAYS))

    def is_for(self, role: str, agent: str, labels: tuple[str, ...]) -> bool:
        """Return whether it is for an agent."""
        if self.roles and role not in self.roles:
            return False
        if self.agents and agent not in self.agents:
            return False
        return not self.labels or not self.labels.isdisjoint(labels)

    def holds_at(self, now: float) -> bool:
        """Return whether it holds at a time, in seconds since 1970."""
        return not self.timed or self._holds_at(now)

    def _holds_at(self, now: float) -> bool:
        if self.until is not None and now >= self.until:
            return False
        moment = datetime.fromtimestamp(now, UTC)
        minute, day = moment.hour * 60 + moment.minute, moment.weekday()
        if self.start < self.stop:
            return day in self.days and self.start <= minute < self.stop
        return (day in self.days and minute >= self.start) or ((day - 1) % 7 in self.days and minute < self.stop)


class Scopes:
    """The rules of a policy that are for some roles, agents or labels, or for some time.

    Args:
        entries: All rules.

    Attributes:
        timed: Whether one depends on the time.
        audiences: Which agents they tell apart.

    Raises:
        PolicyError: A role, a name, a label, an hour or an end is invalid.
    """

    __slots__ = ("_programs", "_scopes", "audiences", "timed")

    def __init__(self, entries: Iterable[Entry]) -> None:
        found = [(entry.table, scope) for entry in entries if (scope := _scope(entry)) is not None]
        self._scopes = {table.id: scope for table, scope in found}
        timed = [table for table, scope in found if scope.timed]
        self.timed = bool(timed)
        self.audiences = BY_ROLE
        for scope in self._scopes.values():
            self.audiences = self.audiences.and_of(scope.agents, scope.labels)
        beginnings = [getattr(table, "argv", ["*"])[0].split("|") for table in timed]
        self._programs = frozenset(name for names in beginnings for name in names)

    def __bool__(self) -> bool:
        return bool(self._scopes)

    def excluded(self, role: str, agent: str, labels: tuple[str, ...], now: float) -> frozenset[str]:
        """Return the ids of the rules that do not hold.

        Args:
            role: The role of the agent that asks.
            agent: Its name.
            labels: Its labels.
            now: When, in seconds since 1970.
        """
        if not self._scopes:
            return NOTHING
        return frozenset(
            rule
            for rule, scope in self._scopes.items()
            if not (scope.is_for(role, agent, labels) and scope.holds_at(now))
        )

    def for_none_of(self, agents: Iterable[tuple[str, str, tuple[str, ...]]]) -> list[str]:
        """Return the ids of the rules that name agents or labels and are for none of these.

        Args:
            agents: The role, the name and the labels of each.
        """
        known = list(agents)
        naming = [(rule, scope) for rule, scope in self._scopes.items() if scope.agents or scope.labels]
        return [rule for rule, scope in naming if not any(scope.is_for(*each) for each in known)]

    def concern(self, line: str | None) -> bool:
        """Return whether the time may matter for a shell line, or for another tool (`None`)."""
        if not self.timed:
            return False
        if line is None or "*" in self._programs or DISGUISED.search(line):
            return True
        return any(name in line for name in self._programs)


def _scope(entry: Entry) -> Scope | None:
    table: Any = entry.table
    roles, agents, labels = (frozenset[str](getattr(table, name, ())) for name in ("roles", "agents", "labels"))
    hours, until = (getattr(table, name, None) for name in ("hours", "until"))
    if not (roles or agents or labels or hours or until):
        return None
    try:
        first, last, start, stop = _window(hours) if hours else (0, 6, 0, DAY_MINUTES)
        end = _moment(until) if until else None
        _check_roles(roles)
    except ValueError as error:
        advice = 'write roles = ["agent"], hours = "mon-fri 08:00-18:00", until = "2030-01-31T12:00:00Z" (all UTC)'
        raise PolicyError(entry.source.name, entry.line, str(error), advice) from error
    wrong = [why for each in sorted(agents) if each != EVERYBODY and (why := why_no_name(each))]
    why = next(iter(wrong), "") or why_no_labels(sorted(labels))
    if why:
        what = f"rule {table.id!r} can never match: {why}"
        raise PolicyError(entry.source.name, entry.line, what, "name agents and labels as `moothall agent list` does")
    days = frozenset((first + offset) % 7 for offset in range((last - first) % 7 + 1))
    return Scope(roles, agents, labels, days, start, stop, end)


def _check_roles(roles: frozenset[str]) -> None:
    for role in sorted(roles):
        if role not in ROLES:
            raise ValueError(f"{role!r} is not a role")


def _window(text: str) -> tuple[int, int, int, int]:
    found = HOURS.match(text)
    if found is None:
        raise ValueError(f"{text!r} are no hours")
    first, last = found["first"] or "mon", found["last"] or found["first"] or "sun"
    if first not in DAYS or last not in DAYS:
        raise ValueError(f"{text!r} names a day that is none")
    start, stop = (int(found[group]) * 60 + int(found[group + 1]) for group in (3, 5))
    if start == stop or max(start, stop) > DAY_MINUTES:
        raise ValueError(f"{text!r} are no hours")
    return DAYS.index(first), DAYS.index(last), start, stop


def _moment(text: str) -> float:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.timestamp()
