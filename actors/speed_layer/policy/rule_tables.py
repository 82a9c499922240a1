"""The rules of a policy as they are written in TOML: one structure for each kind of table."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Verdict = Literal["allow", "deny", "ask"]
Layer = Literal["built-in", "organisation", "project", "session"]
LAYERS: Final[tuple[Layer, ...]] = ("built-in", "organisation", "project", "session")


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all rules have.

    Attributes:
        id: Name of the rule, unique in the policy.
        reason: Why, for the reader of a verdict.
        aside: Whether its `allow` is told only where nothing else is to be told of a line.
        match: Shell lines (tools and variables for other kinds) the rule must match; checked when the policy loads.
        not_match: The same, that it must not match.
        audit: Whether a verdict that this rule decides may wait for its place in the audit log (`buffered`), or is
            given only once it is there (`durable`).
        at_most: How often one agent is allowed what it allows, such as `20/min` (`s`, `min`, `h`, `day`); what is more
            is `ask`.
        roles: The roles it is for; empty for all.
        agents: The names of the agents it is for; empty for all.
        labels: Labels, of which an agent that it is for has one; empty for all. Where roles, agents and labels are
            given, an agent has to fit each.
        hours: When it holds, in UTC, such as `mon-fri 08:00-18:00` or `22:00-06:00`; empty for always.
        until: From when on it no longer holds, such as `2030-01-31T12:00:00Z`; empty for no end.
    """

    id: str
    reason: str
    audit: Literal["buffered", "durable"] = "buffered"
    at_most: str = ""
    roles: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    hours: str = ""
    until: str = ""
    aside: bool = False
    match: tuple[str, ...] = ()
    not_match: tuple[str, ...] = ()


class CommandRule(Table, frozen=True, forbid_unknown_fields=True, kw_only=True, tag=False):
    """A rule over one simple command.

    Attributes:
        verdict: What it says. `allow` holds only if every word fits `options` and `args`; `deny` and `ask` look at
            the first words and the conditions alone.
        argv: First words, options between them left out; `a|b` is either.
        options: The options an allowed command may have (see `options.py`).
        style: `gnu` bundles short options, `words` has options like `-run`, `find` has expressions.
        args: Kinds of the other words (see `allowed_words.py`): `any read*`; empty for none.
        args_with: Kinds instead, if one of these options is given.
        wraps: The command runs another one that is judged too, so its own words need not be.
        has: Condition: one of these options is given, in any form.
        leads: Condition: an option of `has` stands before all words that are no options.
        unless_has: Condition: none of these options is given.
        words: Condition: a word after the first ones matches one of these regular expressions (search).
        text: Condition: a word, or the constant standard input, matches one of these regular expressions (search).
        via: Condition: it was unwrapped from one of these (`xargs`, `find`, ...).
        fed_by: Condition: one of these programs feeds it through a pipe.
        made_by: Condition: one of these programs, in a substitution, makes one of its words.
        bare: Condition: it has no words but options and `-`.
        first: Condition: its first word behind the prefix that is no option matches one of these (search).
        subcommand: Condition: one of the names behind the program that say what to do (`db instance delete`)
            matches one of these wholly; options, their values and files are no such names.
        otherwise: It is looked at only if no rule of its own or a higher layer covers the command, whatever the
            program.
        sql: Condition: as `text`, not looking into quoted strings and comments of SQL.
        writes: Condition: its standard output goes to a file.
        script: Condition: the program itself is a script of the workspace named for everyday work
            (`./scripts/test.sh`).
        dumps: Condition: it has no words but options, so that it prints all it knows.
        fed: The kind of text that an allowed command is fed, which must be known (`python`); empty for any.
        globs: Names of files that look like options do no harm, so that an unquoted `*` may stand in front.
        temporary: Whether an allowed command may write files of the temporary directory too.
        touches: What an `ask` or `deny` rule's command does to every word that is no option: those paths are judged
            too.
        tags: Tags it gives to the line, for rules over lines.
    """

    verdict: Verdict
    argv: list[str]
    options: str = ""
    style: Literal["gnu", "words", "find"] = "gnu"
    args: str = ""
    args_with: dict[str, str] = {}
    wraps: bool = False
    has: tuple[str, ...] = ()
    leads: bool = False
    unless_has: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    via: tuple[str, ...] = ()
    fed_by: tuple[str, ...] = ()
    made_by: tuple[str, ...] = ()
    bare: bool = False
    first: tuple[str, ...] = ()
    subcommand: tuple[str, ...] = ()
    otherwise: bool = False
    sql: tuple[str, ...] = ()
    writes: bool = False
    script: bool = False
    dumps: bool = False
    fed: str = ""
    globs: bool = False
    temporary: bool = False
    touches: Literal["read", "write", "delete"] | None = None
    tags: tuple[str, ...] = ()


class ProgramTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Options a program has in front of its subcommand.

    Attributes:
        name: First words, as in `CommandRule.argv`.
        options: Its options.
        style: As in `CommandRule`.
        anywhere: Whether they may also stand behind the subcommand.
    """

    name: str
    options: str = ""
    style: Literal["gnu", "words"] = "gnu"
    anywhere: bool = False


class ToolSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a tool does with its input, so that it can be judged by the rules over commands, files and hosts.

    A key that is null counts as absent.

    Attributes:
        tools: Its names, compared without case; tools of several agents that do the same are one.
        act: What it does: runs a command (`shell`); reads, writes or removes the files that `paths` names; prints what
            is in the files below them (`search`) or their names alone (`list`), in the working directory unless it
            says where; applies a patch to the files that the patch names; fetches `url`; or `nothing` that needs a
            verdict.
        command: Keys that hold the command, as text or a list of words; one is given.
        directory: Keys that hold the directory it runs in.
        paths: Keys that hold a path or a list of paths; each that is given is judged, and where none is it is `ask`.
        globs: Keys of a search that hold a glob over file names, or a list of them.
        text: Keys that hold the text of a patch.
        needs: Keys that must hold text, no longer than a path.
        edits: Keys that say which part of a file is changed, where they are not empty, so that the file must be there
            (`old_string`); their value may be a list of tables with such keys.
        reads_when: It only reads where this key has one of these values (`command = ["view"]`).
        ignored: Keys that change nothing of what it does. Beside a command no other keys may stand; of a shipped
            tool they are no part of what is remembered and approved.
        ignored_if_empty: Keys that change nothing while they are false, 0 or empty; else it is `ask`.
    """

    tools: list[str]
    act: Literal["shell", "read", "write", "delete", "search", "list", "patch", "fetch", "nothing"]
    command: tuple[str, ...] = ()
    directory: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    reads_when: dict[str, tuple[str, ...]] = {}
    ignored: tuple[str, ...] = ()
    ignored_if_empty: tuple[str, ...] = ()


class PathRule(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule over files.

    Attributes:
        globs: Paths: `@/...` below the workspace, `~/...` below any home, `/...` or `**/...`; `*` stays within a
            component, `{a,b}` is either.
        but: Globs of paths it leaves alone.
        read: What it says to reading, if anything.
        write: What it says to creating and changing.
        delete: What it says to removing.
        truncate: What it says to a redirection that empties them first.
        tags: As in `CommandRule`.
    """

    globs: list[str]
    but: tuple[str, ...] = ()
    read: Verdict | None = None
    write: Verdict | None = None
    delete: Verdict | None = None
    truncate: Verdict | None = None
    tags: tuple[str, ...] = ()


class VariableRule(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule over variables set for a command or exported.

    Attributes:
        verdict: What it says.
        names: Globs of names.
        but: Globs of names it leaves alone.
        values: A regular expression the whole value must match, for the rule to apply.
        shell: Whether it applies to variables set for the shell alone too.
        before: Condition: set for a command that begins with one of these (`npm run build`).
        unless_before: Condition: set for no command that begins with one of these.
    """

    verdict: Verdict
    names: list[str]
    but: tuple[str, ...] = ()
    values: str = ""
    shell: bool = False
    before: tuple[str, ...] = ()
    unless_before: tuple[str, ...] = ()


class ToolRule(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule over tools that are neither shell nor files.

    Attributes:
        verdict: What it says.
        tools: Globs of names, compared without case (`mcp__github__get_*`).
        hosts: Globs of hosts, for tools with an `url`; empty for any.
    """

    verdict: Verdict
    tools: list[str]
    hosts: tuple[str, ...] = ()


class LineRule(Table, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A rule over a whole line.

    Attributes:
        verdict: `deny` or `ask`.
        tags: Tags, all of which the line must have.
    """

    verdict: Literal["deny", "ask"]
    tags: list[str]


TABLES: Final[dict[str, type[msgspec.Struct]]] = {
    "program": ProgramTable,
    "signature": ToolSignature,
    "command": CommandRule,
    "path": PathRule,
    "variable": VariableRule,
    "tool": ToolRule,
    "line": LineRule,
}
