"""The bytes on disk are a promise: a log written by this version must be readable by every later one."""

import itertools

from store import EventLog, NewEvent, verify

SEGMENT = bytes.fromhex(
    "6d6f6f7468616c6c01000000600000000202020202020202020202020202020201010101010101010100000000000000"
    "000000000000000000002a36fe9c9717000000000000000000000000000000000000000000000000000000005182d7fa"
    "4d48667202020202c08ef7120100000002000000760000000100000000000000000000000000000000002a36fe9c9717"
    "11000000340000005d000000dd000000029a01a17301a46e6f7465a3616e6ecf17979cfe362a0000a163a16481a16dc0"
    "81a16e019a02a56f7468657201a46e6f7465a3616e6ecf17979cfe362a0000c0c0c092cb3ff8000000000000c393a361"
    "6e6ea16bc4102787c74107c74cec59a10aa30a05050d4d48667202020202de6a717b00000000010000002f0000000300"
    "000000000000020000000000000000002a36fe9c97170d0000002f000000dd000000019a03a96167656e742f616e6e01"
    "a3656e64a3616e6ecf17979cfe362a0000c0c0c080"
)


def write(path):
    counter = itertools.count(1)
    with EventLog.open(
        path, clock_ns=lambda: 1_700_000_000_000_000_000, random_bytes=lambda n: bytes([next(counter)]) * n
    ) as log:
        log.append(
            [
                NewEvent(type="note", data={"n": 1}, correlation_id="c", causation_id="d", metadata={"m": None}),
                NewEvent(type="note", data=[1.5, True], stream="other"),
            ],
            stream="s",
            agent="ann",
            command_id="k",
        )
        log.append([NewEvent(type="end")], agent="ann")


def test_the_bytes_of_a_segment_are_those_of_format_1(tmp_path):
    write(tmp_path)
    (segment,) = tmp_path.glob("*.segment")
    assert segment.read_bytes() == SEGMENT


def test_a_segment_of_format_1_is_read(tmp_path):
    (tmp_path / f"{1:020d}.segment").write_bytes(SEGMENT)
    assert verify(tmp_path).ok
    with EventLog.open(tmp_path) as log:
        first, second, third = log.read()
        assert (first.stream, first.revision, first.data, first.metadata) == ("s", 1, {"n": 1}, {"m": None})
        assert (first.correlation_id, first.causation_id, first.agent) == ("c", "d", "ann")
        assert (second.stream, second.data, second.correlation_id) == ("other", [1.5, True], None)
        assert (third.stream, third.type, third.time_ns) == ("agent/ann", "end", 1_700_000_000_000_000_000)
        assert log.stats().commands == 1
