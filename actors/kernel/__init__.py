"""The runtime: supervised actors that exchange MessagePack messages over bounded Trio memory channels.

In: child specs, and messages to names.
Out: answers, or errors that say why there are none.

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
from actors.kernel.lifecycle.actor import BATCH, Actor
from actors.kernel.lifecycle.child import Child, ChildSpec
from actors.kernel.lifecycle.children import OnCrash
from actors.kernel.lifecycle.restart_intensity import Intensity
from actors.kernel.lifecycle.restore import Journal, Snapshot
from actors.kernel.lifecycle.run_tree import ROOT, running
from actors.kernel.lifecycle.supervisor import Supervisor
from actors.kernel.lifecycle.timer import Timer
from actors.kernel.messages.actor_system import System
from actors.kernel.messages.inspect_and_suspend import get_state, notify_down, resume, suspend
from actors.kernel.messages.mailbox import Mailbox, Overflow
from actors.kernel.messages.message import Ask, Message, Tell, encode
from actors.kernel.messages.ref import DEFAULT_TIMEOUT_S, Asked, Ref
from actors.kernel.messages.reply import LATER, Later, Reply
from actors.kernel.messages.system_messages import Down
from actors.kernel.observing.statistics import Statistics
from actors.kernel.observing.trace import Trace, Traced
from actors.kernel.observing.tree import Node, render

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
