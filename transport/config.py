"""The server's configuration: a TOML file, then `MOOTHALL_*` in the environment, then flags; the last wins."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple, get_type_hints

import msgspec

PREFIX = "MOOTHALL_"

CLIENT_VARIABLES = frozenset({"MOOTHALL_TOKEN", "MOOTHALL_URL", "MOOTHALL_TLS_CA"})
"""Variables that clients read; a server that inherits them ignores them."""


class ConfigError(Exception):
    """The configuration is wrong; the text says where and what to do."""


class Option(NamedTuple):
    """How one key of the configuration is explained, and how it is given on the command line.

    Attributes:
        help: What it means.
        flag: The type of the flag's value; None where there is no flag.
    """

    help: str
    flag: Any = None


Auth = Literal["token", "none"]
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `moothall serve` can be told: the one place where keys of the file, variables and flags are defined.

    Each field is a key of the TOML file and, in capitals behind `MOOTHALL_`, a variable; with `Option.flag` a flag too.
    """

    data: Annotated[
        str | None,
        Option(
            "The data directory; by default a folder for this repository in the user's state directory, for all its "
            "worktrees.",
            Path,
        ),
    ] = None
    workspace: Annotated[
        str | None,
        Option(
            "The project's root, which agents may edit, with the worktrees of its repository; by default the checkout "
            "that the server is started in, else the directory that each request names.",
            Path,
        ),
    ] = None
    host: Annotated[str, Option("The address to listen on.", str)] = "127.0.0.1"
    port: Annotated[
        Port | None, Option("The websocket's port; 0 picks a free one; by default 8765, else the next free one.", int)
    ] = None
    http_port: Annotated[
        Port | None,
        Option("The HTTP listener's port; 0 picks a free one; by default 8766, else the next free one.", int),
    ] = None
    insecure: Annotated[
        bool, Option("Listen beyond this machine without TLS: tokens cross the network in the clear.", bool)
    ] = False
    agents_group: Annotated[
        str | None,
        Option(
            "A group of this system: agents that run as its users come in by a socket and a token beside the data "
            "directory, and to nothing else.",
            str,
        ),
    ] = None
    auth: Annotated[
        Auth,
        Option("Whether connections need a token; `none` makes everybody on loopback the admin `local`.", Auth),
    ] = "token"
    token_days: Annotated[
        Annotated[float, msgspec.Meta(gt=0)] | None,
        Option("How many days the tokens are good that `moothall agent add` makes; by default for ever."),
    ] = None
    fsync: Annotated[str, Option("always, group, interval:MS or never.", str)] = "group"
    seal: Annotated[
        str | None,
        Option("A file with a secret that every append is sealed with, for `events verify --seal` to check.", Path),
    ] = None
    tls_cert: Annotated[
        str | None,
        Option("A PEM file with the certificate that both listeners show; they speak TLS alone then.", Path),
    ] = None
    tls_key: Annotated[str | None, Option("A PEM file with its private key.", Path)] = None
    retain_days: Annotated[
        Annotated[float, msgspec.Meta(ge=0)] | None,
        Option("Complete segments whose events are all older than so many days leave the log; by default none do."),
    ] = None
    retain_bytes: Annotated[
        Annotated[int, msgspec.Meta(ge=0)] | None,
        Option("The oldest complete segments leave while all take more than so many bytes; by default none do."),
    ] = None
    archive: Annotated[
        str | None,
        Option(
            "The directory that gets a packed copy of each segment before it leaves, by default archive/ in the data "
            "directory; `drop` keeps no copy."
        ),
    ] = None
    origins: Annotated[
        tuple[str, ...],
        Option("Browser origins that may connect besides the server's own; the variable has blanks between them."),
    ] = ()
    requests_per_s: Annotated[
        Annotated[float, msgspec.Meta(gt=0)] | None,
        Option("The rate limit of agents and experts, in requests a second."),
    ] = None
    append_bytes_per_day: Annotated[
        Annotated[int, msgspec.Meta(gt=0)],
        Option("How many bytes each agent may append in a day; more is refused. Admins may append any.", int),
    ] = 8 << 30
    audit_inputs: Annotated[
        Literal["masked", "hash"],
        Option("`masked` keeps what was asked in the audit, without secrets; `hash` keeps its hash alone."),
    ] = "masked"
    written_scripts: Annotated[
        Literal["allow", "ask"] | None,
        Option(
            "What is said to a request that runs a file, or takes one for its rules, which the same session wrote in "
            "an earlier one: `ask` or `allow`; by default `ask` for what the session created and `allow` for what it "
            "only changed."
        ),
    ] = None
    elicitation: Annotated[
        Literal["off", "experts", "all"],
        Option(
            "Whose clients ask a person, whose answer counts, what their agent waits for: `experts` (and admins), "
            "`all` (agents too) or nobody's."
        ),
    ] = "off"
    http_sessions: Annotated[
        Literal["strict", "reopen"],
        Option(
            "What an HTTP request with a good token gets that names a session this server does not know: `reopen` "
            "begins it again under that id, `strict` answers 404. One that its client has ended stays 404."
        ),
    ] = "reopen"


OPTIONS: Final[dict[str, Option]] = {
    name: option
    for name, hint in get_type_hints(Config, include_extras=True).items()
    for option in hint.__metadata__
    if isinstance(option, Option)
}
"""What each field of the configuration means, and which are flags too."""


def load(file: Path | None, environment: Mapping[str, str], flags: Mapping[str, Any]) -> Config:
    """Merge the three sources.

    Args:
        file: A TOML file, or None.
        environment: The process's environment; only `MOOTHALL_*` is read.
        flags: What was given on the command line; None means not given.

    Raises:
        ConfigError: An unknown key, a wrong type, or a file that cannot be read.
    """
    merged: dict[str, Any] = {}
    for where, values in (
        (str(file), _from_file(file)),
        ("the environment", _from_environment(environment)),
        ("the command line", {key: value for key, value in flags.items() if value is not None}),
    ):
        try:
            msgspec.convert(values, Config, strict=False)
        except msgspec.ValidationError as error:
            raise ConfigError(
                f"configuration from {where}: {error}; see `moothall serve --help` for the keys"
            ) from None
        merged.update(values)
    config = msgspec.convert(merged, Config, strict=False)
    if config.archive is not None and config.retain_days is None and config.retain_bytes is None:
        raise ConfigError(
            "configuration: `archive` is for what leaves: say what stays with `retain_days` or `retain_bytes`"
        )
    if config.agents_group is not None and config.auth == "none":
        raise ConfigError("configuration: `agents_group` needs tokens, or its users would be admins: leave `auth` out")
    return config


def _from_file(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read the configuration {file}: {error}") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {
        key.removeprefix(PREFIX).lower(): value
        for key, value in environment.items()
        if key.startswith(PREFIX) and key not in CLIENT_VARIABLES
    }
    if "data" in values and not Path(values["data"]).expanduser().is_absolute():
        raise ConfigError(f"MOOTHALL_DATA is {values['data']!r}, which each folder reads otherwise: give all of it")
    if "origins" in values:
        values["origins"] = values["origins"].split()
    return values
