"""What the runtime's errors say: who it is about, and what to do."""

from __future__ import annotations

import pytest

from actors.kernel import (
    ActorDied,
    ActorNotFound,
    AskCycle,
    AskTimeout,
    MailboxFull,
    NameTaken,
    RestartIntensityExceeded,
    WouldDeadlock,
    contains,
)
from actors.kernel.errors import cause, unwrap


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ActorNotFound("a"), "no actor named 'a' is running; it may be restarting, try again"),
        (ActorDied("a"), "actor 'a' ended before it answered; the outcome is unknown"),
        (MailboxFull("a", 7), "mailbox of 'a' is full (7 messages); try again later"),
        (AskTimeout("a", 2.5), "actor 'a' did not answer within 2.5 s; the outcome is unknown"),
        (AskCycle(["a", "b", "a"]), "a cycle of asks: a -> b -> a; answer later, or ask from a task of its own"),
        (WouldDeadlock("a", "b"), "'a' may not wait for room at 'b', which starts later; start 'b' first"),
        (NameTaken("a"), "the name 'a' is in use by a running actor; choose another"),
        (
            RestartIntensityExceeded("root", "a", 5, 10.0),
            "supervisor 'root' gave up: 'a' crashed after 5 restarts within 10 s",
        ),
    ],
)
def test_each_says_in_a_sentence_who_it_is_about(error, says):
    assert str(error) == says


def test_an_error_is_found_in_groups_of_groups_and_taken_out_of_those_that_hold_one():
    inner, other = KeyError("inner"), ValueError("other")
    nested = ExceptionGroup("", [ExceptionGroup("", [inner])])
    both = ExceptionGroup("", [nested, other])
    assert contains(both, KeyError)
    assert contains(inner, KeyError)
    assert not contains(both, OSError)
    assert (unwrap(nested), unwrap(both), unwrap(inner)) == (inner, both, inner)
    assert (cause(both), cause(inner)) == (inner, inner)
