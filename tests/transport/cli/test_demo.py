"""The demo ends well on its own sample, and badly where verdicts contradict the labels."""

from __future__ import annotations

import json
import sys

import pytest
import trio

pytestmark = pytest.mark.slow


async def demo(environment, *arguments):
    done = await trio.run_process(
        [sys.executable, "-m", "transport.cli.main", "demo", "--json", *map(str, arguments)],
        env=environment,
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout or b"null"), done.stderr.decode()


async def test_the_demo_ends_well_on_the_sample_that_ships(plain_environment):
    code, result, shown = await demo(plain_environment)
    assert code == 0, shown
    assert (result["event"], result["agents"], result["verified"]) == ("done", 8, True)
    assert result["events"] > sum(result["verdicts"].values())  # one for each verdict, and those of the sessions
    assert result["cache_hits"] > 0
    assert set(result["latency_us"]) == {"append_events", "query_events", "validate"}
    assert "allow" not in result["labels"]["destructive"]
    assert "allow" not in result["labels"]["risky"]
    assert "deny" not in result["labels"]["safe"]
    assert "the log verifies" in shown


async def test_a_verdict_that_contradicts_its_label_fails_the_demo_and_is_named(plain_environment, tmp_path):
    rows = [{"command": "rm -rf /", "label": "safe"}, {"command": "git status", "label": "risky"}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    code, _, shown = await demo(plain_environment, "--commands", tmp_path / "rows.jsonl")
    assert code == 1
    assert "safe, but deny: 'rm -rf /'" in shown
    assert "risky, but allow: 'git status'" in shown


async def test_a_row_that_is_none_is_named_by_its_line(plain_environment, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"command": "ls"}\n{"cmd": "ls"}\n')
    code, _, shown = await demo(plain_environment, "--commands", tmp_path / "rows.jsonl")
    assert code == 2
    assert "rows.jsonl:2" in shown
