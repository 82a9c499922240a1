"""Logging that can neither block the server nor end it.

Lines go to a bounded queue; a thread of its own writes them to stderr. If nobody reads stderr, the queue fills and
lines are dropped and counted; if whoever read it has gone, nothing more is written. Either way the server serves on.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import sys
import threading
from pathlib import Path
from typing import TextIO

import structlog

CAPACITY = 10_000
"""How many lines may wait for stderr."""


class QueuedLines:
    """Writes lines in a thread. What structlog calls a logger.

    Args:
        stream: Where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: queue.Queue[str] = queue.Queue(CAPACITY)
        self._dropped = 0
        self._read = True
        threading.Thread(target=self._write, name="log writer", daemon=True).start()

    def msg(self, line: str) -> None:
        """Queue a line, or drop it. Does not block."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    debug = info = warning = error = critical = exception = fatal = failure = err = log = msg

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


def configure(stream: TextIO | None = None) -> QueuedLines:
    """Have everything log to stderr: JSON lines, or colours where somebody looks; nothing below `info`."""
    target = stream if stream is not None else sys.stderr
    lines = QueuedLines(target)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if target.isatty() else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    return lines


def _silence(stream: TextIO) -> None:
    """Send what is left in a stream's buffer nowhere: flushing it at exit would fail, and change the exit code."""
    with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())
