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

from actors.kernel.actor import BATCH, LATER, Actor, Later, Reply
from actors.kernel.child import Child, ChildSpec
from actors.kernel.errors import (
    ActorDied,
    ActorError,
    ActorNotFound,
    AskTimeout,
    MailboxFull,
    NameTaken,
    RestartIntensityExceeded,
    Unrecoverable,
    contains,
    first,
)
from actors.kernel.mailbox import Mailbox, Overflow
from actors.kernel.message import Ask, Message, Tell, encode
from actors.kernel.ref import DEFAULT_TIMEOUT_S, Ref
from actors.kernel.restart import Intensity
from actors.kernel.statistics import Statistics
from actors.kernel.supervisor import Supervisor
from actors.kernel.system import System
from actors.kernel.tree import running

__all__ = [
    "BATCH",
    "DEFAULT_TIMEOUT_S",
    "LATER",
    "Actor",
    "ActorDied",
    "ActorError",
    "ActorNotFound",
    "Ask",
    "AskTimeout",
    "Child",
    "ChildSpec",
    "Intensity",
    "Later",
    "Mailbox",
    "MailboxFull",
    "Message",
    "NameTaken",
    "Overflow",
    "Ref",
    "Reply",
    "RestartIntensityExceeded",
    "Statistics",
    "Supervisor",
    "System",
    "Tell",
    "Unrecoverable",
    "contains",
    "encode",
    "first",
    "running",
]
