"""What a hall knows of a log that others have begun: where it ends, and what its very first event was."""

from types import SimpleNamespace

import pytest

from actors.event_store.actor import EventStore
from actors.event_store.append_quota import AppendQuota
from actors.event_store.messages import AppendEvents
from actors.kernel import ChildSpec, Ref, Supervisor, running
from actors.ports import Ports, inline
from store import Append, FailIf, NewEvent, Query


@pytest.fixture
def begun(make_memory):
    log = make_memory()
    log.append([NewEvent(type="claimed")], agent="scout")
    return log


async def test_the_watermark_begins_where_the_log_ends(autojump_clock, begun):
    views = SimpleNamespace(sequence=0, tell_trouble=lambda _name, _what: None)
    ports = Ports(run_sync=inline)
    store = ChildSpec("event_store", lambda: EventStore(lambda: begun, ports, views, AppendQuota()))
    async with running(Supervisor([store])):
        assert views.sequence == 1


async def test_a_condition_is_also_about_the_first_event_of_the_log(autojump_clock, make_world, begun):
    claim = Append(events=[NewEvent(type="claimed")], agent="rover", fail_if=FailIf(query=Query(types=("claimed",))))
    async with make_world(log=begun).open() as world:
        stored = await Ref(world.system, "event_store").ask(AppendEvents(claim))
        assert (stored.refused.code, stored.refused.detail) == ("condition_failed", {"sequence": 1})
