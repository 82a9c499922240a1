"""What an actor has counted, as others see it."""

from __future__ import annotations

from types import SimpleNamespace

from actors.kernel.observing.statistics import Counters


def test_a_snapshot_adds_what_the_running_incarnation_has_counted_to_what_came_before():
    counters = Counters()
    counters.received, counters.dropped, counters.wait_s, counters.busy_s = 10, 3, 0.25, 0.5
    mailbox = SimpleNamespace(depth=4, received=7, dropped=2)
    now = counters.snapshot(mailbox)
    assert (now.depth, now.received, now.dropped) == (4, 17, 5)
    assert (now.wait_us, now.busy_us) == (250_000, 500_000)
    gone = counters.snapshot(None)
    assert (gone.depth, gone.received, gone.dropped) == (0, 10, 3)
