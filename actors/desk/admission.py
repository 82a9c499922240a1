"""Where a request is admitted, before anything is done for it.

What its role or the names forbid is refused by the session, which counts it. What a session has admitted in advance
(`actors/session/prepaid_tokens.py`) is let in without a hop; everything else asks the session, and the first request of
a principal starts it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import trio

from actors.kernel import (
    DEFAULT_TIMEOUT_S,
    ActorError,
    ActorNotFound,
    Ask,
    Child,
    ChildSpec,
    Down,
    Ref,
    Supervisor,
    System,
    notify_down,
)
from actors.session.messages import (
    SUPERVISOR,
    Admission,
    Admit,
    Charge,
    Principal,
    TopUp,
    connection_name,
    session_name,
)
from actors.session.prepaid_tokens import PrepaidTokens
from actors.session.role_rules import refusal_of

R = TypeVar("R")

REFUSED_BYTES = 1024
"""How many bytes of refused requests cost a token: to read so many takes a tenth of what a small request takes."""

READ_BYTES = 4096
"""How many bytes of a large message cost a token: to read the densest that may be takes as long as the request does."""


class Refusal(Exception):  # noqa: N818 - an answer of the contract, not a fault of the program
    """A request was understood and refused; nothing was done.

    Args:
        code: One of the contract's error codes.
        message: What, where and what to do next.
        detail: Fields that go with the code, such as `retry_after_s`.
    """

    def __init__(self, code: str, message: str, detail: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.detail = detail if detail is not None else {}


class Caller(NamedTuple):
    """Who asks: a principal, over one connection."""

    principal: Principal
    connection: int


class Admissions:
    """Admits requests. Every coroutine may raise the kernel's `ActorError`s.

    Args:
        system: Where the sessions are found.
        prepaid: What they have admitted in advance, by the session's name.
        session: Makes the actor of a principal's session.
    """

    def __init__(
        self, system: System, prepaid: dict[str, PrepaidTokens], session: Callable[[Principal], Child]
    ) -> None:
        self._system = system
        self._prepaid_of_sessions = prepaid
        self._session = session
        self._starting: dict[str, trio.Event] = {}

    def would_admit(self, caller: Caller, message: Admit) -> bool:
        """Say whether `admit_nowait` would admit a request; nothing is counted or paid. Does not checkpoint."""
        prepaid = self._prepaid_of_sessions.get(session_name(caller.principal))
        return (
            prepaid is not None
            and refusal_of(caller.principal, message) is None
            and prepaid.affords(connection_name(caller.connection), message.cost)
        )

    def admit_nowait(self, caller: Caller, message: Admit) -> bool:
        """Say whether a request is admitted without asking the session. Does not checkpoint."""
        name = session_name(caller.principal)
        prepaid = self._prepaid_of_sessions.get(name)
        if prepaid is None or refusal_of(caller.principal, message) is not None:
            return False
        before = prepaid.spent
        if not prepaid.spend(connection_name(caller.connection), message.operation, message.cost):
            return False
        if before < prepaid.low <= prepaid.spent:
            Ref(self._system, name).tell_or_lose(TopUp())
        return True

    async def admit(self, caller: Caller, message: Admit) -> None:
        """Let a request in; checkpoints only where the session has to be asked.

        Raises:
            Refusal: Its session does not admit it.
        """
        if self.admit_nowait(caller, message):
            return
        admission: Admission = await self.ask_session(caller.principal, message)
        if admission.code is not None:
            detail = {} if admission.retry_after_s is None else {"retry_after_s": admission.retry_after_s}
            raise Refusal(admission.code, admission.message, detail)

    async def charge_refused(self, principal: Principal, size: int) -> None:
        """Let a principal pay for a request that was refused; a checkpoint where its session has to be started.

        Args:
            principal: Whose request it was.
            size: How many bytes it had.
        """
        await self._charge(principal, 1 + size // REFUSED_BYTES)

    async def admit_large(self, principal: Principal, size: int) -> None:
        """Let a large message be read: wait while its principal owes, then let it pay for its bytes; may checkpoint.

        Reading it is costly before anybody can say what it asks for.
        """
        await self.wait_until_paid(principal)
        await self._charge(principal, size // READ_BYTES)

    async def wait_until_paid(self, principal: Principal) -> None:
        """Wait while a principal owes for what it sent; a checkpoint if it does.

        Those that wait go on one after the other, since each may be refused in its turn, and be owed for.
        """
        name = session_name(principal)
        while (prepaid := self._prepaid_of_sessions.get(name)) is not None and prepaid.owes_until > trio.current_time():
            async with prepaid.turn:
                await trio.sleep(max(0.0, prepaid.owes_until - trio.current_time()))

    async def _charge(self, principal: Principal, tokens: int) -> None:
        name = session_name(principal)
        if name not in self._prepaid_of_sessions:
            try:
                await self._start_session(name, principal)
            except ActorError:
                return  # there is no hall now, and nothing that it could ask for
        Ref(self._system, name).tell_or_lose(Charge(tokens))

    def disconnected(self, caller: Caller) -> None:
        """Tell the caller's session that this connection has ended. Does not checkpoint."""
        down = Down(connection_name(caller.connection), "stopped")
        notify_down(self._system, session_name(caller.principal), down)

    async def ask_session(self, principal: Principal, message: Ask[R]) -> R:
        """Ask the principal's session, starting it if it does not run; a checkpoint.

        A message that found no session was not read, so it is asked again.
        """
        name = session_name(principal)
        until = trio.current_time() + DEFAULT_TIMEOUT_S
        while True:
            try:
                return await Ref(self._system, name).ask(message)
            except ActorNotFound:
                if trio.current_time() >= until:
                    raise
            await self._start_session(name, principal)

    async def _start_session(self, name: str, principal: Principal) -> None:
        under_way = self._starting.get(name)
        if under_way is not None:
            await under_way.wait()
            return
        done = self._starting[name] = trio.Event()
        try:
            supervisor = Supervisor.find(self._system, SUPERVISOR)
            await supervisor.wait_ended(name)  # the last one may still be recording its end
            await supervisor.start_child(ChildSpec(name, lambda: self._session(principal), restart="temporary"))
        finally:
            del self._starting[name]
            done.set()
