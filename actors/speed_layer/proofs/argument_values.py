"""Proves that one argument is harmless: a plain name, a branch, a local address, a text that only reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from actors.speed_layer.command.simple_command import UNKNOWN
from actors.speed_layer.proofs.awk import awk
from actors.speed_layer.proofs.jq import jq, yq
from actors.speed_layer.proofs.sql import reads_only

SQL_NOISE: Final = re.compile(r"'(?:[^']|'')*+'|\"[^\"]*+\"|--[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)")
PSQL_META: Final = re.compile(r"\\(?:d[a-zA-Z]*\+?|l\+?|conninfo|dt|x|timing|encoding)(?:[ \t]+[\w.*]+)*\Z")
SQLITE_META: Final = re.compile(
    r"\.(?:tables|schema|databases|indexes|indices|fullschema|dbinfo|show|headers?|mode|width|stats?)\b[^;|\n`\"]*\Z"
)
SQLITE_PRAGMA: Final = re.compile(
    r"pragma\s+(?:table_info|index_list|index_info|foreign_key_list|integrity_check|user_version|table_list)\b[^=;]*;?\s*\Z",
    re.IGNORECASE,
)
NAME: Final = re.compile(r"[A-Za-z0-9_@%+:,./=-]*\Z")
BRANCH: Final = re.compile(r"(?:-|[A-Za-z0-9_@][A-Za-z0-9_@/.~^{}#+-]*)\Z")
FILE_ENDING: Final = re.compile(
    r"\.[A-Za-z][A-Za-z0-9]{0,5}\Z|/\Z|\A(?:src|lib|app|tests?|docs?)(?:/|\Z)|(?:\A|/)(?:Makefile|Dockerfile|LICENSE|README)\Z"
)
NUMBER: Final = re.compile(r"[0-9.]+[a-zA-Z%]*\Z")
LOCAL_HOSTS: Final = re.compile(
    r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]|::1|0\.0\.0\.0|[a-z0-9-]+\.localhost)\Z", re.IGNORECASE
)
GIT_CONFIG: Final = re.compile(
    r"(?:color\.\w+|core\.(?:quotepath|abbrev|autocrlf)|log\.\w+|diff\.(?:renames|renameLimit|noprefix|algorithm|mnemonicPrefix|context)|status\.\w+"
    r"|user\.(?:name|email)|advice\.\w+|grep\.\w+|column\.\w+|gc\.auto|commit\.gpgsign|tag\.gpgsign)=[^!\n]*\Z|core\.pager=(?:cat|less)?\Z|core\.editor=(?:true|:)\Z",
    re.IGNORECASE,
)


def sql(text: str) -> str | None:
    """Return why SQL text, or a psql or sqlite meta-command, may change or leak something."""
    stripped = text.strip()
    if PSQL_META.match(stripped) or SQLITE_META.match(stripped) or SQLITE_PRAGMA.match(stripped):
        return None
    return reads_only(stripped)


def name(text: str) -> str | None:
    """Return why a word is not a plain name."""
    return None if NAME.match(text) else f"{text[:40]!r} is not a plain name"


def branch(text: str) -> str | None:
    """Return why a word may name a file rather than a branch, tag or commit."""
    plain = BRANCH.match(text) and not FILE_ENDING.search(text)
    return None if plain else f"{text[:40]!r} may name a file"


def number(text: str) -> str | None:
    """Return why a word is not a number."""
    return None if NUMBER.match(text) or UNKNOWN in text else f"{text[:40]!r} is not a number"


def local_url(text: str) -> str | None:
    """Return why a URL is not one of this machine."""
    if "#" in text or "\\" in text:
        return "not a plain URL"
    if "://" not in text:
        text = "http://" + text
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return "not a URL"
    if (
        parts.scheme not in {"http", "https", "ws", "wss"}
        or not LOCAL_HOSTS.match(host)
        or "@" in parts.netloc
        or "{" in text
    ):
        return f"{host or text[:40]} is not this machine"
    return None


def local_host(text: str) -> str | None:
    """Return why a host is not this machine."""
    return None if LOCAL_HOSTS.match(text.rpartition(":")[0] or text) else f"{text[:60]} is not this machine"


def git_config(text: str) -> str | None:
    """Return why a `git -c` setting may run a program."""
    return None if GIT_CONFIG.match(text) else f"the setting {text.partition('=')[0][:40]!r} may run a program"


ARGUMENT_CHECKS: Final[dict[str, Callable[[str], str | None]]] = {
    "awk": awk,
    "jq": jq,
    "yq": yq,
    "sql": sql,
    "name": name,
    "branch": branch,
    "number": number,
    "local-url": local_url,
    "local-host": local_host,
    "git-config": git_config,
}
