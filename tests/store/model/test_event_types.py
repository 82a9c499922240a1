"""Types of events with versions: old events read as new ones."""

import msgspec
import pytest

from store import EventTypes, Invalid, NewEvent


class Placed(msgspec.Struct):
    id: str
    lines: list[str]


def named(old):
    """Version 2: `number` is called `id`."""
    return {"id": old["number"]}


def itemised(old):
    """Version 3: an order has lines, and its id is a string."""
    return {"id": str(old["id"]), "lines": []}


@pytest.fixture
def types():
    types = EventTypes()
    types.define("order.placed", Placed, [named, itemised])
    return types


def test_events_of_every_version_read_as_those_of_today(log, types):
    log.append([NewEvent(type="order.placed", data={"number": 7})])
    log.append([NewEvent(type="order.placed", data={"id": 8}, metadata={"schema": 2, "by": "me"})])
    log.append([types.new("order.placed", Placed("9", ["x"]))])
    events = list(types.read(log.read()))
    assert [event.data for event in events] == [
        {"id": "7", "lines": []},
        {"id": "8", "lines": []},
        {"id": "9", "lines": ["x"]},
    ]
    assert [event.metadata for event in events] == [{"schema": 3}, {"schema": 3, "by": "me"}, {"schema": 3}]
    assert [types.payload(event) for event in log.read()] == [Placed("7", []), Placed("8", []), Placed("9", ["x"])]
    assert [types.payload(event) for event in events] == [Placed("7", []), Placed("8", []), Placed("9", ["x"])]


def test_what_is_stored_stays_as_it_was(log, types):
    log.append([NewEvent(type="order.placed", data={"number": 7}, stream="s")])
    (event,) = log.read()
    current = types.upcast(event)
    assert (current.sequence, current.stream, current.time_ns) == (event.sequence, "s", event.time_ns)
    (again,) = log.read()
    assert (again.data, again.metadata) == ({"number": 7}, None)


def test_a_type_that_is_not_defined_is_left_alone(log, types):
    log.append([types.new("other", {"n": 1}, stream="s", metadata={"k": "v"})])
    (event,) = types.read(log.read())
    assert (event.data, event.metadata, event.stream) == ({"n": 1}, {"k": "v"}, "s")
    assert types.payload(event) == {"n": 1}
    assert (types.version("other"), types.version("order.placed")) == (1, 3)


def test_the_first_version_needs_no_metadata(types):
    types.define("simple", dict[str, int])
    assert types.new("simple", {"n": 1}).metadata is None


@pytest.mark.parametrize("version", [0, 4, "2", True, None])
def test_an_event_of_a_version_that_nobody_knows_is_refused(log, types, version):
    log.append([NewEvent(type="order.placed", data={}, metadata={"schema": version})])
    with pytest.raises(Invalid, match=r"event 1 is version .* knows 1 to 3"):
        list(types.read(log.read()))


def test_a_payload_that_does_not_fit_its_type_is_refused(log, types):
    with pytest.raises(Invalid, match=r"is no .* of version 3"):
        types.new("order.placed", {"id": 1})
    log.append([NewEvent(type="order.placed", data={"id": 1}, metadata={"schema": 3})])
    with pytest.raises(Invalid, match="payload of event 1 is no"):
        types.payload(next(log.read()))


def test_a_type_is_defined_once(types):
    with pytest.raises(Invalid, match="already"):
        types.define("order.placed", Placed)
