"""The runtime: supervised actors that exchange MessagePack messages over bounded Trio memory channels.

It knows neither the store nor MCP and may be used alone:

    >>> import trio
    >>> from actors.kernel import Actor, Ask, ChildSpec, Ref, Supervisor, running
    >>> class Greet(Ask[str]):
    ...     name: str
    >>> class Greeter(Actor):
    ...     accepts = Greet
    ...     async def handle(self, message, reply):
    ...         return f"hello {message.name}"
    >>> async def main():
    ...     async with running(Supervisor([ChildSpec("greeter", Greeter)])) as system:
    ...         return await Ref(system, "greeter").ask(Greet("world"))
    >>> trio.run(main)
    'hello world'
"""

from actors.kernel.actor import BATCH, Actor
from actors.kernel.answer import LATER, Later, Reply
from actors.kernel.child import Child, ChildSpec
from actors.kernel.children import OnCrash
from actors.kernel.control import Down, get_state, notify_down, resume, suspend
from actors.kernel.errors import (
    ActorDied,
    ActorError,
    ActorNotFound,
    AskCycle,
    AskTimeout,
    DeadlinePassed,
    MailboxFull,
    NameTaken,
    RestartIntensityExceeded,
    Unrecoverable,
    WouldDeadlock,
    cause,
    contains,
    first,
)
from actors.kernel.mailbox import Mailbox, Overflow
from actors.kernel.message import Ask, Message, Tell, encode
from actors.kernel.ref import DEFAULT_TIMEOUT_S, Asked, Ref
from actors.kernel.restart import Intensity
from actors.kernel.restore import Journal, Snapshot
from actors.kernel.running import ROOT, running
from actors.kernel.statistics import Statistics
from actors.kernel.supervisor import Supervisor
from actors.kernel.system import System
from actors.kernel.timer import Timer
from actors.kernel.trace import Trace, Traced
from actors.kernel.tree import Node, render

__all__ = [
    "BATCH",
    "DEFAULT_TIMEOUT_S",
    "LATER",
    "ROOT",
    "Actor",
    "ActorDied",
    "ActorError",
    "ActorNotFound",
    "Ask",
    "AskCycle",
    "AskTimeout",
    "Asked",
    "Child",
    "ChildSpec",
    "DeadlinePassed",
    "Down",
    "Intensity",
    "Journal",
    "Later",
    "Mailbox",
    "MailboxFull",
    "Message",
    "NameTaken",
    "Node",
    "OnCrash",
    "Overflow",
    "Ref",
    "Reply",
    "RestartIntensityExceeded",
    "Snapshot",
    "Statistics",
    "Supervisor",
    "System",
    "Tell",
    "Timer",
    "Trace",
    "Traced",
    "Unrecoverable",
    "WouldDeadlock",
    "cause",
    "contains",
    "encode",
    "first",
    "get_state",
    "notify_down",
    "render",
    "resume",
    "running",
    "suspend",
]
