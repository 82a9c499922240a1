"""The event log as a library: durable, ordered, synchronous. No actors, no sockets, no Trio."""

from store.append import Append, Appended, Expected, FailIf
from store.backup import BackedUp, backup
from store.cursor import Cursor
from store.errors import (
    ConditionFailed,
    DiskFull,
    EventsGone,
    Invalid,
    LogDamaged,
    LogLocked,
    RepairRefused,
    RevisionConflict,
    StoreError,
    SyncFailed,
    TooLarge,
)
from store.event import Event, NewEvent
from store.event_types import EventTypes
from store.export import export_events
from store.importing import Imported, import_events
from store.interchange import Encoding
from store.interface import Log, LogStats
from store.keyed_seal import read_key
from store.limits import Limits
from store.log import EventLog
from store.looking import look
from store.memory import MemoryLog
from store.projection import Projection, View
from store.query import Page, Query
from store.repair import Repaired, repair
from store.retention import Retention, Retired, keep
from store.snapshot import Snapshot, Snapshots
from store.staged import Staged
from store.stats import Stats, stats
from store.subscription import Subscription, Subscriptions
from store.verify import Report, verify

__all__ = [
    "Append",
    "Appended",
    "BackedUp",
    "ConditionFailed",
    "Cursor",
    "DiskFull",
    "Encoding",
    "Event",
    "EventLog",
    "EventTypes",
    "EventsGone",
    "Expected",
    "FailIf",
    "Imported",
    "Invalid",
    "Limits",
    "Log",
    "LogDamaged",
    "LogLocked",
    "LogStats",
    "MemoryLog",
    "NewEvent",
    "Page",
    "Projection",
    "Query",
    "RepairRefused",
    "Repaired",
    "Report",
    "Retention",
    "Retired",
    "RevisionConflict",
    "Snapshot",
    "Snapshots",
    "Staged",
    "Stats",
    "StoreError",
    "Subscription",
    "Subscriptions",
    "SyncFailed",
    "TooLarge",
    "View",
    "backup",
    "export_events",
    "import_events",
    "keep",
    "look",
    "read_key",
    "repair",
    "stats",
    "verify",
]
