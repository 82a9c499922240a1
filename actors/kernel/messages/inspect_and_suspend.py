"""How an actor is looked at and held from outside, as with OTP's `sys`: get its state, suspend it, resume it.

These pass its queue. A command waits for the handler that runs, and for nothing else.
"""

from __future__ import annotations

from typing import Any

import msgspec
import trio

from actors.kernel.errors import AskTimeout
from actors.kernel.messages.actor_system import System
from actors.kernel.messages.reply_slot import Expired
from actors.kernel.messages.system_messages import Command, CommandKind, Down

COMMAND_TIMEOUT_S = 5.0
"""How long a command waits for the handler that runs, as OTP's `sys:get_state`."""


def notify_down(system: System, name: str, down: Down) -> None:
    """Tell an actor that something it serves, which is no actor itself, has ended; passes its queue. No checkpoint.

    An actor that does not run has nothing to do about it.
    """
    mailbox = system.mailboxes.get(name)
    if mailbox is not None and not mailbox.closed:
        mailbox.signal(down)


async def get_state(system: System, name: str) -> Any:
    """Return what an actor's `state()` tells, as built-in values; a checkpoint.

    Raises:
        ActorNotFound: It does not run.
        ActorDied: It ended before it answered.
        AskTimeout: Its handler did not return within 5 seconds.
    """
    return await _command(system, name, "get_state")


async def suspend(system: System, name: str) -> None:
    """Have an actor leave its queue alone until `resume`; a checkpoint. A stop resumes it. Raises as `get_state`."""
    await _command(system, name, "suspend")


async def resume(system: System, name: str) -> None:
    """Have a suspended actor go on; a checkpoint. Raises as `get_state`."""
    await _command(system, name, "resume")


async def _command(system: System, name: str, kind: CommandKind) -> Any:
    mailbox = system.mailboxes.find(name)
    command = Command(kind)
    mailbox.signal(command)
    bucket = system.deadlines.add(command.slot, trio.current_time() + COMMAND_TIMEOUT_S)
    try:
        return msgspec.msgpack.decode(await command.slot.wait())
    except Expired:
        raise AskTimeout(name, COMMAND_TIMEOUT_S) from None
    finally:
        if bucket is not None:
            bucket.discard(command.slot)
