"""The others get a turn after so many fragments and pongs, and not after so many whole messages, which have turns."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import trio

from transport.websocket.message_size import EVENTS, FRAGMENTS, Fragments, is_too_large


class Library:
    """What the fragments' handlers stand in for."""

    def __init__(self):
        self._message_size, self._max_message_size = 0, 1 << 20

    async def _handle_message_event(self, event):
        self._message_size = 0 if event.message_finished else self._message_size + len(event.data)

    async def _handle_pong_event(self, _event):
        pass


@pytest.fixture
def turns(monkeypatch):
    """Count the turns that others get."""
    given = []

    async def sleep(seconds):
        given.append(seconds)

    clock = SimpleNamespace(sleep=sleep, current_time=trio.current_time)
    monkeypatch.setattr("transport.websocket.message_size.trio", clock)
    return given


@pytest.fixture
def library():
    made, fragments = Library(), Fragments()
    fragments.attach(made)
    made.fragments = fragments
    return made


def fragment(text="x", *, last=False):
    return SimpleNamespace(data=text, message_finished=last)


async def test_fragments_and_pongs_give_others_a_turn_and_whole_messages_have_their_own(library, turns):
    for _ in range(10 * EVENTS):
        await library._handle_message_event(fragment(last=True))
    assert turns == []
    for _ in range(EVENTS):
        await library._handle_message_event(fragment())
    assert len(turns) == 1
    for _ in range(2 * EVENTS):
        await library._handle_pong_event(None)
    assert len(turns) == 3


async def test_what_is_unfinished_is_held_until_it_is_finished_or_ends(library, turns):
    for text in ("ab", "cde"):
        await library._handle_message_event(fragment(text))
    assert library.fragments.unfinished.bytes == 5
    await library._handle_message_event(fragment("f", last=True))
    assert library.fragments.unfinished.bytes == 0
    await library._handle_message_event(fragment("gh"))
    library.fragments.end()
    assert library.fragments.unfinished.bytes == 0


async def test_a_message_of_so_many_fragments_is_taken_and_one_of_more_is_too_large(library, turns):
    for _ in range(FRAGMENTS):
        await library._handle_message_event(fragment(""))
    assert library._message_size == 0
    await library._handle_message_event(fragment(""))
    assert library._message_size > library._max_message_size


@pytest.mark.parametrize(("text", "too_large"), [("x" * 8, False), ("x" * 9, True), ("é" * 4, False), ("é" * 5, True)])
def test_a_message_is_measured_by_its_bytes(text, too_large):
    assert is_too_large(text, 8) == too_large
