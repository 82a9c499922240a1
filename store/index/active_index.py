"""The index of the segment that is being written, in memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import le

from store.index.byte_planes import GrowingPlanes
from store.index.interface import FrameAgents
from store.index.tag_positions import TagPositions
from store.streams.stream_table import StreamTable


class SegmentIndex:
    """The index of the segment that is being written.

    Args:
        table: knows the ids of names.

    Attributes:
        command_keys: the key of each command carried out here.
        command_positions: the position of the first event of each.
    """

    def __init__(self, table: StreamTable) -> None:
        self.table = table
        self.streams = self.by_stream = GrowingPlanes()
        self.correlations = self.by_correlation = GrowingPlanes()
        self.types = self.by_type = GrowingPlanes()
        self.agents = GrowingPlanes()
        self.by_agent = FrameAgents(self)
        self.by_tag = TagPositions()
        self.frame_firsts = array("I")
        self.frame_offsets = array("I")
        self.earliest_ns = 0
        self.latest_ns = 0
        self.ordered = True
        self.end = 0
        self.command_keys = array("Q")
        self.command_positions = array("I")

    def __len__(self) -> int:
        """Return how many events there are."""
        return len(self.types.planes[0])

    def add_frames(
        self,
        *,
        offsets: Sequence[int],
        end: int,
        times: Sequence[int],
        counts: Sequence[int],
        streams: Sequence[int],
        types: Sequence[int],
        agents: Sequence[int],
        correlations: Sequence[int],
        commands: Iterable[tuple[int, int]],
        tags: Iterable[tuple[int, Sequence[frozenset[int]]]] = (),
    ) -> None:
        """Take in frames that lie one behind the other.

        Args:
            offsets: the byte at which each begins.
            end: the byte at which the last one ends.
            times: the time of each frame's events.
            counts: how many events each frame has.
            streams: an id for each event.
            types: an id for each event.
            agents: an id for each frame.
            correlations: a hash for each event; those of the last ones may be missing if they have no correlation id.
            commands: for each frame that carries out a command, which one it is, from 0, and the command's key.
            tags: for each frame that has events with tags, which one it is, from 0, and the hashes of each one's tags.
        """
        at, frame = len(self), len(self.frame_firsts)
        earliest = min(times)
        self.ordered = self.ordered and times[0] >= self.latest_ns and all(map(le, times, times[1:]))
        self.earliest_ns = min(self.earliest_ns, earliest) if at else earliest
        self.latest_ns = max(self.latest_ns, *times)
        self.end = end
        self.frame_firsts.extend(accumulate(counts[:-1], initial=at))
        self.frame_offsets.extend(offsets)
        for number, key in commands:
            self.command_keys.append(key)
            self.command_positions.append(self.frame_firsts[frame + number])
        for number, hashes in tags:
            self.by_tag.extend(hashes, self.frame_firsts[frame + number])
        self.agents.extend(agents, frame)
        self.streams.extend(streams, at)
        if correlations:
            self.correlations.extend(correlations, at)
        self.types.extend(types, at)

    def stream_ids(self, name: str) -> tuple[int, ...]:
        """Return a stream's id, if it ever occurred."""
        number = self.table.streams.known(name)
        return () if number is None else (number,)

    def type_ids(self, name: str) -> tuple[int, ...]:
        """Return a type's id, if it ever occurred."""
        number = self.table.types.known(name)
        return () if number is None else (number,)

    def agent_ids(self, name: str) -> tuple[int, ...]:
        """Return an agent's id, if it ever occurred."""
        number = self.table.agents.known(name)
        return () if number is None else (number,)
