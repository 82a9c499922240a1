"""Events as a stream of bytes, to carry them elsewhere: one JSON object a line, or one MessagePack array after another.

A log whose beginning was retired says so before its first event: which events are gone, and which revisions their
streams had reached, some streams at a time. An erased event says so: by `erased` in its line, and by a field more than
others in its record. A line has the fields that the tools return, the time as RFC 3339. A
MessagePack record has those of the log's own records, in their order. Reading is bounded: neither a line without an end
nor a length that promises too much makes it hold more than a few times the largest event.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, BinaryIO, Literal, cast, get_args

import msgspec

from store.errors import Invalid
from store.format.tombstone import as_erased
from store.model.event import Event
from store.model.times import from_rfc3339, to_rfc3339

Encoding = Literal["jsonl", "msgpack"]
"""How a stream of events is written: JSON lines, or MessagePack."""

EXPANSION = 8
"""How many bytes of JSON a byte of a record may take: six for an escaped control character, and some for the names."""

_BEGINNING = b'{"gone":'
_READ_BYTES = 1 << 16
_TIME_END = 1 << 63


class _Line(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An event as JSON; the fields and their order are those of the tools' results."""

    sequence: int
    stream: str
    revision: int
    type: str
    data: Any = None
    agent: str
    time: str
    correlation_id: str | None = None
    causation_id: str | None = None
    metadata: dict[str, Any] | None = None
    tags: tuple[str, ...] = ()


class _ErasedLine(_Line, kw_only=True, forbid_unknown_fields=True):
    """The same of an event that may have been erased, and says so."""

    erased: bool = False


class Beginning(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Says that events are gone, and which revisions some of their streams had reached.

    Attributes:
        gone: the last sequence that is gone.
        revisions: streams and their revisions; all such parts together name every stream.
    """

    gone: int
    revisions: dict[str, int]


_encode_json = msgspec.json.Encoder().encode
_decode_line = msgspec.json.Decoder(_ErasedLine).decode
_decode_beginning = msgspec.json.Decoder(Beginning).decode
_fields_of = msgspec.structs.astuple
_FIELDS = len(Event.__struct_fields__)


def encode_line(event: Event) -> bytes:
    """Return an event as a line of JSON."""
    fields = msgspec.structs.asdict(event)
    time = to_rfc3339(fields.pop("time_ns"))
    line = _ErasedLine(time=time, erased=True, **fields) if event.erased else _Line(time=time, **fields)
    return _encode_json(line) + b"\n"


def encoder(encoding: Encoding) -> Callable[[Event | Beginning], bytes]:
    """Return what turns an event, or a part of the beginning, into its bytes.

    Raises:
        Invalid: there is no such encoding.
    """
    _check(encoding)
    if encoding == "jsonl":
        return lambda item: encode_line(item) if isinstance(item, Event) else _encode_json(item) + b"\n"
    pack: Callable[[object], bytes] = _msgpack().Packer().pack
    return lambda item: pack(_record_of(item) if isinstance(item, Event) else msgspec.structs.asdict(item))


def _record_of(event: Event) -> tuple[Any, ...]:
    """Return what a record holds: the fields; of an erased event True behind them."""
    return (*_fields_of(event), True) if event.erased else _fields_of(event)


def read_stream(source: BinaryIO, encoding: Encoding, event_bytes: int) -> Iterator[Event | Beginning]:
    """Yield what a stream holds, one at a time.

    Args:
        source: open for reading.
        encoding: how the stream is written.
        event_bytes: how large an event may be; what is longer is refused before it is read whole.

    Raises:
        Invalid: what comes next is not an event; the events before it have been yielded. Or there is no such encoding.
    """
    _check(encoding)
    return _read_lines(source, event_bytes) if encoding == "jsonl" else _read_records(source, event_bytes)


def _check(encoding: str) -> None:
    if encoding not in get_args(Encoding):
        raise Invalid(f"there is no encoding {encoding!r}: use {' or '.join(get_args(Encoding))}")


def _read_lines(source: BinaryIO, event_bytes: int) -> Iterator[Event | Beginning]:
    longest = EXPANSION * event_bytes
    number = 0
    while line := source.readline(longest + 1):
        number += 1
        if len(line) > longest:
            raise Invalid(f"line {number} is longer than {longest} bytes: no event of {event_bytes} bytes needs that")
        try:
            if line.startswith(_BEGINNING):
                yield _decode_beginning(line)
                continue
            fields = msgspec.structs.asdict(_decode_line(line))
            time_ns = from_rfc3339(fields.pop("time"))
        except (ValueError, msgspec.DecodeError, RecursionError) as error:
            raise Invalid(f"line {number} is no event: {error}") from error
        erased = fields.pop("erased")
        yield _checked(Event(time_ns=time_ns, **fields), f"line {number}", erased=erased)


class _Counting:
    """A source that knows how much was read from it: msgpack takes a stream that ends in a record for a whole one.

    And for one record whatever arrays in arrays make of it: its limits are those of each of them.
    """

    def __init__(self, source: BinaryIO, longest: int) -> None:
        self._source = source
        self._longest = longest
        self.count = 0
        self.whole = 0

    def read(self, size: int) -> bytes:
        if self.count - self.whole > self._longest:
            raise ValueError(f"it is longer than {self._longest} bytes")
        data = self._source.read(size)
        self.count += len(data)
        return data


def _read_records(source: BinaryIO, event_bytes: int) -> Iterator[Event | Beginning]:
    longest = max(2 * event_bytes, 2 * _READ_BYTES)
    counting, msgpack = _Counting(source, longest), _msgpack()
    unpacker = msgpack.Unpacker(counting, read_size=_READ_BYTES, max_buffer_size=longest, use_list=True)
    number = 0
    while True:
        number += 1
        try:
            values = next(unpacker)
            item = msgspec.convert(values, Beginning) if isinstance(values, dict) else msgspec.convert(values, Event)
        except StopIteration:
            break
        except (ValueError, msgspec.DecodeError, msgpack.UnpackException, RecursionError) as error:
            raise Invalid(f"record {number} is no event: {error or type(error).__name__}") from error
        counting.whole = unpacker.tell()
        erased = isinstance(values, list) and cast("list[object]", values)[_FIELDS:] == [True]
        yield _checked(item, f"record {number}", erased=erased) if isinstance(item, Event) else item
    if rest := counting.count - counting.whole:
        raise Invalid(f"record {number} is cut off after {rest} bytes: get the whole file and import it again")


def _checked(event: Event, where: str, *, erased: bool) -> Event:
    """Refuse what no log holds; an event without a payload has an empty one, unless it was erased."""
    if event.sequence < 1:
        raise Invalid(f"{where} has the sequence {event.sequence}: the first is 1")
    if not -_TIME_END <= event.time_ns < _TIME_END:
        raise Invalid(f"{where} has a time that 64 bits of nanoseconds do not reach: use the years 1678 to 2261")
    if erased and event != as_erased(event):
        raise Invalid(f"{where} says that it was erased, and holds what an erased event does not: export again")
    return event if erased or event.data is not None else msgspec.structs.replace(event, data={})


def _msgpack() -> Any:
    """Import msgpack when it is needed, and not for everybody who appends; it has no types."""
    return import_module("msgpack")
