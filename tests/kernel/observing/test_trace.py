"""The trace: every handled message, with its queue wait and its service time apart."""

from __future__ import annotations

import trio

from actors.kernel import Actor, ChildSpec, Ref, Supervisor, running

from workers import Ping


async def test_every_handled_message_can_be_traced_with_its_wait_and_its_service_time(autojump_clock):
    class Napper(Actor):
        accepts = Ping

        async def handle(self, message, reply):
            await trio.sleep(2.0)
            return 1

    traced = []
    async with running(Supervisor([ChildSpec("napper", Napper)])) as system, trio.open_nursery() as nursery:
        system.trace = traced.append
        for trace_id in ("t1", "t2"):
            nursery.start_soon(lambda trace_id=trace_id: Ref(system, "napper").ask(Ping(), trace_id=trace_id))
            await trio.testing.wait_all_tasks_blocked()
    assert [
        (each.message, each.trace_id, each.asked, round(each.wait_s), round(each.service_s)) for each in traced
    ] == [
        ("Ping", "t1", True, 0, 2),
        ("Ping", "t2", True, 2, 2),
    ]
