"""A log in figures, whatever keeps it."""

import msgspec


class LogStats(msgspec.Struct, frozen=True, kw_only=True):
    """A log in figures.

    Attributes:
        first_sequence: the sequence that the log begins with.
        head: the last committed sequence.
        durable: the last sequence known to be durable; 0 in memory.
        streams: how many streams there are.
        segments: how many segment files.
        bytes: the size of all segment files.
        commits: groups settled since the log was opened.
        syncs: fsyncs of data since the log was opened.
        commands: command ids remembered.
        fsync: the policy, `none` in memory and where the log is only read.
        epoch: the log epoch.
        lost: how many events had been acknowledged and could not be read when the log was opened.
    """

    first_sequence: int
    head: int
    durable: int
    streams: int
    segments: int
    bytes: int
    commits: int
    syncs: int
    commands: int
    fsync: str
    epoch: str
    lost: int = 0
