"""Questions that queue while one is under way go together: a client's own group commit.

A caller that asks while nobody does asks at once and alone, so a lone question costs nothing more. When its answer is
there, the first of those that came meanwhile asks for all of them. A batch that is refused tells nothing about one of
its questions, so each is asked alone then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

import anyio
import msgspec

from transport.client.rpc import HallError
from transport.mcp.tools.gate_schemas import VerdictResult

BATCH: Final = 256
"""How many questions go together at most: a quarter of what the hall takes, so that no batch takes long."""

BATCH_BYTES: Final = 1 << 20
"""How many bytes they have together at most: a quarter of the largest message. A single one may have more."""

Judge = Callable[[list[msgspec.Raw]], Awaitable[list[VerdictResult]]]

_encode = msgspec.json.Encoder().encode


class _Question:
    """A question that waits: for its verdict, to ask for others too, or to ask alone."""

    __slots__ = ("alone", "called", "question", "verdict")

    def __init__(self, question: bytes) -> None:
        self.question = question
        self.called = anyio.Event()
        self.verdict: VerdictResult | None = None
        self.alone = False


class Batching:
    """The questions of one client.

    Args:
        judge: Asks the hall: several questions in one call, one as it is.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._waiting: deque[_Question] = deque()
        self._asking = False

    async def ask(self, question: dict[str, Any]) -> VerdictResult:
        """Return the verdict on a question; a checkpoint.

        Raises:
            HallError: The hall refuses, or could not be asked.
        """
        own = _Question(_encode(question))
        if self._asking:
            await self._wait(own)
        if own.verdict is not None:
            return own.verdict
        if own.alone:
            return await self._alone(own)
        return await self._lead(own)

    async def _wait(self, own: _Question) -> None:
        self._waiting.append(own)
        try:
            await own.called.wait()
        except anyio.get_cancelled_exc_class():
            if own in self._waiting:
                self._waiting.remove(own)
            elif own.verdict is None and not own.alone:  # it was to lead
                self._pass_on()
            raise

    async def _lead(self, own: _Question) -> VerdictResult:
        self._asking = True
        batch = self._batch(own)
        try:
            verdicts = await self._judge([msgspec.Raw(each.question) for each in batch])
        except HallError:
            if len(batch) == 1:
                raise
            own.alone = True
        else:
            for each, verdict in zip(batch, verdicts, strict=True):
                each.verdict = verdict
        finally:
            for each in batch[1:]:
                each.alone = each.verdict is None
                each.called.set()
            self._pass_on()
        return own.verdict if own.verdict is not None else await self._alone(own)

    async def _alone(self, own: _Question) -> VerdictResult:
        (verdict,) = await self._judge([msgspec.Raw(own.question)])
        return verdict

    def _batch(self, own: _Question) -> list[_Question]:
        batch, size = [own], len(own.question)
        while self._waiting and len(batch) < BATCH:
            size += len(self._waiting[0].question)
            if size > BATCH_BYTES:
                break
            batch.append(self._waiting.popleft())
        return batch

    def _pass_on(self) -> None:
        self._asking = bool(self._waiting)
        if self._waiting:
            self._waiting.popleft().called.set()
