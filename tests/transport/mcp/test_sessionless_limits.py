"""What costs a token where there is no session to count it, and what the SDK adds to each request: nothing."""

from __future__ import annotations

import pytest

from transport.mcp.server import make_server
from transport.mcp.sessionless_limits import SessionlessLimit


@pytest.mark.parametrize(("method", "called"), [("ping", {}), ("tools/list", {}), ("tools/call", {"name": "health"})])
async def test_what_no_session_counts_is_counted_here(autojump_clock, method, called):
    limit = SessionlessLimit("agent", 2.0, 3)
    assert [limit.wait_s(method, called) for _ in range(3)] == [None] * 3
    assert limit.wait_s(method, called) == pytest.approx(0.5)


async def test_calls_of_tools_that_a_session_counts_are_not_counted_twice_and_an_admin_has_no_limit(autojump_clock):
    limit, chief = SessionlessLimit("agent", 2.0, 1), SessionlessLimit("admin", 2.0, 1)
    assert [limit.wait_s("tools/call", {"name": "validate"}) for _ in range(9)] == [None] * 9
    assert [chief.wait_s("ping", {}) for _ in range(9)] == [None] * 9
    assert limit.wait_s("ping", {}) is None
    assert limit.wait_s("ping", {}) is not None


async def test_no_span_is_made_of_a_request_for_an_exporter_that_nobody_installs(autojump_clock, fake_gate):
    assert make_server(fake_gate(), "0").middleware == []
