"""`moothall bench` against a running hall."""

from __future__ import annotations

import hashlib
import json

ASK_FIRST = '[[command]]\nid = "mine.ask"\nreason = "a person decides"\nverdict = "ask"\nargv = ["git", "status"]\n'
FIELDS = {"suite", "work", "subject", "value", "unit", "better", "durability", "spread", "runs"}
CALLS = (
    "health", "validate, cached", "validate, not cached", "append_events, 1 event", "query_events, the newest 100",
)  # fmt: skip


async def test_a_running_hall_is_measured_line_by_line(project):
    code, out, err = await project("bench", "--count", "2", "--json")
    assert (code, err) == (0, "")
    conditions, *figures = map(json.loads, out.splitlines())
    assert set(conditions) == {"machine", "version", "revision"}
    assert [figure["work"] for figure in figures] == [
        f"{call}, {what}" for call in CALLS for what in ("p50", "p99", "32 in flight")
    ]
    for figure in figures:
        low, high = figure["spread"]
        assert set(figure) == FIELDS
        assert (figure["suite"], figure["subject"], figure["runs"]) == ("running", "moothall", 5)
        assert 0 < low <= figure["value"] <= high
        assert (figure["unit"], figure["better"]) in {("us", "lower"), ("calls/s", "higher")}


async def test_it_appends_to_the_callers_own_stream_and_leaves_nothing_to_be_decided(project):
    code, out, _ = await project("bench", "--count", "1")
    assert code == 0
    assert [line.strip().startswith(call) for line, call in zip(out.splitlines()[1:], CALLS, strict=True)] == [True] * 5
    _, out, _ = await project("events", "query", "--type", "bench", "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert {event["stream"] for event in events} == {"agent/agent"}
    assert len(events) == 31
    code, out, err = await project("approvals", "list", "--token-file", project.data / "admin.token")
    assert (code, out, err) == (0, "", "nothing waits for a decision\n")


async def test_what_a_token_may_not_do_is_left_out_and_that_is_said(project):
    _, token, _ = await project("agent", "add", "scout", "--role", "observer")
    project.environment["MOOTHALL_TOKEN"] = token.strip()
    code, out, err = await project("bench", "--count", "1", "--json")
    assert code == 0
    assert {json.loads(line)["work"].partition(",")[0] for line in out.splitlines()[1:]} == {"health", "query_events"}
    assert [line.split(": ")[1:] for line in err.splitlines()] == [
        [call, f"not measured, the role 'observer' may not {what}; ask an admin for another token"]
        for call, what in zip(CALLS[1:4], ("validate", "validate", "append"), strict=True)
    ]


async def test_where_a_person_decides_verdicts_are_not_measured_and_nobody_is_asked(project, tmp_path):
    admin = ("--token-file", project.data / "admin.token")
    (tmp_path / "rules.toml").write_text(ASK_FIRST)
    sha256 = hashlib.sha256(ASK_FIRST.encode()).hexdigest()
    assert (await project("policy", "activate", tmp_path / "rules.toml", "--sha256", sha256, *admin))[0] == 0
    code, out, err = await project("bench", "--count", "1", "--json")
    assert (code, "validate" in out) == (0, False)
    assert err.count("the policy asks a person about `git status`") == 2
    assert (await project("approvals", "list", *admin))[1] == ""


async def test_a_count_without_end_is_a_wrong_use_and_no_hall_is_not_reached(checkout):
    assert (await checkout("bench", "--count", "10001"))[0] == 2
    code, _, err = await checkout("bench")
    assert code == 3
    assert "moothall serve" in err
