"""`moothall approvals` and `moothall policy`, against a server in a process of its own."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys

import pytest
import trio

from transport.client import connect

RULES = '[[tool]]\nid = "mine.deploy"\nreason = "fine"\nverdict = "allow"\ntools = ["deploy"]\n'


async def moothall(*arguments, env):
    done = await trio.run_process(
        [sys.executable, "-m", "transport.cli.main", *map(str, arguments)],
        capture_stdout=True, capture_stderr=True, check=False, env=env,
    )  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.slow
async def test_an_approval_and_an_activation_from_the_command_line(server, tmp_path, plain_environment):
    url = await server.start()
    agent = server.token("scout")
    admin_file = server.data / "admin.token"
    reach = ("--url", url, "--token-file", admin_file)
    env = plain_environment
    given = {}

    async def ask():
        async with connect(url, token=agent) as hall:
            given["verdict"] = await hall.validate("deploy", {"to": "production"}, wait_s=60)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        listed = ""
        with trio.fail_after(60):
            while not listed:
                code, listed, _ = await moothall("approvals", "list", "--json", *reach, env=env)
        pending = json.loads(listed)
        assert (code, pending["tool"], pending["agent"]) == (0, "deploy", "scout")
        code, out, _ = await moothall("approvals", "approve", pending["id"], "--reason", "go", *reach, env=env)
        assert (code, out.startswith("allow: allowed by ")) == (0, True)
    assert given["verdict"].verdict == "allow"
    code, _, error = await moothall("approvals", "deny", pending["id"], *reach, env=env)
    assert (code, "pending" in error) == (1, True)

    agent_file = tmp_path / "agent.token"
    agent_file.write_text(agent)
    code, _, error = await moothall("approvals", "list", "--url", url, "--token-file", agent_file, env=env)
    assert (code, error) == (
        1,
        "moothall: the role 'agent' may not decide; ask an admin for another token (forbidden)\n",
    )

    rules = tmp_path / "rules.toml"
    rules.write_text(RULES)
    code, out, _ = await moothall("policy", "replay", rules, "--json", *reach, env=env)
    changes = json.loads(out)["changes"]
    assert (code, [(each["before"], each["after"]) for each in changes]) == (0, [("ask", "allow")])
    code, _, error = await moothall("policy", "activate", rules, "--sha256", "0" * 64, *reach, env=env)
    assert (code, "has the hash" in error) == (1, True)
    good = hashlib.sha256(RULES.encode()).hexdigest()
    code, out, _ = await moothall("policy", "activate", rules, "--sha256", good, *reach, env=env)
    assert (code, good in out) == (0, True)
    rules.write_text(RULES.replace("allow", "deny"))  # the file plays no part any more
    async with connect(url, token=agent) as hall:
        assert (await hall.validate("deploy", {"to": "production"})).verdict == "allow"
    assert await server.end() == 0


@pytest.mark.slow
async def test_a_rule_is_shown_remembered_listed_and_forgotten_from_the_command_line(server, plain_environment):
    url, env = await server.start(), plain_environment
    agent = server.token("scout")
    reach = ("--url", url, "--token-file", server.data / "admin.token")
    async with connect(url, token=agent) as hall:
        frob = {"command": "frob deploy web.toml"}
        waiting = await hall.validate("Bash", frob, cwd="/p")
        code, out, _ = await moothall("approvals", "show", waiting.approval.id, "--json", *reach, env=env)
        assert (code, json.loads(out)["input"], json.loads(out)["whole"]) == (0, frob, True)
        code, out, error = await moothall("approvals", "show", "nonsense", *reach, env=env)
        assert (code, out, "no approval 'nonsense' is pending" in error) == (1, "", True)
        rule = ("approvals", "approve", waiting.approval.id, "--remember", "rule", *reach)
        code, out, error = await moothall(*rule, "--json", env=env)
        assert (code, json.loads(out)["verdict"], "`frob deploy sub/other.txt`" in error) == (0, "allow", True)
        assert (await hall.validate("Bash", {"command": "frob deploy db.toml"}, cwd="/p")).verdict == "allow"
        code, out, _ = await moothall("policy", "remembered", "--json", *reach, env=env)
        kept = json.loads(out)
        assert (kept["approval"], kept["action"]) == (waiting.approval.id, ["bash", "/p", frob])
        code, out, _ = await moothall("policy", "remembered", *reach, env=env)
        assert (code, "`frob deploy sub/other.txt`" in out, "asked by scout" in out) == (0, True, True)
        code, _, _ = await moothall("policy", "forget", f"remembered.{kept['approval']}", *reach, env=env)
        assert (code, (await hall.validate("Bash", frob, cwd="/p")).verdict) == (0, "ask")
    assert await server.end() == 0


def test_an_import_prints_rules_and_names_what_it_leaves_out(tmp_path, plain_environment):
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"permissions": {"allow": ["Bash(frob run:*)", "Bash(*)"]}}))
    done = subprocess.run(
        [sys.executable, "-m", "transport.cli.main", "policy", "import", "claude-settings", settings],
        capture_output=True, text=True, check=False, env=plain_environment,
    )  # fmt: skip
    assert done.returncode == 0
    assert 'argv = ["frob","run"]' in done.stdout
    assert "not carried over: allow: Bash(*)" in done.stderr
