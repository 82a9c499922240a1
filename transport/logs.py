"""Logging that can neither block the server nor end it: events with fields, over the standard library's loggers.

Lines go to a bounded queue; a thread of its own writes them to stderr. If nobody reads stderr, the queue fills and
lines are dropped and counted; if whoever read it has gone, nothing more is written. Either way the server serves on.
What libraries log, from warnings on, goes the same way.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

from transport.visible import visible

CAPACITY: Final = 10_000
"""How many lines may wait for stderr."""

_OURS: Final = "transport"
"""What is logged here from `info` on, and elsewhere from `warning` on."""


class Logger:
    """Says what happens in a module, as an event with fields. Nothing here blocks, checkpoints or raises.

    Args:
        name: The module's.

    Example:
        >>> log = Logger(__name__)
        >>> log.info("connection.opened", connection=7, agent="rover")
    """

    __slots__ = ("_logger",)

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: object) -> None:
        """Say what is of interest to somebody who looks for a fault."""
        self._say(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: object) -> None:
        """Say what is part of normal work."""
        self._say(logging.INFO, event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Say what may become a fault."""
        self._say(logging.WARNING, event, fields)

    def error(self, event: str, *, exc_info: BaseException | None = None, **fields: object) -> None:
        """Say what has failed, with the error's traceback if one is given."""
        self._say(logging.ERROR, event, fields, exc_info)

    def exception(self, event: str, **fields: object) -> None:
        """Say what has failed, with the traceback of the error that is being handled."""
        self._say(logging.ERROR, event, fields, sys.exception())

    def _say(self, level: int, event: str, fields: Mapping[str, object], exc_info: BaseException | None = None) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, exc_info=exc_info, extra={"fields": fields})


class QueuedLines(logging.Handler):
    """Writes lines in a thread.

    Args:
        stream: Where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.setFormatter(_ForPeople() if stream.isatty() else _ForPrograms())
        self._stream = stream
        self._lines: queue.Queue[str] = queue.Queue(CAPACITY)
        self._dropped = 0
        self._read = True
        threading.Thread(target=self._write, name="log writer", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line, or drop it. Does not block, and raises nothing."""
        try:
            self._lines.put_nowait(self.format(record))
        except Exception:  # noqa: BLE001 - the queue is full, or a library's words and values do not fit each other
            self._dropped += 1

    def drain(self, within_s: float = 1.0) -> None:
        """Wait until what is queued has been written, but not for long: somebody may not be reading."""
        waiting = threading.Thread(target=self._lines.join, daemon=True)
        waiting.start()
        waiting.join(within_s)

    def _write(self) -> None:
        while True:
            line = self._lines.get()
            if self._read:
                self._put(line)
            self._lines.task_done()

    def _put(self, line: str) -> None:
        dropped, self._dropped = self._dropped, 0
        if dropped:
            line = f'{{"event": "log.dropped", "lines": {dropped}, "level": "warning"}}\n{line}'
        try:
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # the reader has gone, or the stream was closed: nobody is there to be told
            self._read = False
            _silence(self._stream)


class _ForPrograms(logging.Formatter):
    """A line of JSON for each event."""

    def format(self, record: logging.LogRecord) -> str:
        line = {**_fields(record), "event": record.getMessage(), "level": record.levelname.lower()}
        line["timestamp"] = _at(record)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=repr)


class _ForPeople(logging.Formatter):
    """A line of text for each event, and its traceback below."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={value!r}" for name, value in _fields(record).items())
        said = f"{_at(record)} {record.levelname.lower():<8} {record.getMessage()} {fields}"
        line = visible(said.rstrip(), blanks=True)
        if not record.exc_info:
            return line
        traceback = self.formatException(record.exc_info).split("\n")
        return "\n".join([line, *(visible(each, blanks=True) for each in traceback)])


def configure(stream: TextIO | None = None) -> QueuedLines:
    """Have everything log to stderr: JSON lines, or text where somebody looks; nothing of ours below `info`."""
    lines = QueuedLines(stream if stream is not None else sys.stderr)
    logging.basicConfig(handlers=[lines], level=logging.WARNING, force=True)
    logging.getLogger(_OURS).setLevel(logging.INFO)
    return lines


def _fields(record: logging.LogRecord) -> Mapping[str, Any]:
    """Return an event's fields; what a library logs says who it is."""
    fields: Mapping[str, Any] | None = getattr(record, "fields", None)
    return {"logger": record.name} if fields is None else fields


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")


def _silence(stream: TextIO) -> None:
    """Send what is left in a stream's buffer nowhere: flushing it at exit would fail, and change the exit code."""
    with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
