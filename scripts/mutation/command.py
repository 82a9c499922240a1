"""`scripts/mutants`: seed bugs, and say which of them no test notices."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

from mutation.copies import CHECKOUT, copied
from mutation.covering import Covering, kept_in
from mutation.files import Ignored, handmade, ignored, is_ignored
from mutation.mutant import Mutant, WrittenDown
from mutation.seeding import sample, seeded
from mutation.trials import FailWithoutBug, Task, Trial, trials
from transport.cli.failure import CommandFailed, Exit

SHARE: Final = 0.9
"""Which share of the seeded bugs the tests must notice in each room."""

WITHIN_S: Final = 20.0
"""How many seconds the tests that look for one seeded bug may take together without it: what no test of the room and
none of the quick ones notices is a hole, also if some long run elsewhere would fall over it."""

_NAMED_S: Final = 4.0
"""How long the tests that a hand-made bug names may usually take, in seconds, starting pytest with them."""


def mutants(*modules: Path, sample: int | None = None, at_once: Literal[1, 2] = 2) -> None:
    """Seed bugs and say which of them no test notices; exit code 1 if that are too many.

    Without MODULE the hand-made bugs are tried, of which none may survive. Of those that are seeded into modules, nine
    of ten must be noticed in each folder.

    Args:
        modules: Modules, or folders of them.
        sample: Seed so many bugs into each module at the most, the same ones each time.
        at_once: How many are tried at a time.
    """
    try:
        if modules:
            _try_seeded([*_modules(modules)], sample, at_once)
        else:
            _try_handmade(at_once)
    except (WrittenDown, FailWithoutBug) as error:
        raise CommandFailed(Exit.NO, str(error)) from error


def _try_handmade(at_once: int) -> None:
    tasks = [Task(each, [*each.tests], _NAMED_S) for each in handmade(CHECKOUT)]
    done = trials(CHECKOUT, tasks, at_once, _Teller(len(tasks)))
    survivors = [trial for trial in done if not trial.found]
    _show(survivors)
    print(f"{len(done) - len(survivors)} of {len(done)} hand-made bugs were noticed")
    if survivors:
        raise CommandFailed(Exit.NO, "a hand-made bug was not noticed: the tests that it names must fail with it")


def _try_seeded(modules: list[str], most: int | None, at_once: int) -> None:
    excuses = ignored()
    chosen = [mutant for module in modules for mutant in _seeded(module, most, excuses)]
    covering = Covering(kept_in(CHECKOUT))
    with copied(CHECKOUT) as copy:
        covering.bring_up_to_date(copy)
    tasks = [_task(covering, mutant) for mutant in chosen]
    done = trials(CHECKOUT, tasks, at_once, _Teller(len(tasks)))
    _show(trial for trial in done if not trial.found)
    few = _summary(done)
    if few:
        raise CommandFailed(Exit.NO, f"fewer than {SHARE:.0%} of the bugs were noticed in {', '.join(few)}")


def _task(covering: Covering, mutant: Mutant) -> Task:
    tests = covering.tests_of(mutant.module, mutant.function, WITHIN_S)
    return Task(mutant, [test.name for test in tests], sum(test.seconds for test in tests))


def _seeded(module: str, most: int | None, excuses: list[Ignored]) -> list[Mutant]:
    found = seeded(module, (CHECKOUT / module).read_text())
    kept = [mutant for mutant in found if not is_ignored(mutant, excuses)]
    return kept if most is None else sample(kept, most)


def _modules(given: Iterable[Path]) -> Iterator[str]:
    for path in given:
        whole = (path if path.is_absolute() else Path.cwd() / path).resolve()
        if not whole.exists() or not whole.is_relative_to(CHECKOUT):
            raise CommandFailed(Exit.USAGE, f"{path} is no module and no folder of this checkout")
        for each in sorted(whole.rglob("*.py")) if whole.is_dir() else [whole]:
            if each.name != "__init__.py":
                yield str(each.relative_to(CHECKOUT))


def _show(survivors: Iterable[Trial]) -> None:
    for trial in survivors:
        mutant = trial.mutant
        looked = f"{trial.tests} tests looked for it" if trial.tests else "no test enters it"
        where = f" in {mutant.function}" if mutant.function else ""
        print(f"\nnot noticed: {mutant.kind}{where}; {looked}\n{mutant.diff}")
        if mutant.why:
            print(f"why it matters: {mutant.why}")


def _summary(done: list[Trial]) -> list[str]:
    """Print the share of each folder; returns those in which too few bugs were noticed."""
    rooms: dict[str, list[Trial]] = defaultdict(list)
    for trial in done:
        rooms[trial.mutant.module.rpartition("/")[0]].append(trial)
    few: list[str] = []
    print()
    for room, tried in sorted(rooms.items()):
        found = sum(trial.found for trial in tried)
        endless = sum(trial.outcome == "timeout" for trial in tried)
        print(f"{room}: {found} of {len(tried)} noticed, {found / len(tried):.0%}; {endless} by not ending")
        if found < SHARE * len(tried):
            few.append(room)
    return few


class _Teller:
    """Says how far it has come, on stderr."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def __call__(self, trial: Trial) -> None:
        self._done += 1
        said = f"{self._done} of {self._total}: {trial.mutant.module}: {trial.mutant.kind}: {trial.outcome}"
        print(said, file=sys.stderr, flush=True)
