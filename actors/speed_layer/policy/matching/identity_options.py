"""Keys and tokens that a program only identifies itself with to the host it calls, which is what they are for. Pure.

The call is asked about as any other that reaches a host. It is denied where a secret's content is what is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from actors.speed_layer.command.simple_command import UNKNOWN, SimpleCommand

SSH: Final = frozenset({"-i"})
OPTIONS: Final[dict[str, frozenset[str]]] = {
    "curl": frozenset({"-E", "--cert", "--key", "--cacert", "--capath", "--proxy-cert", "--proxy-key", "--pubkey"}),
    "wget": frozenset({"--certificate", "--private-key", "--ca-certificate", "--ca-directory"}),
    **dict.fromkeys(("http", "https", "xh"), frozenset({"--cert", "--cert-key", "--verify"})),
    **dict.fromkeys(("ssh", "scp", "sftp", "mosh", "ssh-copy-id"), SSH),
}
"""Options whose value is a file that the program identifies itself, or its host, with."""
NAMES: Final = frozenset({"-u", "--user", "--oauth2-bearer", "--password", "--http-password"})
HEADERS: Final = frozenset({"-H", "--header"})
CALLERS: Final = frozenset({"curl", "wget"})
IDENTIFIES: Final = re.compile(
    r"(?i)(?:(?:proxy-)?authorization|(?:x-)?api-?key|x-auth-token|private-token|x-access-token): ?"
)


def payload(command: SimpleCommand) -> Iterator[str]:
    """Yield a command's words without the program and the files that it only identifies itself with."""
    options = OPTIONS.get(command.words[0]) if command.words else None
    if options is None:
        yield from command.words[1:]
        return
    value_of = ""
    for word in command.words[1:]:
        name, equals, _ = word.partition("=")
        if value_of in options or (equals and name in options):
            value_of = ""
            continue
        value_of = word
        yield word


def only_identifies(command: SimpleCommand) -> bool:
    """Return whether all that is known only at run time stands in headers that say who is calling."""
    if not command.words or command.words[0] not in CALLERS or command.stdin is not None:
        return False
    before = ""
    for word in command.words[1:]:
        if UNKNOWN in word:
            name, equals, value = word.partition("=")
            option, value = (name, value) if equals and name in NAMES | HEADERS else (before, word)
            if option not in NAMES and not (option in HEADERS and IDENTIFIES.match(value)):
                return False
        before = word
    return True
