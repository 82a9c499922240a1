"""What is fetched from another machine into a file and run by the same line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from actors.speed_layer.command.paths import join
from actors.speed_layer.command.simple_command import SimpleCommand
from actors.speed_layer.command.steps import Steps
from actors.speed_layer.policy.matching.path_rules import Finding

FETCHERS: Final = frozenset(
    {"curl", "wget", "aria2c", "http", "https", "xh", "fetch", "curlie", "axel", "scp", "rsync"}
)
RUNNERS: Final = frozenset({
    "bash", "sh", "zsh", "dash", "ksh", "fish", "source", ".", "python", "python3", "perl", "ruby", "node", "php",
    "deno", "bun",
})  # fmt: skip
STEPS_OF_WORD: Final = 3
"""Steps that it takes to make a path of a word."""
OUTPUTS: Final = ("-o", "-O", "--output", "--output-document", "--out", "--download")
NAMED_BY_URL: Final = frozenset({"-O", "--remote-name", "-OL", "-LO", "-sO", "-fsSLO", "-sSLO", "-LJO", "-OJ", "-fLO"})


def runs_what_it_fetched(commands: list[SimpleCommand], steps: Steps) -> Finding | None:
    """Return a refusal if a command runs a file that one before it fetched.

    Args:
        commands: The commands of a line, in order.
        steps: Counts what it takes.

    Raises:
        OutOfSteps: It would take too long.
    """
    fetched: set[str] = set()
    for command in commands:
        if not command.words:
            continue
        program = command.words[0].rpartition("/")[2]
        if program in FETCHERS or fetched:
            steps.spend(STEPS_OF_WORD * len(command.words))
        if program in FETCHERS:
            fetched.update(_written(command, program))
        elif fetched and any(join(command.cwd, one) in fetched for one in _run(command, program)):
            return Finding("deny", "network.fetched-file", "runs what a server sends")
    return None


def _run(command: SimpleCommand, program: str) -> Iterator[str]:
    if "/" in command.words[0]:
        yield command.words[0]
    if program in RUNNERS:
        yield from command.words[1:]
        for redirect in command.redirects:
            if not redirect.writes and redirect.path:
                yield redirect.path


def _written(command: SimpleCommand, program: str) -> Iterator[str]:
    names = [redirect.path for redirect in command.redirects if redirect.writes and redirect.path]
    words = command.words
    named_by_url = program != "curl" or not NAMED_BY_URL.isdisjoint(words)
    for index, word in enumerate(words):
        option, _, value = word.partition("=")
        if option in OUTPUTS:
            names.append(value or (words[index + 1] if index + 1 < len(words) else ""))
        elif word.startswith("-o") and not word.startswith("--"):
            names.append(word[2:])
        if not word.startswith("-") and index and named_by_url:
            names.append(word.partition("?")[0].rstrip("/").rpartition("/")[2])
    for name in names:
        path = join(command.cwd, name)
        if path is not None:
            yield path
