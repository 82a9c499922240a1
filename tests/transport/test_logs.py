"""Lines on stderr: what they say, and that nothing about them stops the server."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest

from transport.logs import Logger, QueuedLines, configure

Lines = Callable[[], list[str]]


class Terminal(io.StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("transport")
    handlers, level = list(root.handlers), ours.level
    yield
    root.handlers[:] = handlers
    ours.setLevel(level)


def lines_of(stream: io.StringIO, queued: QueuedLines) -> list[str]:
    queued.drain()
    return stream.getvalue().splitlines()


def test_an_event_is_a_line_of_json_with_its_fields_level_and_time() -> None:
    stream = io.StringIO()
    queued = configure(stream)
    Logger("transport.door").info("connection.opened", connection=7, agent="rover \ud800", odd={1})
    (line,) = lines_of(stream, queued)
    said = json.loads(line)
    assert said.pop("timestamp").endswith("Z")
    assert said == {
        "event": "connection.opened",
        "level": "info",
        "connection": 7,
        "agent": "rover \ud800",
        "odd": "{1}",
    }


def test_what_helps_to_find_a_fault_is_not_said_by_itself() -> None:
    stream = io.StringIO()
    queued = configure(stream)
    Logger("transport.door").debug("connection.broken")
    assert lines_of(stream, queued) == []


@pytest.mark.parametrize("given", [True, False])
def test_an_error_is_said_with_its_traceback(given: bool) -> None:
    stream = io.StringIO()
    queued, log = configure(stream), Logger("transport.door")
    try:
        int("a door")
    except ValueError as error:
        if given:
            log.error("door.failed", exc_info=error)  # noqa: TRY400 - the case tested
        else:
            log.exception("door.failed")
    said = json.loads(lines_of(stream, queued)[0])
    assert said["level"] == "error"
    assert said["exception"].splitlines()[-1] == "ValueError: invalid literal for int() with base 10: 'a door'"


def test_what_libraries_warn_of_goes_the_same_way_and_less_is_not_said() -> None:
    stream = io.StringIO()
    queued = configure(stream)
    logging.getLogger("elsewhere").info("Processing request %s", 1)
    logging.getLogger("elsewhere").warning("Gave up on %s", 2)
    (line,) = lines_of(stream, queued)
    said = json.loads(line)
    assert (said["event"], said["logger"], said["level"]) == ("Gave up on 2", "elsewhere", "warning")


def test_words_and_values_of_a_library_that_do_not_fit_are_counted_as_a_lost_line() -> None:
    stream = io.StringIO()
    queued = configure(stream)
    logging.getLogger("elsewhere").warning("Gave up on %d", "x")
    logging.getLogger("elsewhere").warning("Went on")
    lost, line = map(json.loads, lines_of(stream, queued))
    assert (lost["event"], lost["lines"], line["event"]) == ("log.dropped", 1, "Went on")


def test_who_looks_reads_text() -> None:
    stream = Terminal()
    queued = configure(stream)
    Logger("transport.door").warning("gateway.full", connections=3)
    (line,) = lines_of(stream, queued)
    assert line.partition(" ")[2] == "warning  gateway.full connections=3"
