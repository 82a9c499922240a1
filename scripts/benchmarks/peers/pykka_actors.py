"""Pykka: actors in threads of their own. Many asks under way are futures of one thread, which is its best case."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import pykka

from benchmarks.measuring.runner import Round


class Add(NamedTuple):
    """Answered with the sum."""

    left: int
    right: int


class Adder(pykka.ThreadingActor):
    """The same actor as ours."""

    def on_receive(self, message: object) -> int | None:
        """Add, or take a note."""
        return message.left + message.right if isinstance(message, Add) else None


AdderRef = pykka.ActorRef[Adder]


def asks(count: int, askers: int) -> Round:
    """Ask `count` times with `askers` asks under way at once; observes the time of one, in microseconds."""

    def work(adder: AdderRef) -> int:
        for number in range(count // askers):
            futures = [adder.ask(Add(number, 1), block=False) for _ in range(askers)]
            assert pykka.get_all(futures) == [number + 1] * askers
        return count // askers * askers

    return _with_an_adder(work)


def tells(count: int) -> Round:
    """Tell `count` times and drain; observes the time of one, in microseconds."""

    def work(adder: AdderRef) -> int:
        for number in range(count):
            adder.tell(number)
        adder.ask(Add(1, 1))
        return count

    return _with_an_adder(work)


def spawns(count: int) -> Round:
    """Start and stop `count` actors; observes the time of one, in microseconds."""

    def once() -> list[float]:
        began = time.perf_counter()
        for _ in range(count):
            Adder.start().stop()
        return [(time.perf_counter() - began) / count * 1e6]

    return once


def _with_an_adder(work: Callable[[AdderRef], int]) -> Round:
    def once() -> list[float]:
        adder = Adder.start()
        try:
            began = time.perf_counter()
            done = work(adder)
            return [(time.perf_counter() - began) / done * 1e6]
        finally:
            adder.stop()

    return once
