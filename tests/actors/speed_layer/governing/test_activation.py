"""Which policy governs: activated by its text, kept in the log, reloaded without a dropped request."""

from __future__ import annotations

import hashlib

import pytest
import trio
import trio.testing

from actors.desk.gate import Call, Caller, Refusal
from actors.session.messages import Principal
from actors.speed_layer.audit.buffer import AUDIT_STREAM
from actors.speed_layer.governing.activation import POLICY_ACTIVATED
from actors.speed_layer.governing.governing_policy import GoverningPolicy
from actors.speed_layer.governing.remembered_decisions import POLICY_STREAM
from actors.speed_layer.policy.claude_settings import import_settings
from actors.speed_layer.policy.engine import Policy, PolicySource, Request, packs
from actors.speed_layer.policy.loading.rule_examples import MAX_EXAMPLES
from actors.speed_layer.policy.loading.sources import MAX_BYTES
from actors.speed_layer.policy.replay import replay
from store import NewEvent

CHIEF = Caller(Principal("chief", "admin"), 90)
LIST = Call("Bash", {"command": "ls -la"}, "/home/dev/project")
DEPLOY = Call("deploy", {}, "/home/dev/project")
ALLOWS = '[[tool]]\nid = "mine.deploy"\nreason = "fine"\nverdict = "allow"\ntools = ["deploy"]\n'
TIGHTENS = '[[command]]\nid = "mine.ls"\nreason = "no"\nverdict = "deny"\nargv = ["ls"]\n'


async def activate(world, text, layer="project", sha256=None):
    hashed = hashlib.sha256(text.encode()).hexdigest() if sha256 is None else sha256
    return await world.gate.activate_policy(CHIEF, "mine.toml", text, hashed, layer)


async def verdict_of(world, caller, call):
    (verdict,) = await world.gate.validate(caller, [call])
    return verdict


async def test_an_activated_policy_governs_and_is_rebuilt_from_the_log(autojump_clock, make_world, scout):
    world = make_world()
    async with world.open():
        assert (await verdict_of(world, scout, DEPLOY)).verdict == "ask"
        version = await activate(world, ALLOWS)
        await activate(world, TIGHTENS, "organisation")
        assert (await verdict_of(world, scout, DEPLOY)).verdict == "allow"
    mine, other = world.log.query(stream="moothall/policy").events[-2:]
    assert (mine.data["layers"]["project"]["text"], mine.data["by"]) == (ALLOWS, "chief")
    assert {layer: each["text"] for layer, each in other.data["layers"].items()} == {"organisation": TIGHTENS}
    world = make_world(log=world.log)
    async with world.open():
        verdict = await verdict_of(world, scout, DEPLOY)
        assert (verdict.verdict, verdict.policy != version) == ("allow", True)
        assert (await verdict_of(world, scout, LIST)).verdict == "deny"
        await activate(world, "", "organisation")
        assert (await verdict_of(world, scout, LIST)).verdict == "allow"
        assert (await verdict_of(world, scout, DEPLOY)).policy == version


async def test_an_activated_policy_that_no_longer_loads_allows_nothing_degrades_health_and_stays_in_the_log(
    autojump_clock, make_world, scout
):
    wipe = Call("Bash", {"command": "rm -rf /"}, "/home/dev/project")
    world = make_world()
    async with world.open():
        asked = await verdict_of(world, scout, DEPLOY)
        await world.gate.decide(CHIEF, asked.approval.id, "allow", "", "exact")
        await activate(world, TIGHTENS)
        assert (await verdict_of(world, scout, LIST)).verdict == "deny"
        before = await verdict_of(world, scout, wipe)
    layers = {"project": {"name": "mine.toml", "sha256": "0" * 64, "text": "[[future]]\nid = 1\n"}}
    broken = NewEvent(type=POLICY_ACTIVATED, data={"version": "v", "by": "chief", "layers": layers})
    world.log.append([broken], stream=POLICY_STREAM)
    world = make_world(log=world.log)
    async with world.open():
        for call in (LIST, DEPLOY):  # neither the shipped policy nor what was remembered allows now
            verdict = await verdict_of(world, scout, call)
            assert (verdict.verdict, "is activated (mine.toml:1:" in verdict.reason) == ("ask", True)
        assert (await verdict_of(world, scout, wipe)).verdict == before.verdict == "deny"
        assert verdict.policy != before.policy
        await trio.sleep(2.0)
        health = world.gate.health()
        assert (health.status, health.components["speed_layer"].detail[:7]) == ("degraded", "policy:")
        assert world.log.query(stream=POLICY_STREAM, order="desc").events[0].data["version"] == "v"
        await activate(world, ALLOWS)
        assert (await verdict_of(world, scout, LIST)).verdict == "allow"
        await trio.sleep(2.0)
        assert world.gate.health().status == "ok"


async def test_a_start_with_the_rules_of_the_last_one_activates_nothing(autojump_clock, make_world, make_memory):
    log = make_memory()
    for text in ("", "", ALLOWS, ALLOWS, ALLOWS):
        async with make_world(log=log).open() as world:
            await trio.sleep(1.0)
            if text and world.views.policy == Policy.default().version:
                await activate(world, text)
            version = world.views.policy
    activated = [event.data["version"] for event in log.read() if event.type == POLICY_ACTIVATED]
    assert activated == [Policy.default().version, version]


def test_what_a_rule_decided_beside_an_approval_is_no_persons_decision():
    record = {"agent": "a", "role": "agent", "tool": "Bash", "input": {"command": "ls"}, "cwd": "/x", "whole": True}
    given = [("1", None, "x"), ("2", "files.ls", "x"), ("3", "remembered.x", None), ("4", None, None)]
    records = [
        {**record, "request": n, "verdict": "deny", "rule": rule, "approval": approval} for n, rule, approval in given
    ]
    changes = replay(records, Policy.default()).changes
    assert [(each.request, each.before) for each in changes] == [
        ("1", "ask"),
        ("2", "deny"),
        ("3", "ask"),
        ("4", "deny"),
    ]


def test_a_policy_that_allows_nothing_for_now_has_a_version_of_its_own(policy):
    versions = {
        GoverningPolicy(policy).version,
        GoverningPolicy(policy, withheld="x").version,
        GoverningPolicy(policy, withheld="y").version,
    }
    assert len(versions) == 3  # else what the cache knows would still be allowed


async def test_an_activation_under_load_drops_no_request_and_every_verdict_names_the_policy_it_is_of(
    autojump_clock, make_world
):
    async def slow(function):
        await trio.sleep(0.2)
        return function()

    async with make_world(run_sync=slow).open() as world:
        given, versions = [], {world.views.policy: "allow"}

        async def work(n):
            caller = Caller(Principal(f"agent-{n}", "agent"), n)
            for turn in range(40):
                fresh = Call("Bash", {"command": f"ls -la dir{n}x{turn}"}, LIST.cwd)
                given.extend(await world.gate.validate(caller, [LIST, fresh]))
                await trio.sleep(0.05)

        async with trio.open_nursery() as nursery:
            for n in range(50):
                nursery.start_soon(work, n)
            for text, verdict in ((TIGHTENS, "deny"), ("", "allow"), (TIGHTENS, "deny")):
                await trio.sleep(0.4)
                versions[await activate(world, text)] = verdict
        assert len(given) == 50 * 40 * 2
        assert {each.policy for each in given} == set(versions)
        assert all(each.verdict == versions[each.policy] for each in given)


@pytest.mark.parametrize("text", ["[[command", '[[tool]]\nid = "x"\n', ALLOWS + 'match = ["ls"]\n'])
async def test_a_policy_that_fails_to_load_leaves_the_old_one_active(autojump_clock, world, scout, text):
    version = await activate(world, ALLOWS)
    with pytest.raises(Refusal) as caught:
        await activate(world, text)
    assert (caught.value.code, "mine.toml:" in caught.value.message) == ("invalid", True)
    with pytest.raises(Refusal, match="another hash"):
        await activate(world, TIGHTENS, sha256="0" * 64)
    assert (await verdict_of(world, scout, DEPLOY)).policy == version == world.views.policy


async def test_an_activation_drops_no_request_and_changes_the_keys_of_what_is_cached(autojump_clock, make_world, scout):
    async def slow(function):
        await trio.sleep(0.5)
        return function()

    async with make_world(run_sync=slow).open() as world:
        given = []

        async def work():
            for _ in range(100):
                given.append((await verdict_of(world, scout, LIST)).verdict)
                await trio.sleep(0.05)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(work)
            await trio.sleep(1.0)
            await activate(world, TIGHTENS)
            until = len(given)
        assert len(given) == 100
        assert set(given[:until]) == {"allow"}
        assert set(given[until:]) == {"deny"}


async def test_replay_of_the_log_under_the_same_policy_changes_nothing_and_under_another_says_what(
    autojump_clock, make_world, scout
):
    async with make_world().open() as world:
        for call in (
            LIST,
            LIST,
            DEPLOY,
            Call("Bash", {"command": "rm -rf /"}),
            Call("Bash", {"command": "TOKEN=x y"}, "/p"),
        ):
            pending = await verdict_of(world, scout, call)
        await world.gate.decide(CHIEF, pending.approval.id, "allow", "", "exact")
        await verdict_of(world, scout, Call("Bash", {"command": "TOKEN=x y"}, "/p"))
        await trio.sleep(1.0)
        records = [event.data for event in world.log.query(stream=AUDIT_STREAM).events]
    same = replay(records, Policy.default())
    assert (same.judged, same.skipped, same.changes) == (4, 2, [])
    other = Policy.load([*packs(), PolicySource("mine.toml", ALLOWS + TIGHTENS)], check_examples=False)
    changes = [(each.before, each.after, each.rule, each.times) for each in replay(records, other).changes]
    assert changes == [("allow", "deny", "mine.ls", 2), ("ask", "allow", "mine.deploy", 1)]


SETTINGS = {
    "permissions": {
        "allow": ["Bash(frob run:*)", "Bash(frob list)", "WebFetch(domain:docs.example.com)", "mcp__git__status"],
        "ask": ["Bash(git push:*)", "mcp__jira"],
        "deny": ["Read(./.env)", "Read(.secret)", "Edit(/vendor/**)", "Bash(curl:*)", "Write(~/notes/**)"],
        "defaultMode": "acceptEdits",
    }
}


def test_claude_settings_become_rules_that_say_the_same():
    imported = import_settings(SETTINGS)
    policy = Policy.load([PolicySource("imported.toml", imported.text)])

    def verdict(tool, **arguments):
        return policy.decide(Request(tool, arguments, "/home/dev/project")).verdict

    assert verdict("Bash", command="frob run --fast x") == "allow"
    assert verdict("Bash", command="frob list") == "allow"
    assert verdict("Bash", command="frob list all") == "ask"
    assert verdict("Bash", command="curl https://example.com") == "deny"
    assert verdict("WebFetch", url="https://docs.example.com/x") == "allow"
    assert verdict("mcp__git__status") == "allow"
    assert verdict("Read", file_path="/home/dev/project/.env") == "deny"
    assert verdict("Read", file_path="/home/dev/project/deep/.secret") == "deny"
    assert verdict("Edit", file_path="/home/dev/project/vendor/x.py") == "deny"
    assert verdict("Write", file_path="/home/dev/notes/x") == "deny"
    assert imported.rules == 11
    assert imported.left_out == [("defaultMode", "is no rule")]


@pytest.mark.parametrize(
    "entry", ["Bash", "Bash(*)", "Bash(git * main)", "Bash(rm -rf:*)", "Bash(a && b)", "Task(x)", "???", "WebFetch(x)"]
)
def test_what_has_no_counterpart_is_named_and_never_widened(entry):
    imported = import_settings({"permissions": {"allow": [entry]}})
    assert (imported.rules, imported.text) == (0, "")
    assert imported.left_out[0][0] == f"allow: {entry}"


@pytest.mark.parametrize("settings", [{}, [], {"permissions": []}, None])
def test_what_is_no_settings_file_is_refused(settings):
    with pytest.raises(ValueError, match="permissions"):
        import_settings(settings)


LARGE = '[[tool]]\nid = "mine.{0}"\nreason = "{1}"\nverdict = "allow"\ntools = ["deploy"]\n'
DOUBLED = "".join(
    f'[[command]]\nid = "mine.{n}"\nreason = "r"\nverdict = "deny"\nargv = ["p", '
    + ", ".join('"b"' if place == n else '"a|b"' for place in range(24))
    + "]\n"
    for n in range(24)
)
HOSTILE = {
    "a byte too many": "#" * (MAX_BYTES + 1),
    "characters of many bytes": "#" + "é" * (MAX_BYTES // 2),
    "globs beyond the matcher": '[[path]]\nid = "x"\nreason = "r"\nread = "deny"\nglobs = ['
    + ", ".join(f'"**/a{n}/*"' for n in range(5000))
    + "]\n",
    "nesting beyond the compiler": TIGHTENS + 'words = ["(?=a)' + "(" * 3000 + "a" + ")" * 3000 + '"]\n',
    "nesting beyond the reader": "[[command]]\nargv = " + "[" * 3000 + "]" * 3000 + "\n",
    "alternatives that double": DOUBLED,
    "more examples than are tried": TIGHTENS + "match = [" + '"ls", ' * (MAX_EXAMPLES + 1) + "]\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_a_policy_that_is_too_much_is_refused_and_the_speed_layer_goes_on(autojump_clock, world, scout, text):
    with pytest.raises(Refusal, match=r"mine\.toml:\d+: ") as refused:
        await activate(world, text)
    assert refused.value.code == "invalid"
    assert world.crashes == []
    assert (await verdict_of(world, scout, LIST)).verdict == "allow"
    await activate(world, TIGHTENS)
    assert (await verdict_of(world, scout, LIST)).verdict == "deny"


async def test_the_refusal_of_a_layer_that_is_too_long_states_the_limit(autojump_clock, world):
    with pytest.raises(Refusal, match="it has 1,000,001 bytes, and a layer may have 1,000,000"):
        await activate(world, "#" * (MAX_BYTES + 1))


async def test_layers_that_together_are_more_than_one_event_holds_are_activated_and_found_again(
    autojump_clock, make_world, scout
):
    world = make_world()
    async with world.open():
        for number, layer in enumerate(("organisation", "project", "session")):
            text = LARGE.format(number, "x" * 900_000)
            version = await activate(world, text + "#" * (MAX_BYTES - len(text)), layer)
        assert world.crashes == []
    world = make_world(log=world.log)
    async with world.open():
        assert (await verdict_of(world, scout, DEPLOY)).policy == version
        await activate(world, TIGHTENS, "session")
        assert (await verdict_of(world, scout, DEPLOY)).rule == "mine.0"
    assert world.crashes == []


async def test_a_log_whose_events_hold_all_layers_is_read_as_before(autojump_clock, make_world, scout):
    world = make_world()
    layers = {
        "project": {"name": "mine.toml", "sha256": "0" * 64, "text": ALLOWS},
        "session": {"name": "other.toml", "sha256": "1" * 64, "text": TIGHTENS},
    }
    old = NewEvent(type=POLICY_ACTIVATED, data={"version": "v", "by": "chief", "layers": layers})
    world.log.append([old], stream=POLICY_STREAM)
    async with world.open():
        assert (await verdict_of(world, scout, DEPLOY)).verdict == "allow"
        await activate(world, "", "session")
        assert (await verdict_of(world, scout, LIST)).verdict == "allow"
        assert (await verdict_of(world, scout, DEPLOY)).verdict == "allow"


async def test_each_verdict_of_a_batch_says_which_version_gave_it(autojump_clock, world, scout):
    """One part was cached before a policy came, the other waited until that decided it."""
    before = (await verdict_of(world, scout, LIST)).policy
    await trio.testing.wait_all_tasks_blocked()
    given = []

    async def ask():
        given.extend(await world.gate.validate(scout, [LIST, DEPLOY], 600.0))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.sleep(1.0)
        after = await activate(world, ALLOWS)
    assert [(each.verdict, each.policy, each.cached) for each in given] == [
        ("allow", before, True), ("allow", after, False)
    ]  # fmt: skip
    assert before != after
