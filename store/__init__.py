"""The event log as a library: durable, ordered, synchronous. No actors, no sockets, no Trio."""

from store.append import Append, Appended, Expected, FailIf
from store.errors import (
    ConditionFailed,
    DiskFull,
    Invalid,
    LogDamaged,
    LogLocked,
    RevisionConflict,
    StoreError,
    SyncFailed,
    TooLarge,
)
from store.event import Event, NewEvent
from store.interface import Log, LogStats
from store.limits import Limits
from store.log import EventLog
from store.memory import MemoryLog
from store.query import Page, Query
from store.staged import Staged
from store.verify import Report, verify

__all__ = [
    "Append",
    "Appended",
    "ConditionFailed",
    "DiskFull",
    "Event",
    "EventLog",
    "Expected",
    "FailIf",
    "Invalid",
    "Limits",
    "Log",
    "LogDamaged",
    "LogLocked",
    "LogStats",
    "MemoryLog",
    "NewEvent",
    "Page",
    "Query",
    "Report",
    "RevisionConflict",
    "Staged",
    "StoreError",
    "SyncFailed",
    "TooLarge",
    "verify",
]
