"""Revisions of streams: in chunks that are copied when they are first written to."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from store.streams.revisions import CHUNK, Revisions, in_chunks

STREAMS = 3 * CHUNK
MOVES = st.lists(st.sampled_from([0, 1, CHUNK - 1, CHUNK, STREAMS - 1]), max_size=20)


@given(MOVES, MOVES)
def test_what_a_rotation_took_note_of_stays_as_it_was(before, after):
    revisions = Revisions()
    revisions.make_room(STREAMS)
    for stream in before:
        revisions.move(stream, 1)
    noted = revisions.frozen(before[:1])
    for stream in after:
        revisions.move(stream, 1)
    for stream in {*before, *after}:
        assert noted[stream] == before.count(stream) - before[:1].count(stream)
        assert revisions[stream] == before.count(stream) + after.count(stream)


def test_saved_revisions_are_never_written_to():
    saved = memoryview(array("Q", range(2 * CHUNK)).tobytes())
    revisions = Revisions(in_chunks(saved))
    revisions.move(CHUNK + 1, 1)
    revisions.reach(5, 9)
    revisions.reach(6, 1)
    assert [revisions[stream] for stream in (5, 6, CHUNK, CHUNK + 1)] == [9, 6, CHUNK, CHUNK + 2]
    assert saved.cast("Q").tolist() == list(range(2 * CHUNK))


def test_a_stream_without_a_place_is_at_revision_0():
    assert Revisions()[7] == 0
