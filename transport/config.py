"""The server's configuration: a TOML file, then `MOOTHALL_*` in the environment, then flags; the last wins."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

PREFIX = "MOOTHALL_"

CLIENT_VARIABLES = frozenset({"MOOTHALL_TOKEN", "MOOTHALL_URL"})
"""Variables that clients read; a server that inherits them ignores them."""


class ConfigError(Exception):
    """The configuration is wrong; the text says where and what to do."""


Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `moothall serve` can be told.

    Attributes:
        data: The data directory; None means the default.
        host: The address to listen on.
        port: The websocket's port; 0 picks a free one.
        http_port: The HTTP listener's port; 0 picks a free one.
        auth: `token`, or `none` for everybody on loopback being the admin `local`.
        fsync: `always`, `group`, `interval:MS` or `never`.
        seal: The file with the key that appends are sealed with; None seals nothing.
        tls_cert: The certificate that both listeners show; None for no TLS.
        tls_key: Its private key.
        tls_ca: What the clients on this machine trust the certificate by; None for what the system trusts.
        retain_days: Complete segments whose events are all older than so many days leave the log; None keeps any age.
        retain_bytes: The oldest complete segments leave while all take more than so many bytes; None keeps any size.
        archive: The directory that gets a packed copy of each segment before it leaves; None drops them.
        origins: Browser origins that may connect, besides the server's own.
        requests_per_s: The rate limit of agents and experts, in requests a second.
        elicitation: Whose clients ask a person, whose answer counts, what their agent waits for: `experts` (and
            admins), `all` (agents too) or nobody's.
        audit_inputs: `masked` keeps what was asked in the audit, without secrets; `hash` keeps its hash alone.
    """

    data: str | None = None
    host: str = "127.0.0.1"
    port: Port = 8765
    http_port: Port = 8766
    auth: Literal["token", "none"] = "token"
    fsync: str = "group"
    seal: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_ca: str | None = None
    retain_days: Annotated[float, msgspec.Meta(ge=0)] | None = None
    retain_bytes: Annotated[int, msgspec.Meta(ge=0)] | None = None
    archive: str | None = None
    origins: tuple[str, ...] = ()
    requests_per_s: float | None = None
    audit_inputs: Literal["masked", "hash"] = "masked"
    elicitation: Literal["off", "experts", "all"] = "off"


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
    if "origins" in values:
        values["origins"] = values["origins"].split()
    return values
