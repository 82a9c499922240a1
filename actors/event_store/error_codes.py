"""What the store's errors are called in the contract."""

from __future__ import annotations

from actors.event_store.messages import QueryEvents, Refused
from store import ConditionFailed, EventsGone, Invalid, Log, RevisionConflict, StoreError, TooLarge


def refused(error: StoreError) -> Refused:
    """Translate an error of the store into a refusal of the contract."""
    message = str(error)
    match error:
        case RevisionConflict():
            detail = {"stream": error.stream, "expected": error.expected, "actual": error.actual}
            return Refused("revision_conflict", message, detail)
        case ConditionFailed():
            return Refused("condition_failed", message, {"sequence": error.sequence})
        case TooLarge():
            return Refused("too_large", message)
        case EventsGone():
            return Refused("events_gone", message, {"first_sequence": error.first_sequence})
        case Invalid():
            return Refused("invalid", message)
        case _:
            return Refused("unavailable", message)


def gone_of(log: Log, message: QueryEvents) -> Refused | None:
    """Say why a query is refused that is to be told if what it asks for has left the log; None if it has not."""
    if not message.whole:
        return None
    try:
        log.check_not_gone(message.query, begins=message.begins)
    except EventsGone as gone:
        return refused(gone)
    return None
