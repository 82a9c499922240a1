"""Counts the rounds of Trio's loop: what is done in one, nobody else waits for."""

import trio.abc


class Rounds(trio.abc.Instrument):
    """Counts the rounds of the loop."""

    def __init__(self) -> None:
        self.count = 0

    def before_io_wait(self, timeout: float) -> None:
        self.count += 1
