"""What a hall says of acknowledged events that its log cannot read any more."""

import shutil

import pytest

from actors.event_store.lost_events import LOST
from store import EventLog, NewEvent, Query
from store.erasing.erasure import LOG_STREAM


@pytest.fixture
def torn(tmp_path):
    """The directory of a killed process whose last acknowledged append is torn."""
    with EventLog.open(tmp_path / "log") as log:
        log.append([NewEvent(type="kept")])
        log.append([NewEvent(type="torn"), NewEvent(type="torn")])
        left = shutil.copytree(tmp_path / "log", tmp_path / "left")
    (segment,) = left.glob("*.segment")
    segment.write_bytes(segment.read_bytes().rstrip(b"\0")[:-5])
    return left


async def test_it_opens_and_tells_of_them_in_the_log_and_in_its_health(autojump_clock, make_world, scout, torn):
    async with make_world(log=EventLog.open(torn)).open() as world:
        page = await world.gate.query_events(scout, Query(stream=LOG_STREAM), wait_s=10)
        (told,) = page.events
        assert (told.type, told.data) == (LOST, {"events": 2, "first_sequence": 2})
        assert "the last 2 acknowledged events, from 2 on, were unreadable" in world.views.trouble["event_store"]
        (kept,) = (await world.gate.query_events(scout, Query(types=("kept", "torn")))).events
        assert kept.type == "kept"
