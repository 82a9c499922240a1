"""What can go wrong between actors: every error of the runtime, and nothing else.

A caller that sees `ActorNotFound`, `ActorDied` or `MailboxFull` may try again later (the callee restarts under its
supervisor); after `AskTimeout` and `ActorDied` it does not know whether the work was done.
"""

from __future__ import annotations

from typing import cast


class ActorError(Exception):
    """Base of every error that the runtime raises to a caller."""


class ActorNotFound(ActorError):  # noqa: N818 - reads as the fact it states, like trio.WouldBlock
    """No running actor has this name: it never started, is restarting, or has stopped.

    Args:
        name: The name that was looked up.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"no actor named {name!r} is running; it may be restarting, try again")
        self.name = name


class ActorDied(ActorError):  # noqa: N818
    """The actor ended before it answered; whether it did the work is unknown.

    Args:
        name: The actor that ended.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"actor {name!r} ended before it answered; the outcome is unknown")
        self.name = name


class MailboxFull(ActorError):  # noqa: N818
    """The actor's bounded queue is full and its overflow rule is to refuse.

    Args:
        name: The actor whose mailbox is full.
        capacity: How many messages the mailbox holds.
    """

    def __init__(self, name: str, capacity: int) -> None:
        super().__init__(f"mailbox of {name!r} is full ({capacity} messages); try again later")
        self.name = name
        self.capacity = capacity


class AskTimeout(ActorError):  # noqa: N818
    """The deadline of an ask passed; the actor may still do the work.

    Args:
        name: The actor that was asked.
        timeout_s: How long the caller waited, in seconds.
    """

    def __init__(self, name: str, timeout_s: float) -> None:
        super().__init__(f"actor {name!r} did not answer within {timeout_s:g} s; the outcome is unknown")
        self.name = name
        self.timeout_s = timeout_s


class DeadlinePassed(AskTimeout):
    """Whoever sent the message in an actor's hands gave up while the handler asked somebody else on their behalf.

    A handler that lets it pass does not crash: nobody waits for its answer any more, so the message counts as expired.
    """


class AskCycle(ActorError):  # noqa: N818
    """An ask would wait for itself: each actor in the chain waits for the next one, and the last for the first.

    Args:
        chain: The names, the first one again at the end.
    """

    def __init__(self, chain: list[str]) -> None:
        super().__init__(f"a cycle of asks: {' -> '.join(chain)}; answer later, or ask from a task of its own")
        self.chain = chain


class WouldDeadlock(ActorError):  # noqa: N818
    """An actor declares that it waits for room in the mailbox of one that did not start before it.

    Args:
        name: The actor.
        target: Whom it would wait for.
    """

    def __init__(self, name: str, target: str) -> None:
        super().__init__(f"{name!r} may not wait for room at {target!r}, which starts later; start {target!r} first")
        self.name = name
        self.target = target


class NameTaken(ActorError):  # noqa: N818
    """Another running actor or supervisor already has this name.

    Args:
        name: The name that is in use.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"the name {name!r} is in use by a running actor; choose another")
        self.name = name


class RestartIntensityExceeded(ActorError):  # noqa: N818
    """A supervisor gave up: its children crashed more often than its intensity allows.

    Args:
        supervisor: The supervisor that gave up.
        child: The child whose crash was one too many.
        restarts: How many restarts the period allows.
        period_s: The period, in seconds.
    """

    def __init__(self, supervisor: str, child: str, restarts: int, period_s: float) -> None:
        super().__init__(
            f"supervisor {supervisor!r} gave up: {child!r} crashed after {restarts} restarts within {period_s:g} s"
        )
        self.supervisor = supervisor
        self.child = child


class Unrecoverable(Exception):  # noqa: N818
    """An actor raises this (or a subclass) where no restart may be tried: it ends the whole tree.

    Supervisors pass it upwards instead of restarting. A disk that failed to sync is the case in point: whatever a
    restarted actor acknowledged could be lost.
    """


def contains(error: BaseException, kind: type[BaseException]) -> bool:
    """Say whether an error is of a kind, or is a group (at any depth) that holds one of it."""
    return first(error, kind) is not None


def first(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """Return the first error of a kind in a group (at any depth), or None."""
    if isinstance(error, kind):
        return error
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        return next((found for inner in group.exceptions if (found := first(inner, kind)) is not None), None)
    return None


def cause(error: BaseException) -> BaseException:
    """Return the first error in a group, at any depth, that is no group; any other error is its own cause."""
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
    return error


def unwrap(error: BaseException) -> BaseException:
    """Return the one error in a group of one, at any depth; anything else as it is."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    group = cast("BaseExceptionGroup[BaseException]", error)
    inner: list[BaseException] = list(group.exceptions)
    return unwrap(inner[0]) if len(inner) == 1 else group
