"""Tags: names of what an event concerns, across streams; they are found by an index, and conditions are about them."""

import pytest

from store import ConditionFailed, EventLog, Invalid, Limits, NewEvent, Query, verify

SMALL = Limits(segment_bytes=2000, reserve_bytes=10)


@pytest.fixture
def tagged(log):
    log.append({"type": "placed", "tags": ["order:1", "customer:ann"]}, stream="orders")
    log.append([{"type": "paid", "tags": ("order:1",)}, {"type": "note"}], stream="payments")
    log.append(NewEvent(type="placed", tags=("order:2", "customer:ann")), stream="orders")
    return log


def test_an_event_reads_back_with_its_tags(tagged):
    assert [event.tags for event in tagged.read()] == [
        ("order:1", "customer:ann"),
        ("order:1",),
        (),
        ("order:2", "customer:ann"),
    ]


@pytest.mark.parametrize(
    ("asked", "sequences"),
    [
        ({"tags": "order:1"}, [1, 2]),
        ({"tags": ["customer:ann"]}, [1, 4]),
        ({"tags": ["order:1", "customer:ann"]}, [1]),
        ({"tags": ["order:1"], "types": "paid"}, [2]),
        ({"tags": ["customer:ann"], "stream": "orders", "order": "desc"}, [4, 1]),
        ({"tags": ["order:3"]}, []),
        ({"tags": ["order:1", "order:2"]}, []),
        ({"tags": ["customer:ann"], "after": 1}, [4]),
    ],
)
def test_a_query_finds_the_events_that_have_all_of_its_tags(tagged, asked, sequences):
    assert [event.sequence for event in tagged.query(**asked)] == sequences
    assert [event.sequence for event in tagged.query(**asked, where={})] == sequences


def test_a_condition_over_tags_is_a_boundary_of_consistency_of_its_own(tagged):
    mine = [Query(tags=("order:1",)), Query(tags=("customer:ann",), types=("blocked",))]
    with pytest.raises(ConditionFailed):
        tagged.append({"type": "shipped", "tags": ["order:1"]}, fail_if=mine)
    seen = max(event.sequence for query in mine for event in tagged.query(query))
    tagged.append({"type": "paid", "tags": ["order:2"]})
    mine = [Query(tags=query.tags, types=query.types, after=seen) for query in mine]
    assert tagged.append({"type": "shipped", "tags": ["order:1"]}, fail_if=mine).first_sequence == 6
    with pytest.raises(ConditionFailed):
        tagged.append({"type": "shipped", "tags": ["order:1"]}, fail_if=mine)


@pytest.mark.parametrize("tags", ["order", 5, [""], ["a\n"], ["x" * 257], [5], ["t"] * 33, {"a": 1}])
def test_what_is_no_list_of_names_is_refused(log, tags):
    with pytest.raises(Invalid, match="tag"):
        log.append({"type": "t", "tags": tags})
    assert log.head == 0


@pytest.mark.parametrize("tags", [(), [], None])
def test_no_tags_are_none_however_they_are_given(log, tags):
    log.append([{"type": "t", "tags": tags}])
    assert next(log.read()).tags == ()


def test_tags_are_found_over_segments_after_a_restart_and_after_indexes_were_made_anew(tmp_path):
    def found(log):
        assert [event.data for event in log.query(tags="third", limit=1000)] == [*range(0, 200, 3)]
        both = log.query(tags=["third", "seventh"], order="desc")
        assert [event.data for event in both] == [*range(0, 200, 21)][::-1]

    with EventLog.open(tmp_path, limits=SMALL) as log:
        for number in range(200):
            tags = [name for name, step in (("third", 3), ("seventh", 7)) if number % step == 0]
            log.append({"type": "t", "data": number, "tags": tags}, stream=f"s{number % 5}")
        assert log.stats().segments > 5
        found(log)
    assert verify(tmp_path).problems == []
    with EventLog.open(tmp_path, limits=SMALL) as log:
        found(log)
        log.append({"type": "t", "data": 201, "tags": ["third"]})
        assert log.query(tags="third", order="desc", limit=1).events[0].data == 201
    for path in [*tmp_path.glob("*.index"), *tmp_path.glob("clean*")]:
        path.unlink()
    with EventLog.open(tmp_path, limits=SMALL) as log:
        assert len(log.query(tags="third", limit=1000).events) == len(range(0, 200, 3)) + 1
    assert verify(tmp_path).problems == []


def test_an_export_keeps_tags(tmp_path):
    import io

    from store import export_events, import_events

    with EventLog.open(tmp_path / "log") as log:
        log.append([{"type": "t", "tags": ["a", "b"]}, {"type": "t"}])
        for encoding in ("jsonl", "msgpack"):
            stream = io.BytesIO()
            export_events(log.read(), stream, encoding=encoding)
            stream.seek(0)
            import_events(tmp_path / encoding, stream, encoding=encoding)
            with EventLog.open(tmp_path / encoding) as moved:
                assert list(moved.read()) == list(log.read())
