"""A decision on one shell command, generalised to others like it. Pure.

What it covers is deliberately little, since a person has looked at one command and not at those to come: one simple
command that is proved to be all that the line runs, with no redirection, assignment or expansion, in the same working
directory, that begins with the same words, followed by words of the same kind and by the options that the decided one
had, each with the same value. And it answers one question: where another rule asks too, or a rule denies, it does not
hold.

The words that it begins with hold all of the verb (`gh pr create`, never `gh pr`). Of a program that is not listed
nobody knows where its verb ends, so whatever may be a part of it stays fixed, and only files may follow. What names an
image, a package, a remote, a branch, a target or a script is no file, however much it looks like one: nothing is
generalised for programs that take these.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from actors.speed_layer.policy.engine import Policy, Request
from actors.speed_layer.policy.judging.plain_command import PlainCommand

PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,+-]*(/[A-Za-z0-9_][A-Za-z0-9_.,+-]*)*\Z")
"""A word that is neither an option, nor a hidden file, nor a path out of the working directory, nor a URL."""

_VERB_WORDS: Final = {"gh": 3, "glab": 3}
"""How many words are the verb of a program that takes names behind it, the program's own among them."""

_SPECIFIC: Final = frozenset({
    "git", "hg", "jj", "svn", "fossil", "ssh", "scp", "sftp", "rsync", "curl", "wget", "nc", "telnet", "docker",
    "podman", "nerdctl", "buildah", "skopeo", "kubectl", "helm", "oc", "crictl", "ctr", "vagrant", "npm", "pnpm",
    "yarn", "bun", "npx", "bunx", "deno", "pip", "pip3", "pipx", "uv", "uvx", "poetry", "pdm", "hatch", "conda",
    "mamba", "cargo", "rustup", "go", "gem", "bundle", "composer", "dotnet", "nuget", "mix", "stack", "cabal",
    "brew", "apt", "apt-get", "dpkg", "dnf", "yum", "rpm", "apk", "pacman", "zypper", "nix", "nix-env", "snap",
    "flatpak", "make", "gmake", "cmake", "ninja", "just", "task", "rake", "gradle", "gradlew", "mvn", "ant",
    "bazel", "invoke", "tox", "nox", "fab", "scons", "meson", "buck2", "pants", "sbt", "lein", "ansible",
    "ansible-playbook", "terraform", "tofu", "pulumi", "aws", "gcloud", "az", "doctl", "flyctl", "heroku", "vercel",
    "netlify", "serverless", "systemctl", "service", "sh", "bash", "zsh", "dash", "ksh", "fish", "python",
    "python3", "node", "ruby", "perl", "php", "lua", "java", "tsx", "ts-node", "pwsh", "osascript", "psql", "mysql",
    "sqlite3", "mongosh", "sudo", "su", "redis-cli",
})  # fmt: skip
"""Programs whose words name what must not vary: a remote, an image, a package, a target, a host, a script, a verb."""

_FETCHES: Final = frozenset({
    "add", "checkout", "clone", "dlx", "download", "exec", "fetch", "get", "i", "image", "import", "install",
    "load", "merge", "pull", "push", "rebase", "remote", "restore", "run", "script", "source", "switch", "sync",
    "update", "upgrade", "use", "x",
})  # fmt: skip
"""Verbs behind which, with whatever program, no file is expected but something that has a name elsewhere."""

_MAY_BE_VERB: Final = re.compile(r"[A-Za-z][A-Za-z0-9_:-]*\Z")


class Pattern(msgspec.Struct, frozen=True):
    """Which commands a decision is for.

    Attributes:
        argv: The words that they begin with.
        options: The options that may follow, in any order.
        cwd: The working directory; without one it covers nothing.
        rule: The rule whose `ask` is answered, None where it is that no rule decides.
    """

    argv: tuple[str, ...]
    options: tuple[str, ...]
    cwd: str | None
    rule: str | None

    def __str__(self) -> str:
        more = "".join(f" [{option}]" for option in self.options)
        asked = "no rule decides" if self.rule is None else f"rule {self.rule!r} asks"
        place = "no named directory" if self.cwd is None else self.cwd
        kind = "plain words" if _names_may_follow(self.argv) else "files of it"
        return f"`{' '.join(self.argv)}{more} ...` with {kind} in {place}, where {asked} and nothing else does"


class NotGeneral(Exception):  # noqa: N818 - an answer, not a fault
    """The action cannot be generalised; the text says why."""


def generalised(policy: Policy, action: Request) -> Pattern:
    """Return which commands a decision on this one would be for.

    Raises:
        NotGeneral: It has to stay a decision on this one alone.
    """
    if not _is_named(action.cwd):
        raise NotGeneral("it names no directory that it would hold in")
    if action.scripts:
        raise NotGeneral("it runs a file, whose content a rule does not hold")
    plain = policy.plain_command(action, policy.judge(action))
    if plain is None:
        raise NotGeneral("only one plain shell command that is proved to run nothing else becomes a rule")
    words, questions = plain
    if len(questions) != 1 or questions[0].verdict != "ask":
        raise NotGeneral("more than one question is open about it")
    length = _verb_length(words)
    options = tuple(sorted({option for option, _ in _options(words[length:]) if option}))
    pattern = Pattern(words[:length], options, action.cwd, questions[0].rule)
    if not _fits(pattern, words):
        raise NotGeneral("it ends in words that are not plain, such as a URL or a path out of the workspace")
    return pattern


def covers(pattern: Pattern, plain: PlainCommand | None, cwd: str | None) -> bool:
    """Say whether a decision is for a plain command in a working directory too; None stands for what is no such one."""
    if cwd != pattern.cwd or not _is_named(cwd) or plain is None:
        return False
    words, questions = plain
    return (
        len(questions) == 1
        and (questions[0].verdict, questions[0].rule) == ("ask", pattern.rule)
        and _fits(pattern, words)
    )


def described(pattern: Pattern) -> str:
    """Return a pattern for a person who decides: in words, and three commands that it is for."""
    such = ", ".join(f"`{' '.join(words)}`" for words in examples(pattern))
    return f"{pattern}; such as {such}" if such else f"{pattern}; it says too little, so it is for no command any more"


def examples(pattern: Pattern) -> list[tuple[str, ...]]:
    """Return three commands that a pattern is for, where rules put the same question about them; none where none is."""
    names = ("12", "other") if _names_may_follow(pattern.argv) else ("other.txt", "sub/other.txt")
    every = tuple(word for option in pattern.options for word in option.split(" "))
    found = [(*pattern.argv, names[0]), (*pattern.argv, *names), (*pattern.argv, names[1], *every)]
    return [words for words in found if _fits(pattern, words)]


def _is_named(cwd: str | None) -> bool:
    return cwd is not None and cwd.startswith("/")


def _verb_length(words: tuple[str, ...]) -> int:
    """Return how many words of a command stay as they are.

    Raises:
        NotGeneral: All of them have to.
    """
    program = words[0]
    if "/" in program or program in _SPECIFIC or program.rstrip("0123456789.") in _SPECIFIC:
        raise NotGeneral(f"what {program!r} is given names something of its own: an image, a package, a script, a verb")
    length = _VERB_WORDS.get(program)
    if length is None:
        rest = (place for place, word in enumerate(words[1:], 1) if not _MAY_BE_VERB.match(word))
        length = next(rest, len(words))
        if length == len(words):
            raise NotGeneral("each of its words may be a part of what it does: none is the name of a file")
    verb = words[:length]
    if len(verb) < max(2, _VERB_WORDS.get(program, 0)) or not all(map(_MAY_BE_VERB.match, verb[1:])):
        raise NotGeneral("what it does is not said by its first words alone")
    if not _FETCHES.isdisjoint(verb):
        raise NotGeneral("what follows names something that lies elsewhere, such as a package or a branch")
    return length


def _names_may_follow(argv: tuple[str, ...]) -> bool:
    return argv[0] in _VERB_WORDS


def _options(words: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return words in order, each as an option with what may be its value, or as a word of its own: one is empty."""
    found: list[tuple[str, str]] = []
    place = 0
    while place < len(words):
        word, following = words[place], words[place + 1 : place + 2]
        if not word.startswith("-"):
            found.append(("", word))
        elif following and not following[0].startswith("-"):
            found.append((f"{word} {following[0]}", ""))
            place += 1
        else:
            found.append((word, ""))
        place += 1
    return found


def _fits(pattern: Pattern, words: tuple[str, ...]) -> bool:
    length = len(pattern.argv)
    try:
        if words[:length] != pattern.argv or _verb_length(words) != length:
            return False
    except NotGeneral:
        return False
    names = _names_may_follow(pattern.argv)
    return all(
        option in pattern.options if option else PLAIN.match(word) is not None and (names or _is_file(word))
        for option, word in _options(words[length:])
    )


def _is_file(word: str) -> bool:
    return "/" in word or "." in word
