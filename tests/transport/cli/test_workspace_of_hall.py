"""The workspace of a server: the checkout it was started in, its worktrees, or what `--workspace` says."""

from __future__ import annotations

import subprocess

import pytest
import trio

from transport.cli.server.follow_workspaces import LOOK_S
from transport.client import connect


async def verdict(server, tool, given, cwd):
    async with connect(server.ready["ws"], token=server.token("scout")) as hall:
        return (await hall.validate(tool, given, cwd=str(cwd))).verdict


def git(folder, *words):
    command = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@x", *words]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("told", [True, False])
async def test_an_agent_in_a_subfolder_may_work_on_its_project_and_one_elsewhere_is_asked_about(checkout, server, told):
    project = checkout.project.resolve()
    if told:
        await server.start("--workspace", str(project))
    else:
        await server.start(cwd=project)
    line = {"command": "cp ../README.md . && make test"}
    assert await verdict(server, "Bash", line, project / "src") == "allow"
    assert await verdict(server, "Bash", line, project.parent / "other") == "ask"


async def test_a_new_worktree_becomes_a_workspace_and_its_verdicts_are_replayed_as_they_were(checkout, server):
    project = checkout.project.resolve()
    git(project, "commit", "--allow-empty", "-qm", "x")
    await server.start(cwd=project)
    beside = project.parent / "beside"
    assert await verdict(server, "Bash", {"command": "make test"}, beside) == "ask"
    git(project, "worktree", "add", "-q", str(beside))
    with trio.fail_after(10 * LOOK_S):
        while await verdict(server, "Bash", {"command": "make test"}, beside) == "ask":
            pass
    rules = project.parent / "rules.toml"
    rules.write_text("")
    admin = server.data / "admin.token"
    code, out, err = await checkout("policy", "replay", rules, "--token-file", admin, "--json")
    assert (code, err) == (0, "")
    assert "make test" not in out


async def test_a_workspace_that_is_not_there_is_refused(server, tmp_path):
    assert await server.start("--workspace", str(tmp_path / "none")) is None
    assert "none, the workspace, is no directory" in server.log_path.read_text()
