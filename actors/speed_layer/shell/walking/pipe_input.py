"""What the earlier stages of a pipeline feed the next one, and its exact text where that is known."""

from __future__ import annotations

import re

from actors.speed_layer.command.simple_command import SimpleCommand, Stdin


def piped(producers: list[SimpleCommand]) -> Stdin:
    """Return what commands of a pipeline's earlier stages feed the next one."""
    return Stdin("pipe", _printed(producers), tuple(producers))


def _printed(producers: list[SimpleCommand]) -> str | None:
    """Return what a pipeline's stages print, if the last one is an `echo` or `printf` of constants."""
    if not producers:
        return None
    words = producers[-1].argv
    certain = [word for word in words[1:] if word is not None]
    if len(certain) != len(words) - 1 or words[0] not in {"echo", "printf"} or producers[-1].redirects:
        return None
    if words[0] == "echo":
        text = " ".join(certain)
        return None if certain[:1] and certain[0].startswith("-") else text + "\n"
    if len(certain) != 1 or re.search(r"[%\\]", certain[0].removesuffix("\\n")):
        return None
    return certain[0].removesuffix("\\n") + ("\n" if certain[0].endswith("\\n") else "")
