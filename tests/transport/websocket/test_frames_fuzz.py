"""Whatever bytes come, a connection ends with documented answers and codes, and nobody else notices."""

from __future__ import annotations

import time

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from wsproto.events import CloseConnection, Ping, Pong, TextMessage

from frame_peer import CLOSE, frame, parse

DOCUMENTED = frozenset({1000, 1002, 1003, 1007, 1009})
ERRORS = frozenset({-32700, -32600, -32601, -32602, -32603, -32005, -32022})


MESSAGES = [
    b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"health"}}',
    b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":3,"method":"tools/call","params":[]}',
    b"[]",
    b"{",
    "ü".encode(),
    b"\xff",
]
frames = st.builds(
    frame,
    st.sampled_from([0, 1, 1, 1, 1, 2, 3, 8, 9, 10, 15]),
    st.sampled_from(MESSAGES) | st.binary(max_size=200),
    final=st.sampled_from([True, True, True, False]),
    masked=st.sampled_from([True, True, True, True, False]),
    reserved=st.sampled_from([0, 0, 0, 0, 0, 1, 7]),
)
streams = st.lists(frames | st.binary(max_size=30), min_size=1, max_size=12).map(b"".join)


async def misbehave(running, data: bytes) -> None:
    raw = await running.raw()
    try:
        await raw.stream.send_all(data)
        await raw.stream.send_eof() if hasattr(raw.stream, "send_eof") else None
    except trio.BrokenResourceError:
        return
    text = ""
    with trio.move_on_after(5):
        while (event := await raw.event()) is not None:
            if isinstance(event, CloseConnection):
                assert event.code in DOCUMENTED | parse(data).codes, event  # a client's own close comes back as it was
            elif isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    check_answer(text)
                    text = ""
            else:
                assert isinstance(event, Ping | Pong), event
    await trio.aclose_forcefully(raw.stream)


def check_answer(text: str) -> None:
    import json

    answer = json.loads(text)
    assert "result" in answer or answer["error"]["code"] in ERRORS, answer


@pytest.fixture
def storm(front):
    """Return what sends a stream of bytes beside a good neighbour, who must notice nothing."""

    def run(data: bytes, latencies: list[float]) -> None:
        async def main() -> None:
            async with front() as running, running.client() as neighbour:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(misbehave, running, data)
                    for _ in range(3):
                        began = time.perf_counter()
                        assert (await neighbour.health()).status == "ok"
                        latencies.append(time.perf_counter() - began)
                assert running.crashes == []
                await trio.sleep(10)
                assert (await neighbour.health()).connections == 1

        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))

    return run


def test_any_frames_are_answered_as_documented_and_harm_nobody_else(storm, record_property, tmp_path):
    latencies: list[float] = []

    @example(frame(CLOSE, b""))
    @example(frame(CLOSE, (3000).to_bytes(2, "big")))
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(streams)
    def check(data: bytes) -> None:
        (tmp_path / "tokens.json").unlink(missing_ok=True)  # each example is a hall of its own
        storm(data, latencies)

    check()
    record_property("neighbour_p99_us", round(sorted(latencies)[int(len(latencies) * 0.99)] * 1e6))
