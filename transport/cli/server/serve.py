"""`moothall serve`: what it can be told. What it does is `transport.cli.server.server_process`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any, Final, cast, get_args

from transport.cli import garbage_collector
from transport.cli.failure import CommandFailed, Exit
from transport.config import OPTIONS, ConfigError, Option, load

_KEYS: Final = [name for name, option in OPTIONS.items() if option.flag is None]
_CONFIG: Final = Option(f"A TOML file with the same keys as these flags, and {', '.join(_KEYS)}.", Path)
_FLAGS: Final[dict[str, Option]] = {}
for _name, _option in OPTIONS.items():
    if _option.flag is not None:
        _FLAGS[_name] = _option
    if _name == "http_port":  # behind which `--help` shows the file
        _FLAGS["config"] = _CONFIG
_FIELDS: Final = {f"--{name.replace('_', '-')}": name for name in _FLAGS}


def serve(**given: Any) -> None:
    """Run the server until SIGTERM or SIGINT; prints one JSON line when it accepts work.

    Its parameters are the flags of `transport.config.Config`, and `config`, the file; the command line library reads
    them from the signature and the docstring that are made of these.
    """
    file: Path | None = given.pop("config", None)
    told = {name: str(value) if isinstance(value, Path) else value for name, value in given.items()}
    try:
        settings = load(file, os.environ, told)
    except ConfigError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None
    garbage_collector.spare()
    from transport.cli.server.server_process import run  # noqa: PLC0415 - all of the server; `--help` and mistakes need none of it

    run(settings)


cast("Any", serve).__signature__ = Signature(
    [
        Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=option.flag | None)
        for name, option in _FLAGS.items()
    ]
)
serve.__doc__ = "\n".join(
    ["Run the server.", "", "Args:", *(f"    {name}: {each.help}" for name, each in _FLAGS.items())]
)


def plain(words: Sequence[str]) -> dict[str, Any] | None:
    """Return what `serve` is told, where it is told by `--flag value` alone.

    Returns:
        The keyword arguments; None where the command line library must look: for help, other forms, and mistakes.
    """
    names, values = words[::2], words[1::2]
    if len(names) != len(values) or len({*names}) != len(names) or any(value.startswith("-") for value in values):
        return None
    try:
        fields = [_FIELDS[name] for name in names]
        return {field: _read(_FLAGS[field].flag, value) for field, value in zip(fields, values, strict=True)}
    except (KeyError, ValueError):
        return None


def _read(kind: Any, text: str) -> Any:
    """Read the value of a flag as the command line library would, or raise `ValueError`."""
    choices = get_args(kind)
    if kind is bool or (choices and text not in choices) or (kind is int and not (text.isascii() and text.isdecimal())):
        raise ValueError(text)
    return text if choices else kind(text)
