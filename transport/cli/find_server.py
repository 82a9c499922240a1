"""Which server a command speaks to, and with whose token; or which data directory it looks into."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from transport.cli.failure import CommandFailed, Exit
from transport.dial.address import Address
from transport.discovery.data_directory import believed_data_dir, named_data_dir, prepare_data_dir
from transport.discovery.find_hall import Given, find_hall
from transport.discovery.hall import Misused, NotFound
from transport.discovery.private_directory import NotBelieved


def meant(data: Path | None) -> Path:
    """Return the data directory that is meant, which need not be there.

    Raises:
        CommandFailed: Somebody else could have put there what lies in it.
    """
    with _told():
        return believed_data_dir(named_data_dir(data, os.environ))[0]


def existing(data: Path | None) -> Path:
    """Return the data directory that is meant; see `meant`.

    Raises:
        CommandFailed: It does not exist, or cannot be believed.
    """
    where = meant(data)
    if not where.is_dir():
        raise CommandFailed(Exit.USAGE, f"there is no data directory {where}; name an existing one with --data")
    return where


def prepared(data: Path | None) -> Path:
    """Return the data directory that is meant, made if need be; see `meant`.

    Raises:
        CommandFailed: It cannot be made, or cannot be believed.
    """
    named = named_data_dir(data, os.environ)
    with _told():
        try:
            return prepare_data_dir(named)
        except OSError as error:
            raise CommandFailed(
                Exit.NO, f"cannot use {named or 'the data directory'}: {error}; choose another"
            ) from None


def find_server(given: Given) -> Address:
    """Find the server and the token; see `transport.discovery.find_hall`.

    Raises:
        CommandFailed: No server is known or believed, its URL is invalid, or the token cannot be used.
    """
    with _told():
        address = Address.of(find_hall(given))
        address.endpoint()
        address.headers()
    return address


@contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except NotFound as error:
        raise CommandFailed(Exit.UNREACHABLE, str(error)) from None
    except (NotBelieved, Misused, ValueError) as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    except OSError as error:  # such as a working directory that was removed
        raise CommandFailed(Exit.USAGE, f"cannot look for the hall here: {error}; name its --data") from None
