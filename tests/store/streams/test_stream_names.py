"""Numbers of streams' names, in memory or in their file: the same as in a dict, whatever is where."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import DiskFull, Invalid, LogDamaged
from store.disk.checksum import crc32
from store.format.names_file import BLOCK, CRC_BYTES, FOOTER, MAGIC, NAMES_NAME, encode_names, name_digest, open_names
from store.streams.name_chunks import NameChunks
from store.streams.stream_names import StreamNames

FEW = 8


def some_names(path, file=None, new=()):
    names = StreamNames(file, new)
    names.in_memory = FEW
    return names


def worked_off(steps):
    for _ in steps:
        pass


def merged(names, path):
    worked_off(names.merge(path / NAMES_NAME, len(names), sync=False))
    worked_off(names.adopt())


def agree(names, model):
    assert list(names) == model
    assert len(names) == len(model)
    assert names.names_of(range(len(model))) == model
    assert [names.known(name) for name in model] == list(range(len(model)))
    assert names.known("none of them") is None
    assert len(names.numbers) <= FEW + 1 + len(names.new)


ROUNDS = st.lists(st.tuples(st.integers(0, 5 * BLOCK), st.integers(0, 40), st.booleans()), max_size=6)


@settings(max_examples=30, deadline=None)
@given(ROUNDS)
def test_names_have_the_numbers_in_which_they_came(rounds):
    with tempfile.TemporaryDirectory() as home:
        names, model = some_names(home), []
        for fresh, again, begins in rounds:
            asked = [f"n{number}" for number in range(len(model), len(model) + fresh)] + model[-again:] + model[:again]
            model += asked[:fresh]
            assert names.ids_of(asked) == [model.index(name) for name in asked]
            merged(names, Path(home))
            agree(names, model)
            if begins:
                names = some_names(home, open_names(Path(home) / NAMES_NAME), names.new)
                agree(names, model)


def test_names_that_come_while_the_file_is_written_and_those_taken_back_keep_their_order(tmp_path):
    names, model = some_names(tmp_path), [f"n{number}" for number in range(3 * BLOCK)]
    names.ids_of(model)
    for step, _ in enumerate(names.merge(tmp_path / NAMES_NAME, len(names) - 1, sync=True)):
        model += [f"during {step}", "taken back"]
        assert names.ids_of(model[-2:]) == [len(model) - 2, len(model) - 1]
        names.forget(len(names) - 1)
        del model[-1]
        agree_while_writing(names, model)
    worked_off(names.adopt())
    agree(names, model)
    assert len(names.file) == 2 * BLOCK


def agree_while_writing(names, model):
    assert list(names) == model
    assert [names.known(name) for name in model] == list(range(len(model)))


def test_a_full_disk_leaves_names_in_memory_and_is_tried_again_when_there_are_twice_as_many(tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise DiskFull

    names, model = some_names(tmp_path), [f"n{number}" for number in range(2 * BLOCK)]
    names.ids_of(model)
    with monkeypatch.context() as patch:
        patch.setattr("store.format.names_merge.write_all", full)
        merged(names, tmp_path)
    assert (names.file, names.due, list(tmp_path.iterdir())) == (None, False, [])
    model += [f"n{number}" for number in range(len(model), 5 * BLOCK)]
    names.ids_of(model)
    assert names.due
    merged(names, tmp_path)
    merged(names, tmp_path)
    agree(names, model)
    assert len(names.file) == 5 * BLOCK


def test_what_is_no_name_gets_no_number_also_where_there_is_a_file(tmp_path):
    names = some_names(tmp_path)
    names.ids_of([f"n{number}" for number in range(BLOCK)])
    merged(names, tmp_path)
    for bad in ("", "\n", "\udc00", 7, ["n1"]):
        with pytest.raises((Invalid, TypeError)):
            names.ids_of(["n1", bad, "new"])
    assert names.known("\udc00") is None
    assert len(names) == BLOCK


def test_names_whose_hashes_are_equal_are_told_apart(tmp_path, monkeypatch):
    for module in ("names_file", "names_merge"):
        monkeypatch.setattr(f"store.format.{module}.name_digest", lambda name: name_digest(name[:1]))
    names, model = some_names(tmp_path), [f"n{number}" for number in range(2 * BLOCK)]
    names.ids_of(model)
    merged(names, tmp_path)
    agree(names, model)


def with_footer(content, *fields):
    footer = FOOTER.pack(*fields, 0)[:-CRC_BYTES]
    return content + footer + crc32(footer).to_bytes(CRC_BYTES, "little")


@pytest.mark.parametrize(
    ("field", "value"), [(0, 0), (0, 1 << 63), (1, 0), (1, 1 << 63), (2, 0), (2, 33), (2, (1 << 32) - 1), (3, 0)]
)
def test_a_footer_that_says_what_cannot_be_is_that_of_no_file(tmp_path, field, value):
    names = some_names(tmp_path)
    names.ids_of([f"n{number}" for number in range(2 * BLOCK)])
    merged(names, tmp_path)
    path = tmp_path / NAMES_NAME
    content = path.read_bytes()[: -FOOTER.size]
    fields = list(FOOTER.unpack(path.read_bytes()[-FOOTER.size :])[:-1])
    path.write_bytes(with_footer(content, *fields))
    assert open_names(path) is not None
    fields[field] = value
    path.write_bytes(with_footer(content, *fields))
    assert open_names(path) is None


@pytest.mark.parametrize(("names", "number"), [([], 0), (["a"], 0), (["n0"] * (BLOCK + 1), 0), (None, BLOCK)])
def test_blocks_and_numbers_that_are_not_as_many_as_the_file_says_are_damage(tmp_path, names, number):
    good = [f"n{each}" for each in range(BLOCK)]
    parts = [encode_names(good if names is None else names), name_digest("n0") + number.to_bytes(4, "little")]
    content, places = MAGIC, [len(MAGIC)]
    for part in parts:
        content += crc32(part).to_bytes(CRC_BYTES, "little") + part
        places.append(len(content))
    where = b"".join(each.to_bytes(8, "little") for each in (places[0], places[1], places[1], places[2]))
    path = tmp_path / NAMES_NAME
    path.write_bytes(with_footer(content + where, BLOCK, places[1], 0, crc32(where), crc32(content + where)))
    file = open_names(path)
    assert file is not None
    with pytest.raises(LogDamaged):
        file.find("n0")
    assert file.damaged


@pytest.mark.parametrize("count", [0, 1, 1023, 1024, 1025, 4096])
@pytest.mark.parametrize("kept", [0, 1, 1024, 1025])
def test_a_list_of_names_grows_and_shrinks_at_its_end(count, kept):
    names, model = NameChunks(), [str(number) for number in range(count)]
    names.extend(model)
    kept = min(kept, count)
    names.shorten(kept)
    names.extend(["more"] * 1500)
    assert list(names) == model[:kept] + ["more"] * 1500
    assert len(names) == kept + 1500
    assert names.between(0, kept) == model[:kept]
