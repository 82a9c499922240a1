"""What an append may not hold: each is refused, and nothing is stored."""

from collections import OrderedDict

import pytest

from store import EventLog, Invalid, Limits, MemoryLog, NewEvent, TooLarge

SMALL = Limits(event_bytes=300, append_bytes=500, batch_events=3, depth=4)


@pytest.fixture(params=["files", "memory"])
def log(request, tmp_path):
    with EventLog.open(tmp_path / "log", limits=SMALL) if request.param == "files" else MemoryLog(limits=SMALL) as log:
        yield log


def nested(depth, wrap):
    value = wrap(1)
    for _ in range(depth - 1):
        value = wrap(value)
    return value


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"n": 2**64}, "64 bits"),
        ({"n": -(2**63) - 1}, "64 bits"),
        ({"x": float("nan")}, "NaN"),
        ({"x": [float("inf")]}, "NaN"),
        ({"deep": {"x": float("-inf")}}, "NaN"),
        ({1: "x"}, "key"),
        ({"x": {2: "y"}}, "key"),
        ({"x": b"bytes"}, "bytes"),
        ({"x": {1, 2}}, "set"),
        ({"x": OrderedDict(a=1)}, "OrderedDict"),
        ({"x": "\ud800"}, "encoded"),
        (nested(5, lambda value: {"x": value}), "deeper"),
        (nested(5, lambda value: [value]), "deeper"),
    ],
)
def test_a_payload_that_json_could_not_hold_is_refused(log, data, says):
    with pytest.raises(Invalid, match=says):
        log.append([NewEvent(type="ok"), NewEvent(type="t", data=data)])
    with pytest.raises(Invalid, match=says):
        log.append([NewEvent(type="t", metadata={"m": data})])
    assert log.head == 0


@pytest.mark.parametrize("wrap", [lambda value: {"x": value}, lambda value: [value]])
def test_a_payload_as_deep_as_the_limit_is_stored(log, wrap):
    deep = nested(4, wrap)
    log.append([NewEvent(type="t", data=deep)])
    assert next(log.read()).data == deep


def test_bytes_that_look_like_nan_inside_other_values_are_stored(log):
    data = {"n": 0xCB7F_F000_0000_0000, "x": 1.7e308, "y": -1.7e308}
    log.append([NewEvent(type="t", data=data)])
    assert next(log.read()).data == data


@pytest.mark.parametrize("name", ["", "x" * 257, "a\nb", "a\x00", "\x7f", "a\x9fb", "a\ud800", 7])
@pytest.mark.parametrize("place", ["type", "stream", "correlation_id", "causation_id"])
def test_a_bad_name_in_an_event_is_refused(log, place, name):
    with pytest.raises(Invalid):
        log.append([NewEvent(**{"type": "t", place: name})])
    assert log.head == 0


@pytest.mark.parametrize("name", ["", "x" * 257, "a\nb"])
@pytest.mark.parametrize("place", ["stream", "agent", "command_id"])
def test_a_bad_name_of_an_append_is_refused(log, place, name):
    with pytest.raises(Invalid):
        log.append([NewEvent(type="t")], **{place: name})
    assert log.head == 0


@pytest.mark.parametrize("name", ["x" * 256, "räksmörgås 🦐", "a\u200db", " "])
def test_any_other_name_is_stored(log, name):
    log.append([NewEvent(type="t", stream=name)], agent="a")
    assert log.query(stream=name).events[0].stream == name


def test_too_much_is_refused_with_its_size(log):
    with pytest.raises(TooLarge, match="event 1 of"):
        log.append([NewEvent(type="t"), NewEvent(type="t", data={"x": "x" * 300})])
    with pytest.raises(TooLarge, match="split"):
        log.append([NewEvent(type="t", data={"x": "x" * 200})] * 3)
    with pytest.raises(TooLarge, match="4 events"):
        log.append([NewEvent(type="t")] * 4)
    with pytest.raises(Invalid, match="without events"):
        log.append([])
    assert log.head == 0
    assert log.append([NewEvent(type="t")] * 3).revisions == {"agent/local": 3}


def test_a_refused_append_moves_no_revision(log):
    log.append([NewEvent(type="t")], stream="s")
    for data in ({"x": 2**64}, {"x": "x" * 300}, {"x": float("nan")}):
        with pytest.raises((Invalid, TooLarge)):
            log.append([NewEvent(type="t", data=data)] * 2, stream="s")
    assert log.append([NewEvent(type="t")], stream="s", expected_revision=1).first_sequence == 2


@pytest.mark.parametrize("strange", [[1], 7, {}])
def test_a_correlation_id_that_is_no_string_is_refused_beside_a_new_one(log, strange):
    for names in (("new", strange), (strange, "new")):
        with pytest.raises(Invalid, match="correlation_id is"):
            log.append([NewEvent(type="t", correlation_id=name) for name in names])
    assert log.head == 0
