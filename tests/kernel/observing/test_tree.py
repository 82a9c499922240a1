"""The picture of a tree while it runs."""

from __future__ import annotations

import trio

from actors.kernel import ChildSpec, Ref, Supervisor, render, running

from workers import Boom, Ping, specs


async def test_the_tree_can_be_drawn_while_it_runs(autojump_clock, seeded):
    inner = ChildSpec("inner", lambda: Supervisor(specs([], "c", restart="temporary"), strategy="dynamic"))
    root = Supervisor([*specs([], "a"), inner], strategy="rest_for_one")
    async with running(root, system=seeded) as system:
        await Ref(system, "a").ask(Ping())
        lines = render(root.tree()).splitlines()
        assert lines[0] == "root  supervisor, rest_for_one"
        assert lines[1].startswith("├─ a  Worker, permanent, 1 handled, 0 waiting")
        assert lines[2] == "└─ inner  supervisor, dynamic, permanent"
        assert lines[3].startswith("   └─ c  Worker, temporary")
        Ref(system, "a").tell(Boom())
        await trio.testing.wait_all_tasks_blocked()
        assert "a  permanent, restarting" in render(root.tree())
