"""Verdicts over files: paths brought to one form, then matched against all path rules at once."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache, partial
from typing import Final, Literal

import msgspec

from actors.speed_layer.command.paths import HOME, MAX_PATH, join, normalised
from actors.speed_layer.command.simple_command import UNKNOWN, SimpleCommand
from actors.speed_layer.policy.matching.globs import GlobSet
from actors.speed_layer.policy.rule_tables import PathRule, Verdict

Access = Literal["read", "write", "delete", "truncate"]
DOES: Final[dict[Access, str]] = {"read": "reads", "write": "writes", "delete": "removes", "truncate": "overwrites"}
STRICTNESS: Final[dict[Verdict, int]] = {"allow": 0, "ask": 1, "deny": 2}
HIDDEN_GLOB: Final = re.compile(r"(?:\A|/)\.[^/]*[*?[]")
OF_SERVICES: Final = (
    r"(?:alternatives|apt|aptitude|containerd|dbus|dhcp|docker|dpkg|etcd|flatpak|kubelet|ldap|libvirt|lxc|lxd|machines"
    r"|mariadb|mongodb|mysql|NetworkManager|nfs|pacman|pgsql|polkit-1|portables|postgresql|private|rabbitmq|rancher|redis"
    r"|rpm|selinux|snapd|sss|sudo|systemd|ucf|udisks2|update-notifier|varnish|yum)(?:/|\Z)"
)
"""What lies below `/var/lib` and is no home of somebody who works there."""
SYSTEM: Final = re.compile(
    r"/(?:(?:bin|boot|dev|etc|lib|lib32|lib64|proc|run|sbin|sys|System|Library|Applications|private/etc)(?:/.*)?"
    r"|usr(?:/(?!src/).*)?|usr/src|var(?:/(?!www/|lib/(?!"
    + OF_SERVICES
    + r")[^/]+/[^/]).*)?|home|root|media|mnt|opt|srv|tmp|Users|Volumes|nix)?\Z"
)
"""Directories that are nobody's workspace."""
SETTINGS: Final = re.compile(r"(?:/(?:home|Users)/[^/]+|/root)/\.(?!.*/worktrees?/[^/]+)")
"""Folders of a home that a program keeps for itself; only there where agents keep worktrees somebody works."""
ROOT_HOME: Final = re.compile(r"/root(?=/)")
PROTECTED_TAGS: Final = frozenset({"secret", "protected"})
MANY: Final = re.compile(r"[*?\[]")
HANDED: Final = re.compile(r"(?:\A|/)\*\*(?:/|\Z)")
"""What stands for names that another program hands over: of any file below, hidden ones too."""
NO_LETTERS: Final = re.compile(r"\[[^\[\]]*\]|[^A-Za-z0-9]")
MAX_NAME: Final = 255
"""The longest name of a file (`NAME_MAX` of Linux); a longer glob is not compiled, which takes 10 us a character."""
MAX_KEPT: Final = 4096
"""How many verdicts over paths are kept: matching takes many times what a lookup does, and files come again."""
MAX_REASON: Final = 200
"""Length of a reason; the words of a command stand in it, and a verdict is shown in one line or two."""


class Finding(msgspec.Struct, frozen=True):
    """What one rule, or the lack of one, says to one part of a request.

    Attributes:
        verdict: What it says.
        rule: The rule's id, `None` if no rule applies.
        reason: Why.
        tags: Tags that its rule gives to the line.
        path: The file it is about, absolute and normalised; empty if it is about none.
        access: What is done to that file.
        runs: Whether what its rule is over may run files, or have them as its rules.
        aside: Whether it is told only where there is nothing else to tell of what a line is allowed to do.
    """

    verdict: Verdict
    rule: str | None
    reason: str
    tags: tuple[str, ...] = ()
    path: str = ""
    access: Access | Literal[""] = ""
    runs: bool = False
    aside: bool = False


def shortened(reason: str) -> str:
    """Return a reason no longer than `MAX_REASON` characters: words of a command stand in it."""
    return reason if len(reason) <= MAX_REASON else reason[: MAX_REASON - 3] + "..."


class Workspace(msgspec.Struct, frozen=True):
    """The directory a request works in.

    Attributes:
        root: Its normalised path, `None` if nothing counts as inside (unknown, a home, a system directory).
        home: The home directory it lies in, "" if it lies in none.
        excluded: The ids of the rules that do not hold for the role that asks, or at this time.
    """

    root: str | None
    home: str
    excluded: frozenset[str] = frozenset()


def inside(absolute: str | None, workspace: Workspace) -> bool:
    """Return whether a normalised path is the workspace or lies in it."""
    root = workspace.root
    if absolute is None or root is None:
        return False
    if workspace.home and absolute.startswith("~/"):
        absolute = workspace.home + absolute[1:]
    return absolute == root or absolute.startswith(root + "/")


def name_of(path: str) -> str:
    """Return the last part of a path."""
    return path.rpartition("/")[2]


class PathRules:
    """All path rules of a policy.

    Args:
        rules: The rules, in any order; the strictest that matches wins.

    Attributes:
        workspace: Returns the workspace that a working directory is, where the hall has none of its own.
        named_workspace: Returns the workspace of a hall.
        judge_absolute: Returns what the rules say to a normalised path, an access and a workspace.
    """

    def __init__(self, rules: list[PathRule]) -> None:
        globs: list[str] = []
        self._owners: list[tuple[PathRule, bool]] = []
        for rule in rules:
            for glob in rule.globs:
                globs.append(glob)
                self._owners.append((rule, True))
            for glob in rule.but:
                globs.append(glob)
                self._owners.append((rule, False))
        self._set = GlobSet(globs)
        self._secrets = [name_of(one).lower() for rule in rules if "secret" in rule.tags for one in rule.match]
        self.workspace = lru_cache(MAX_KEPT)(self._workspace)
        self.named_workspace = lru_cache(MAX_KEPT)(partial(self._workspace, named=True))
        self.judge_absolute = lru_cache(MAX_KEPT)(self._judge)
        self._rules = lru_cache(MAX_KEPT)(self._match)

    def _workspace(self, cwd: str | None, *, named: bool = False) -> Workspace:
        root = normalised(cwd)
        if root is None or not root.startswith("/"):
            return Workspace(None, "")
        home = HOME.match(root)
        if home is None:
            free = not SYSTEM.match(root)
        elif home.group() == root:
            free = False
        else:
            free = named or not SETTINGS.match(root)
        # whoever works in /root is at home there
        looked_at = f"{ROOT_HOME.sub('/home/root', root) if root.startswith('/root') else root}/x"
        free = free and not any(PROTECTED_TAGS.intersection(one.tags) for one in self._rules(looked_at))
        return Workspace(root if free else None, home.group() if home else "")

    def judge(self, path: str | None, cwd: str | None, access: Access, workspace: Workspace) -> Finding:
        """Return what the rules say to an access.

        Args:
            path: As written; `None` or with `UNKNOWN` if known only at run time.
            cwd: What it is relative to.
            access: What is done to it.
            workspace: The request's workspace.
        """
        if path is None or UNKNOWN in path:
            return Finding("ask", None, f"{DOES[access]} a file that is known only at run time")
        if len(path) > MAX_PATH:
            return Finding("ask", None, f"a path of more than {MAX_PATH} characters: {path[:60]}...")
        absolute = join(cwd, path)
        if absolute is None:
            return Finding("ask", None, f"{DOES[access]} {path!r}, and the directory it lies in is not known")
        return self.judge_absolute(absolute, access, workspace)

    def judge_in_all_directories(
        self, command: SimpleCommand, path: str | None, access: Access, base: str | None, workspace: Workspace
    ) -> Finding:
        """Return the strictest of what the rules say to a path in every directory a command may run in.

        Args:
            command: The command that touches it.
            path: As written; see `judge`.
            access: What is done to it.
            base: What it is relative to if no `cd` before the command fails.
            workspace: The request's workspace.
        """
        finding = self.judge(path, base, access, workspace)
        if command.fallbacks and path is not None and ".." in path:
            for directory in command.fallbacks:
                other = self.judge(path, directory, access, workspace)
                if STRICTNESS[other.verdict] > STRICTNESS[finding.verdict]:
                    finding = other
        return finding

    def _judge(self, absolute: str, access: Access, workspace: Workspace) -> Finding:
        if workspace.home and (absolute == "~" or absolute.startswith("~/")):
            absolute = workspace.home + absolute[1:]
        root = workspace.root
        above = root is not None and (root.startswith(absolute.rstrip("/") + "/") or absolute == "/")
        local = absolute
        if root is not None and (absolute == root or absolute.startswith(root + "/")):
            local = "@" + absolute[len(root) :]
        best: Finding | None = None
        for rule in self._rules(local):
            verdict: Verdict | None = getattr(rule, access)
            if rule.id in workspace.excluded:
                continue
            if verdict is not None and (best is None or STRICTNESS[verdict] > STRICTNESS[best.verdict]):
                why = f"{DOES[access]} {absolute}: {rule.reason}"
                best = Finding(verdict, rule.id, why, tuple(rule.tags), absolute, access, aside=rule.aside)
        if access == "delete" and above:
            return Finding("deny", "files.delete-above", f"removes {absolute}: the workspace lies below it")
        if best is None and access == "truncate":
            return self.judge_absolute(absolute, "write", workspace)
        if best is None:
            place = "" if local != absolute or root is None else ", outside the workspace"
            return Finding("ask", None, f"{DOES[access]} {absolute}{place}: no rule covers that")
        return best if best.verdict != "allow" else self._picked(absolute, local, access) or best

    def _picked(self, absolute: str, local: str, access: Access) -> Finding | None:
        """Return a finding for a glob that may pick more than the rules saw."""
        if access != "read" and HANDED.search(local):
            below = local.removeprefix("@/")
            what = "changes whatever files another program names" + ("" if below == "**" else f" ({below})")
            return Finding("ask", "files.handed-over", what, (), absolute, access)
        if HIDDEN_GLOB.search(local):
            return Finding("ask", None, f"{DOES[access]} {absolute}, which may name a hidden file")
        if self._picks_a_secret(local):
            return Finding(
                "ask", None, f"{DOES[access]} {absolute}, which may name a file that holds secrets", ("secret",)
            )
        return None

    def _picks_a_secret(self, local: str) -> bool:
        """Return whether a glob with a letter in it is that of a file which the rules over secrets give as an example.

        A glob of wildcards alone is for all files and not made for those.
        """
        name = name_of(local).lower()
        if not MANY.search(name) or not NO_LETTERS.sub("", name):
            return False
        if len(name) > MAX_NAME:
            return True
        return any(fnmatchcase(one, name) for one in self._secrets)

    def _match(self, local: str) -> list[PathRule]:
        hits = [self._owners[index] for index in self._set.matches(local)]
        left_alone = {rule.id for rule, positive in hits if not positive}
        return [rule for rule, positive in hits if positive and rule.id not in left_alone]

    def covers(self, rule: str, absolute: str, workspace: Workspace) -> bool:
        """Return whether a rule's globs cover a normalised path."""
        root = workspace.root
        inside = root is not None and (absolute == root or absolute.startswith(root + "/"))
        local = "@" + absolute[len(root) :] if inside and root is not None else absolute
        return any(one.id == rule for one in self._rules(local))
