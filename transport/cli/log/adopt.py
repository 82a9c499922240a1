"""`moothall adopt`: the log of an old data directory, such as `.moothall/` in a checkout, goes on in this user's own.

Whoever could write to the checkout could have written that log. So it is verified, and nothing that it says rules: no
policy, no remembered decision, no approval and no token of it holds until a person says so again.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

from actors.speed_layer.governing.activation import ActiveLayer, History, history
from actors.speed_layer.governing.adoption import adopted_events
from actors.speed_layer.governing.remembered_decisions import POLICY_STREAM
from store import EventLog, LogDamaged, look, restore, verify
from store import backup as backup_log
from store.disk.lock import DirectoryLock
from transport.cli.failure import CommandFailed, Exit
from transport.cli.find_server import prepared
from transport.cli.folding import show
from transport.cli.log_source import checked, seal_key
from transport.discovery.put_file import put_file
from transport.visible import visible

HALL: Final = "moothall"
"""Who the hall itself is in its log."""


def adopt(old: Path, *, data: Path | None = None, seal: Path | None = None) -> None:
    """Take over the log of an old data directory; its policy is shown and does not govern, its tokens are left.

    Args:
        old: The old data directory, which stays as it is. No server may be using it.
        data: The data directory that takes the log; by default MOOTHALL_DATA, else that of this repository.
        seal: The key file of a sealed log.
    """
    target, key = prepared(data).resolve(), seal_key(seal)
    source = old.resolve()
    _check_log(source, target)
    lock = checked(lambda: DirectoryLock(source))
    staging: Path | None = None
    try:
        _check_unused(target)
        staging = Path(tempfile.mkdtemp(prefix="adopting-", dir=target))
        events, found = _brought(source, staging, key)
        replaced = checked(lambda: restore(staging, target)).replaced
        for layer, text in found.layers.items():
            put_file(target / f"adopted-{layer}.toml", text.text.encode())
    except OSError as error:
        raise CommandFailed(Exit.NO, f"cannot adopt {source}: {error}") from None
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        lock.release()
    print(f"{target}: {events} events of {source}, which you may remove now")
    if replaced is not None:
        print(f"the log that was there is in {replaced}")
    for layer, text in found.layers.items():
        _show(layer, text, target / f"adopted-{layer}.toml")
    if found.remembered:
        print(f"{len(found.remembered.listed())} remembered decisions do not hold any more; they are asked again")


def _check_log(source: Path, target: Path) -> None:
    """See that there is a log of plain files, and that it is another one."""
    segments = list(source.glob("*.segment"))
    if not segments:
        raise CommandFailed(Exit.USAGE, f"there is no log in {source}; name the old data directory")
    if not all(stat.S_ISREG(path.lstat().st_mode) for path in source.iterdir() if not path.is_dir() or path.suffix):
        raise CommandFailed(Exit.DAMAGED, f"{source} cannot be adopted: there is more than plain files in it")
    if source == target:
        raise CommandFailed(Exit.USAGE, f"{source} is the data directory already")


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
    try:
        report = verify(staging, seal_key=key)
    except LogDamaged as error:
        raise CommandFailed(Exit.DAMAGED, f"{source} cannot be adopted: {error}") from None
    if not report.ok:
        raise CommandFailed(Exit.DAMAGED, f"{source} cannot be adopted: {'; '.join(map(visible, report.problems))}")
    with checked(lambda: EventLog.open(staging, seal_key=key)) as log:
        try:
            ruled = history([event for event in log.read() if event.stream == POLICY_STREAM])
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            why = f"{source} cannot be adopted: its policy's events are none ({visible(repr(error))})"
            raise CommandFailed(Exit.DAMAGED, why) from None
        checked(lambda: log.append(adopted_events(str(source)), agent=HALL))
    return report.events, ruled


def _show(layer: str, text: ActiveLayer, file: Path) -> None:
    print(f"its {layer} layer, {visible(text.name)} (sha256 {visible(text.sha256)}), does not govern any more:\n")
    for line in text.text.splitlines():
        show(f"    {visible(line, blanks=True)}")
    print(f"\nif that is what you want: moothall policy activate {file} --layer {layer}")
