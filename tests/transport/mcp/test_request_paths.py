"""The paths of a request to judge: what is no path is refused before anybody judges, keeps or shows it."""

from __future__ import annotations

import posixpath
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.desk.gate import Refusal
from transport.mcp.tool_calls import converted
from transport.mcp.tools.toolset import TOOLS

LIST = {"tool": "Bash", "input": {"command": "ls"}}
NOT_NORMAL = ["", "work", "~/work", "/work/", "//work", "/a//b", "/a/./b", "/a/..", "/work/../etc", "/."]
WITH_CONTROLS = ["/work\n", "/work\nb2  rover (admin)", "/w\x1b[2Kork", "/w\x9b1A", "/w\x7f", "/w\u2028x", "/w\x00"]
TOO_LONG = ["/" + "a" * 4096, "/" + "ü" * 2048]
ASKS = ["validate", "validate_batch", "explain"]


def arguments_of(tool: str, call: dict[str, Any]) -> dict[str, Any]:
    return {"requests": [LIST, call]} if tool == "validate_batch" else call


async def refused(running: Any, tool: str, call: dict[str, Any]) -> str:
    raw = await running.raw()
    await raw.call(1, tool, arguments_of(tool, call))
    result = (await raw.message())["result"]
    assert result["isError"]
    return result["structuredContent"]["error"]["code"]


@pytest.mark.parametrize("tool", ASKS)
@pytest.mark.parametrize("cwd", [*NOT_NORMAL, *WITH_CONTROLS, *TOO_LONG], ids=lambda cwd: repr(cwd)[:20])
async def test_a_directory_that_is_no_absolute_normal_path_is_invalid(front, autojump_clock, tool: str, cwd: str):
    async with front() as running:
        assert await refused(running, tool, {**LIST, "cwd": cwd}) == "invalid"


@pytest.mark.parametrize("tool", ASKS)
@pytest.mark.parametrize("name", ["file_path", "notebook_path", "path"])
async def test_a_path_beyond_4096_bytes_is_invalid(front, autojump_clock, tool: str, name: str):
    async with front() as running:
        for path in ("x" * 4097, "ü" * 2049):
            assert await refused(running, tool, {"tool": "Read", "input": {name: path}}) == "invalid"


DIGEST = "a" * 64
BAD_SCRIPTS = [
    *({path: DIGEST} for path in (*NOT_NORMAL, *WITH_CONTROLS, *TOO_LONG)),
    *({"/x": digest} for digest in ("", "a" * 63, "A" * 64, "g" * 64, 1)),
    {f"/{number}": DIGEST for number in range(17)},
    ["/x"],
]


@pytest.mark.parametrize("tool", ASKS)
@pytest.mark.parametrize("scripts", BAD_SCRIPTS, ids=lambda scripts: repr(scripts)[:20])
async def test_scripts_are_few_digests_by_absolute_normal_paths(front, autojump_clock, tool: str, scripts: Any):
    async with front() as running:
        assert await refused(running, tool, {**LIST, "scripts": scripts}) == "invalid"


PARTS = st.sampled_from(["a", ".", "..", "", ".git", "...", "..a", "ü", "x y", "\u202e", "-", "\\"])


@given(st.lists(PARTS, max_size=5).map("/".join))
@example("/")
@example("//")
@example("/" + "a/" * 2047 + "b")
def test_every_absolute_normal_path_is_taken_and_no_other(path: str):
    normal = path.startswith("/") and not path.startswith("//") and posixpath.normpath(path) == path
    try:
        taken = converted(TOOLS["validate"].arguments, {**LIST, "cwd": path})
    except Refusal:
        taken = None
    assert (taken is not None) == normal
