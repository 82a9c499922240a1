"""`moothall adopt`: the log of an old data directory, such as `.moothall/` in a checkout, goes on in this user's own.

Whoever could write to the checkout could have written that log. So it is verified, and nothing that it says rules: no
policy, no remembered decision, no approval and no token of it holds until a person says so again.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Final

from actors.speed_layer.governing.activation import ActiveLayer, History, history
from actors.speed_layer.governing.adoption import adopted_events
from actors.speed_layer.governing.remembered_decisions import POLICY_STREAM
from store import EventLog, LogDamaged, look, verify
from store import backup as backup_log
from store.disk.lock import DirectoryLock
from transport.cli.failure import CommandFailed, Exit
from transport.cli.find_server import prepared
from transport.cli.log_source import checked, seal_key
from transport.discovery.server_file import ADMIN_TOKEN_FILE, AGENT_TOKEN_FILE, put_file
from transport.visible import visible

KEPT_FILES: Final = ("tokens.json", AGENT_TOKEN_FILE, ADMIN_TOKEN_FILE)
"""What of the data directory that takes the log stays as it is."""

HALL: Final = "moothall"
"""Who the hall itself is in its log."""


def adopt(old: Path, *, data: Path | None = None, seal: Path | None = None) -> None:
    """Take over the log of an old data directory; its policy is shown and does not govern, its tokens are left.

    Args:
        old: The old data directory, which stays as it is. No server may be using it.
        data: The data directory that takes the log; by default MOOTHALL_DATA, else that of this repository.
        seal: The key file of a sealed log.
    """
    target, key = prepared(data), seal_key(seal)
    source = old.resolve()
    if not any(source.glob("*.segment")):
        raise CommandFailed(Exit.USAGE, f"there is no log in {source}; name the old data directory")
    if source == target:
        raise CommandFailed(Exit.USAGE, f"{source} is the data directory already")
    staging = target.with_name(f"{target.name}.adopting")
    shutil.rmtree(staging, ignore_errors=True)
    locks = [checked(lambda: DirectoryLock(source)), checked(lambda: DirectoryLock(target))]
    try:
        _check_unused(target)
        events, found = _brought(source, staging, key)
        for layer, text in found.layers.items():
            put_file(staging / f"adopted-{layer}.toml", text.text, 0o600)
        aside = _changed_places(target, staging)
    except OSError as error:
        raise CommandFailed(Exit.NO, f"cannot adopt {source}: {error}") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        for lock in locks:
            lock.release()
    print(f"{target}: {events} events of {source}, which you may remove now")
    if aside is not None:
        print(f"what was there is in {aside}")
    for layer, text in found.layers.items():
        _show(layer, text, target / f"adopted-{layer}.toml")
    if found.remembered:
        print(f"{len(found.remembered.listed())} remembered decisions do not hold any more; they are asked again")


def _check_unused(target: Path) -> None:
    """See that the data directory has nothing that an agent or a person did."""
    if not any(target.glob("*.segment")):
        return
    _, events = checked(lambda: look(target))
    if any(event.agent != HALL for event in events):
        raise CommandFailed(
            Exit.NO, f"{target} has a log of its own with events of agents; choose another directory with --data"
        )


def _brought(source: Path, staging: Path, key: bytes | None) -> tuple[int, History]:
    """Copy the log, verify the copy, and end what it rules; return how many events it has, and what ruled."""
    checked(lambda: backup_log(source, staging))
    staging.chmod(0o700)
    try:
        report = verify(staging, seal_key=key)
    except LogDamaged as error:
        raise CommandFailed(Exit.DAMAGED, f"{source} cannot be adopted: {error}") from None
    if not report.ok:
        raise CommandFailed(Exit.DAMAGED, f"{source} cannot be adopted: {'; '.join(map(visible, report.problems))}")
    with checked(lambda: EventLog.open(staging, seal_key=key)) as log:
        ruled = history([event for event in log.read(after=0) if event.stream == POLICY_STREAM])
        checked(lambda: log.append(adopted_events(str(source)), agent=HALL))
    return report.events, ruled


def _changed_places(target: Path, staging: Path) -> Path | None:
    """Put the adopted log where the data directory was; return where that is now, None where it held no log."""
    for name in KEPT_FILES:
        if (target / name).exists():
            shutil.copy2(target / name, staging / name)
    had_log = any(target.glob("*.segment"))
    aside = next(
        path for n in range(1, sys.maxsize) if not (path := target.with_name(f"{target.name}.before-{n}")).exists()
    )
    target.rename(aside)
    staging.rename(target)
    if had_log:
        return aside
    shutil.rmtree(aside)
    return None


def _show(layer: str, text: ActiveLayer, file: Path) -> None:
    print(f"its {layer} layer, {visible(text.name)} (sha256 {visible(text.sha256)}), does not govern any more:\n")
    for line in text.text.splitlines():
        print(f"    {visible(line)}")
    print(f"\nif that is what you want: moothall policy activate {file} --layer {layer}")
