"""Proves that a jq filter or a yq expression reads nothing but its input: no file, no variable of the environment."""

from __future__ import annotations

import re
from typing import Final

JQ_TOKEN: Final = re.compile(
    r"#[^\n]*|(?P<open>\"|@\w+[ \t]*\"?)|(?P<name>\$?[A-Za-z_]\w*)|(?P<mark>[()])|.", re.DOTALL
)
JQ_STRING: Final = re.compile(r"(?:[^\"\\]|\\[^(])*+(?P<end>\"|\\\()", re.DOTALL)
JQ_DANGER: Final = frozenset(
    {"env", "$ENV", "input_filename", "import", "include", "modulemeta", "get_search_list", "$__prog_args"}
)
YQ_DANGER: Final = re.compile(r"\benv\b|\bstrenv\b|\benvsubst\b|\bload\w*\b|\bsystem\b|\$ENV|\bfilename\b")


def jq(text: str) -> str | None:
    """Return why a jq filter may read more than its input; strings and what is interpolated in them are told apart."""
    depths: list[int] = []
    depth = position = 0
    in_string = False
    while position < len(text):
        token = (JQ_STRING if in_string else JQ_TOKEN).match(text, position)
        if token is None:
            return "the jq filter is not understood"
        position = token.end()
        if in_string:
            in_string = False
            if token["end"] != '"':
                depths.append(depth)
            continue
        if token["name"] in JQ_DANGER:
            return f"the jq filter uses {token['name']!r}"
        if token["open"]:
            in_string = token.group().endswith('"')
        depth += (token["mark"] == "(") - (token["mark"] == ")")
        if token["mark"] == ")" and depths and depth < depths[-1]:
            depth = depths.pop()
            in_string = True
    return None if not in_string and not depths else "the jq filter is not understood"


def yq(text: str) -> str | None:
    """Return why a yq expression may read more than its input."""
    found = YQ_DANGER.search(text)
    return f"the yq expression uses {found.group()!r}" if found else None
