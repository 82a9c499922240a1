"""The least that asking can be in asyncio: a queue, a task that reads it, a future for each answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from benchmarks.measuring.runner import Round

NAME = "asyncio queue+future"

_Queue = asyncio.Queue[tuple[int, int, "asyncio.Future[int] | None"]]


def asks(count: int, askers: int) -> Round:
    """Ask `count` times with `askers` tasks; observes the time of one ask, in microseconds."""

    async def work(queue: _Queue) -> int:
        loop = asyncio.get_running_loop()

        async def asker() -> None:
            for number in range(count // askers):
                answer: asyncio.Future[int] = loop.create_future()
                await queue.put((number, 1, answer))
                assert await answer == number + 1

        await asyncio.gather(*(asker() for _ in range(askers)))
        return count // askers * askers

    return _with_an_adder(work)


def tells(count: int) -> Round:
    """Tell `count` times and drain; observes the time of one, in microseconds."""

    async def work(queue: _Queue) -> int:
        for number in range(count):
            queue.put_nowait((number, 1, None))
        await queue.join()
        return count

    return _with_an_adder(work)


async def _adder(queue: _Queue) -> None:
    while True:
        left, right, answer = await queue.get()
        if answer is not None:
            answer.set_result(left + right)
        queue.task_done()


def _with_an_adder(work: Callable[[_Queue], Awaitable[int]]) -> Round:
    async def measured() -> float:
        queue: _Queue = asyncio.Queue()
        adder = asyncio.create_task(_adder(queue))
        began = time.perf_counter()
        done = await work(queue)
        took_us = (time.perf_counter() - began) / done * 1e6
        adder.cancel()
        return took_us

    return lambda: [asyncio.run(measured())]
