"""A plain append is framed in a shorter way: to the same bytes as in the general one, or not at all."""

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from store import Append, EventLog, Limits, NewEvent, StoreError
from store.model.append import check_expected, stream_of
from store.streams.stream_table import StreamTable
from store.writing.batch_framer import BatchFramer
from store.writing.validation import checked_columns

LIMITS = Limits(event_bytes=200, depth=3)
NAMES = st.sampled_from(["known", "new", "", "\n", "x" * 300, "\udc00", 7, ["known"]])
KNOWN = st.just("known")
SCALARS = st.sampled_from(
    [None, True, 1, 2**64, 0.5, float("nan"), float("-inf"), "", "text", "\udc00", b"", "x" * 300]
)
DATA = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "", 1]), inner),
    max_leaves=4,
)
EVENTS = st.builds(
    NewEvent,
    type=KNOWN | NAMES,
    data=DATA | st.dictionaries(st.text(max_size=2), SCALARS),
    stream=st.none() | NAMES,
    correlation_id=st.none() | KNOWN | NAMES,
    causation_id=st.none() | NAMES,
    metadata=st.none() | st.dictionaries(st.just("a"), SCALARS),
)
PLAIN = st.builds(NewEvent, type=KNOWN, data=DATA, correlation_id=st.none() | KNOWN)
APPENDS = st.builds(
    Append,
    events=st.lists(PLAIN, min_size=1, max_size=1)
    | st.sampled_from([7, {0: NewEvent(type="known")}])
    | st.lists(EVENTS | st.just("no event"), max_size=2),
    agent=KNOWN | KNOWN | st.just("new"),
    stream=KNOWN | KNOWN | st.sampled_from([None, "new", "", 7]),
    expected_revision=st.sampled_from([None, "any", "no_stream", "exists", 0, 6]),
)


def framer():
    table = StreamTable()
    made = BatchFramer(table, LIMITS)
    earlier = [NewEvent(type="other"), NewEvent(type="older"), NewEvent(type="known", correlation_id="known")]
    for stream, agent in (("first", "a"), ("known", "known"), ("known", "known")):
        append = Append(events=earlier, agent=agent, stream=stream)
        made.frames([append], checked_columns([append], LIMITS), 1)
    return made, table


def generally(made, table, append, now_ns):
    columns = checked_columns([append], LIMITS)
    made.check_names([append])
    check_expected(stream_of(append), append.expected_revision, table.revision(stream_of(append)))
    (frame,) = made.frames([append], columns, now_ns)
    return frame


def plainly(made, _, append, now_ns):
    return None if append.expected_revision is not None else made.small.frame(append, now_ns)


def outcome(way, append):
    """What a way leads to: a frame or an error, and where the heads are then."""
    made, table = framer()
    try:
        got = way(made, table, append, 5)
    except StoreError as error:
        got = repr(error)
    streams = [*table.streams]
    revisions, settled = ([way[at] for at in range(len(streams))] for way in (table.revisions, table.settled()))
    where = table.next_sequence, revisions, settled, streams, table.types.names, table.agents.names
    return got if got is None else msgspec.msgpack.encode(got), where


@given(APPENDS)
@example(Append(events=[NewEvent(type="known", data={"n": float("inf")})], agent="known", stream="known"))
@example(Append(events=[NewEvent(type="known", data={"n": "x" * 300})], agent="known", stream="known"))
@example(Append(events=[NewEvent(type="known")], agent="known", stream="known", expected_revision=6))
@example(Append(events=[NewEvent(type="known")], agent="known", stream="known", expected_revision=3))
@example(Append(events=[NewEvent(type="known", correlation_id="known")], agent="known", stream="known"))
def test_the_short_way_leads_where_the_general_one_does_or_leaves_all_as_it_was(append):
    short, where = outcome(plainly, append)
    if short is None:
        assert where == outcome(lambda *_: None, append)[1]
    else:
        assert (short, where) == outcome(generally, append)


@pytest.mark.parametrize("data", [None, {}, {"n": 1, "f": 0.5}, {"deep": [{"n": 1}]}, "text"])
@pytest.mark.parametrize("correlation", [None, "known", "new"])
@pytest.mark.parametrize("stream", [None, "known", "first"])
@pytest.mark.parametrize("count", [1, 20])
def test_ordinary_events_go_the_short_way(data, correlation, stream, count):
    event = NewEvent(type="known", data=data, correlation_id=correlation, stream=stream, causation_id="c")
    append = Append(events=[event] * count, agent="known", stream="known")
    assert outcome(plainly, append)[0] is not None


def test_a_segment_has_the_same_bytes_whether_appends_came_one_by_one_or_together(tmp_path, clock):
    def written(name, *groups):
        with EventLog.open(tmp_path / name, "never", clock_ns=clock, random_bytes=bytes) as log:
            for group in groups:
                log.commit(group)
        (segment,) = (tmp_path / name).glob("*.segment")
        return segment.read_bytes()

    appends = [
        Append(events=[NewEvent(type="t", data={"n": n}, correlation_id="c")], agent="a", stream="s") for n in range(9)
    ]
    assert written("alone", *([append] for append in appends)) == written("together", appends)
