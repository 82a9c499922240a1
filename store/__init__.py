"""The event log as a library: durable, ordered, synchronous. No actors, no sockets, no Trio.

In: appends, queries, a directory.
Out: events in order, each as durable as the policy promises.
"""

from store.care.backup import BackedUp, backup
from store.care.disk_space import bytes_per_day, disk_warning, free_bytes
from store.care.export import export_events
from store.care.importing import Imported, import_events
from store.care.read_only import look
from store.care.restore import Restored, restore
from store.care.stats import Stats, stats
from store.erasing.erasure import Erased, Erasure
from store.errors import (
    ConditionFailed,
    DiskFull,
    EpochChanged,
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
from store.following.cursor import Cursor
from store.following.projection import Projection, View
from store.following.snapshot import Snapshot, Snapshots
from store.following.subscription import Subscription, Subscriptions
from store.format.interchange import Encoding
from store.interface import Log
from store.log import EventLog
from store.memory import MemoryLog
from store.model.append import Append, Appended, Expected, FailIf
from store.model.event import Event, NewEvent
from store.model.event_types import EventTypes
from store.model.limits import Limits
from store.model.log_stats import LogStats
from store.model.query import Page, Query
from store.recovery.repair import Repaired, repair
from store.recovery.verify import Report, verify
from store.retention.policy import Retention, Retired, archive_of, keep
from store.tamper.seal import read_key
from store.writing.staged_group import Staged

__all__ = [
    "Append",
    "Appended",
    "BackedUp",
    "ConditionFailed",
    "Cursor",
    "DiskFull",
    "Encoding",
    "EpochChanged",
    "Erased",
    "Erasure",
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
    "Restored",
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
    "archive_of",
    "backup",
    "bytes_per_day",
    "disk_warning",
    "export_events",
    "free_bytes",
    "import_events",
    "keep",
    "look",
    "read_key",
    "repair",
    "restore",
    "stats",
    "verify",
]
