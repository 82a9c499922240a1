"""Decisions that hold from now on: for one action or a rule made of it; they answer an `ask` and nothing else."""

from __future__ import annotations

import hashlib
import itertools

import msgspec
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.desk.gate import Call, Caller, Refusal
from actors.session.messages import Principal
from actors.speed_layer.governing.command_patterns import NotGeneral, Pattern, covers, described, examples, generalised
from actors.speed_layer.governing.remembered_decisions import Remembered, RememberedDecisions
from actors.speed_layer.policy.canonical_request import request_hash
from actors.speed_layer.policy.engine import Policy, PolicySource, Request, packs

CWD = "/home/dev/project"
CHIEF = Caller(Principal("chief", "admin"), 90)
SAGE = Caller(Principal("sage", "expert"), 91)
DENIES = '[[command]]\nid = "mine.prod"\nreason = "frozen"\nverdict = "deny"\nargv = ["frob", "deploy", "prod.toml"]\n'


def bash(command, cwd=CWD):
    return Call("Bash", {"command": command}, cwd)


def request(command, cwd=CWD, role="agent"):
    return Request("Bash", {"command": command}, cwd, role)


def plain(policy, command):
    return policy.plain_command(request(command), policy.judge(request(command)))


async def ask(world, caller, call):
    (verdict,) = await world.gate.validate(caller, [call])
    return verdict


async def decide(world, caller, command, decision="allow", remember="rule"):
    """Have a command decided that the caller asks for; returns the approval's name."""
    waiting = await ask(world, caller, bash(command))
    await world.gate.decide(CHIEF, waiting.approval.id, decision, "why", remember)
    return waiting.approval.id


def test_what_names_no_directory_is_no_rule(policy):
    for cwd in (None, "project"):
        with pytest.raises(NotGeneral, match="no directory"):
            generalised(policy, Request("Bash", {"command": "frob deploy a.toml"}, cwd))


@pytest.mark.parametrize("remember", ["exact", "rule"])
async def test_what_names_no_directory_is_decided_for_once_and_not_remembered(autojump_clock, world, scout, remember):
    waiting = await ask(world, scout, bash("frob deploy web.toml", None))
    with pytest.raises(Refusal, match="no directory") as caught:
        await world.gate.decide(CHIEF, waiting.approval.id, "allow", "", remember)
    assert caught.value.code == "invalid"
    assert (await world.gate.decide(CHIEF, waiting.approval.id, "allow")).verdict == "allow"


def test_a_decision_of_old_without_a_directory_answers_nothing_any_more(policy):
    asked = Request("deploy", {"x": 1}, None)
    old = Remembered("a1", "agent", request_hash(asked.tool, asked.input, None), "allow", "b", "")
    assert RememberedDecisions([old]).on(asked, policy) is None


async def test_a_rule_is_shown_before_it_is_remembered_and_decides_commands_like_it_after_a_restart_too(
    autojump_clock, make_world, scout, rover
):
    world = make_world()
    async with world.open():
        waiting = await ask(world, scout, bash("frob deploy staging.toml --fast"))
        shown = await world.gate.propose_rule(CHIEF, waiting.approval.id)
        assert shown == (
            f"`frob deploy [--fast] ...` with files of it in {CWD}, where no rule decides and nothing else does; "
            "such as `frob deploy other.txt`, `frob deploy other.txt sub/other.txt`, `frob deploy sub/other.txt --fast`"
        )
        told = await world.gate.decide(CHIEF, waiting.approval.id, "allow", "", "rule")
        assert (told.verdict, told.policy == world.views.policy != waiting.policy) == ("allow", True)
        assert shown.split("; such as")[0] in told.reason
    world = make_world(log=world.log)
    async with world.open():
        assert world.views.policy == told.policy
        verdict = await ask(world, rover, bash("frob deploy web.toml x/db --fast"))
        assert (verdict.verdict, verdict.rule) == ("allow", f"remembered.{waiting.approval.id}")
        await trio.testing.wait_all_tasks_blocked()
        assert (await ask(world, rover, bash("frob deploy web.toml x/db --fast"))).cached
        for call in (
            bash("frob scale web.toml"),
            bash("frob deploy --slow web.toml"),
            bash("frob deploy web.toml", "/tmp"),
        ):
            assert (await ask(world, rover, call)).verdict == "ask"
        assert (await ask(world, Caller(Principal("x", "expert"), 5), bash("frob deploy web.toml"))).verdict == "ask"


async def test_a_remembered_rule_answers_who_waits_with_commands_that_it_covers(autojump_clock, world, scout, rover):
    async with trio.open_nursery() as nursery:
        given = []

        async def wait():
            given.extend(await world.gate.validate(rover, [bash("frob deploy web.toml")], 60.0))

        nursery.start_soon(wait)
        await trio.sleep(1.0)
        approval = await decide(world, scout, "frob deploy db.toml")
    assert (given[0].verdict, given[0].rule) == ("allow", f"remembered.{approval}")
    assert (await world.gate.pending_approvals(SAGE)).approvals == []


async def test_a_remembered_rule_never_answers_a_deny(autojump_clock, world, scout):
    await decide(world, scout, "frob deploy web.toml")
    hashed = hashlib.sha256(DENIES.encode()).hexdigest()
    await world.gate.activate_policy(CHIEF, "mine.toml", DENIES, hashed, "project")
    assert (await ask(world, scout, bash("frob deploy prod.toml"))).verdict == "deny"
    assert (await ask(world, scout, bash("frob deploy db.toml"))).verdict == "allow"


async def test_a_denial_is_remembered_as_a_rule_too_and_the_strictest_decision_holds(autojump_clock, world, scout):
    await decide(world, scout, "frob deploy db.toml", "allow", "exact")
    await decide(world, scout, "frob deploy web.toml", "deny", "rule")
    for command in ("frob deploy web.toml", "frob deploy db.toml", "frob deploy x.toml"):
        assert (await ask(world, scout, bash(command))).verdict == "deny"


@pytest.mark.parametrize("remember", ["exact", "rule"])
async def test_what_is_forgotten_is_asked_again_after_a_restart_too(autojump_clock, make_world, scout, remember):
    world = make_world()
    async with world.open():
        before = world.views.policy
        approval = await decide(world, scout, "frob deploy web.toml", remember=remember)
        assert (await ask(world, scout, bash("frob deploy web.toml"))).verdict == "allow"
        assert await world.gate.forget_decision(CHIEF, approval) == before
        assert (await ask(world, scout, bash("frob deploy web.toml"))).verdict == "ask"
        with pytest.raises(Refusal, match="nothing is remembered") as caught:
            await world.gate.forget_decision(CHIEF, approval)
        assert caught.value.code == "invalid"
    world = make_world(log=world.log)
    async with world.open():
        assert world.views.policy == before
        assert (await ask(world, scout, bash("frob deploy web.toml"))).verdict == "ask"


async def test_only_an_admin_makes_a_rule_and_forgets(autojump_clock, world, scout):
    waiting = await ask(world, scout, bash("frob deploy web.toml"))
    for attempt in (
        lambda: world.gate.decide(SAGE, waiting.approval.id, "allow", "", "rule"),
        lambda: world.gate.propose_rule(SAGE, waiting.approval.id),
        lambda: world.gate.forget_decision(SAGE, waiting.approval.id),
    ):
        with pytest.raises(Refusal) as caught:
            await attempt()
        assert caught.value.code == "forbidden"
    assert len((await world.gate.pending_approvals(SAGE)).approvals) == 1


async def test_what_cannot_be_a_rule_stays_pending_and_says_why(autojump_clock, world, scout):
    for call in (Call("deploy", {"to": "x"}, CWD), bash("frob"), bash("frob x > y"), bash("frob a; frob b")):
        waiting = await ask(world, scout, call)
        for attempt in (
            lambda: world.gate.decide(CHIEF, waiting.approval.id, "allow", "", "rule"),  # noqa: B023 - awaited at once
            lambda: world.gate.propose_rule(CHIEF, waiting.approval.id),  # noqa: B023 - likewise
        ):
            with pytest.raises(Refusal, match="remember it as `exact`"):
                await attempt()
        assert (await world.gate.decide(CHIEF, waiting.approval.id, "allow", "", "exact")).verdict == "allow"


def running(digest, command="sh ./deploy.sh"):
    return Call("Bash", {"command": command}, CWD, {f"{CWD}/deploy.sh": digest})


async def test_an_approval_of_a_script_holds_for_its_content_alone(autojump_clock, make_world, scout, rover):
    world = make_world()
    async with world.open():
        waiting = await ask(world, scout, running("a" * 64))
        (pending,) = (await world.gate.pending_approvals(CHIEF)).approvals
        assert pending.scripts == {f"{CWD}/deploy.sh": "a" * 64}
        await world.gate.decide(CHIEF, waiting.approval.id, "allow")
        assert (await ask(world, scout, running("b" * 64))).verdict == "ask"
        assert (await ask(world, scout, bash("sh ./deploy.sh"))).verdict == "ask"
        assert (await ask(world, scout, running("a" * 64))).verdict == "allow"
    world = make_world(log=world.log)
    async with world.open():
        waiting = await ask(world, rover, running("c" * 64))
        await world.gate.decide(CHIEF, waiting.approval.id, "allow", "", "exact")
    world = make_world(log=world.log)
    async with world.open():
        assert (await ask(world, scout, running("c" * 64))).verdict == "allow"
        for other in (running("b" * 64), running(None), bash("sh ./deploy.sh")):
            assert (await ask(world, scout, other)).verdict == "ask"


async def test_what_is_pending_is_bound_to_the_content_after_a_restart_too(autojump_clock, make_world, scout):
    world = make_world()
    async with world.open():
        await ask(world, scout, running("a" * 64))
    world = make_world(log=world.log)
    async with world.open():
        (pending,) = (await world.gate.pending_approvals(CHIEF)).approvals
        assert pending.scripts == {f"{CWD}/deploy.sh": "a" * 64}
        await world.gate.decide(CHIEF, pending.id, "allow", "", "exact")
        assert (await ask(world, scout, running("a" * 64))).verdict == "allow"
        assert (await ask(world, scout, running("b" * 64))).verdict == "ask"


@pytest.mark.parametrize("remember", ["exact", "rule"])
async def test_what_runs_an_unread_file_is_decided_for_once(autojump_clock, world, scout, remember):
    waiting = await ask(world, scout, running(None))
    with pytest.raises(Refusal, match="could not be read"):
        await world.gate.decide(CHIEF, waiting.approval.id, "allow", "", remember)
    assert (await world.gate.decide(CHIEF, waiting.approval.id, "allow")).verdict == "allow"


def test_a_digest_allows_and_denies_nothing_by_itself(policy):
    for command in ("ls", "git status", "rm -rf /", "sh ./deploy.sh", "frob deploy a.txt"):
        plain = policy.decide(request(command))
        for digest in ("a" * 64, None):
            told = policy.decide(Request("Bash", {"command": command}, CWD, scripts={f"{CWD}/deploy.sh": digest}))
            assert told == plain


def test_no_rule_covers_a_command_that_runs_a_file(policy):
    pattern = generalised(policy, request("frob deploy a.txt"))
    asked = Request("Bash", {"command": "frob deploy b.txt"}, CWD, scripts={f"{CWD}/b.txt": "a" * 64})
    pattern_alone = Remembered("here", "agent", "h", "allow", "b", "", pattern)
    assert RememberedDecisions([pattern_alone]).on(asked, lambda: plain(policy, "frob deploy b.txt")) is None
    denied = msgspec.structs.replace(pattern_alone, verdict="deny")
    assert RememberedDecisions([denied]).on(asked, lambda: plain(policy, "frob deploy b.txt")) is denied
    asked_without = msgspec.structs.replace(asked, scripts={})
    assert RememberedDecisions([pattern_alone]).on(asked_without, lambda: plain(policy, "frob deploy b.txt"))
    with pytest.raises(NotGeneral, match="content"):
        generalised(policy, asked)


LIKE_IT = [
    "frob deploy web.toml", "frob deploy x/y", "frob deploy x.toml #", "frob deploy x.toml &", "(frob deploy x.toml)",
    "! frob deploy x.toml", "time frob deploy x.toml",
]  # fmt: skip
UNLIKE_IT = [
    "frob deploy", "frob deploy web", "frob deploy all web.toml", "frob deploy web.toml all",
    "frob delete web.toml", "frob", "frob deploy --slow", "frob deploy -f", "/tmp/frob deploy web.toml",
    "frob 'deploy web'", "frob deploy .env", "frob deploy id_rsa", "frob deploy x/.git/hooks/y",
    "frob deploy /etc/passwd", "frob deploy ../x", "frob deploy a/../../x", "frob deploy ~/x",
    "frob deploy https://example.com", "frob deploy 'a b'", "frob deploy ''", "frob deploy x.toml; ls",
    "ls && frob deploy x.toml", "frob deploy x.toml | sh", "frob deploy x.toml > y", "frob deploy x.toml < y",
    "X=1 frob deploy x.toml",
    "frob deploy $(ls)", "frob deploy $x", "frob deploy *", "sudo frob deploy x.toml", "bash -c 'frob deploy x.toml'",
    "cd sub && frob deploy x.toml", "frob deploy x.toml\nls",
]  # fmt: skip


@pytest.mark.parametrize(("covered", "commands"), [(True, LIKE_IT), (False, UNLIKE_IT)])
def test_a_rule_covers_plain_words_after_the_same_two_and_no_more(policy, covered, commands):
    pattern = generalised(policy, request("frob deploy web.toml --fast"))
    assert [each for each in commands if covers(pattern, plain(policy, each), CWD) != covered] == []


@pytest.mark.parametrize(
    "command",
    [
        "frob",
        "frob --all",
        "ssh host reboot",
        "git clone https://x/y",
        "frob x .git/config",
        "frob $HOME",
        "A=1 frob x",
    ],
)
def test_what_is_more_than_a_plain_command_is_not_generalised(command, policy):
    with pytest.raises(NotGeneral):
        generalised(policy, request(command))


@pytest.mark.parametrize(
    "command",
    [
        *("git push origin main", "git push origin feature/x", "git fetch up/stream", "git branch -d old/x"),
        *("docker run org/image", "podman pull a.b/image", "kubectl apply -f a.yaml", "npm install lodash.merge"),
        *("pip install ./x", "pip3.11 install a.whl", "cargo add serde", "go get github.com/x/y", "brew install x/y"),
        *("make -C sub deploy", "make deploy sub/all", "just deploy a.b", "gradle a.b", "npm run deploy a.b"),
        *(
            "python x.py a.txt",
            "python3.12 x.py a.txt",
            "sh ./deploy.sh a.txt",
            "./deploy.sh a.txt",
            "bin/frob x a.txt",
        ),
        *("gh", "gh pr", "gh pr 12", "gh --repo o/r pr create", "gh pr checkout 12", "gh repo clone o/r", "gh api x/y"),
        *("frob", "frob deploy", "frob deploy web", "frob a b c d", "frob -C sub deploy.txt", "frob pull org/image"),
        *("frob install x/y", "frob pr 12", "frob a.txt", "frob --all a.txt"),
    ],
)
def test_no_rule_is_made_that_would_leave_a_verb_an_image_a_package_a_branch_or_a_script_open(policy, command):
    with pytest.raises(NotGeneral):
        generalised(policy, request(command))


@pytest.mark.parametrize(
    ("decided", "covered", "uncovered"),
    [
        (
            "gh pr create --title x",
            ["gh pr create", "gh pr create --title x", "gh pr create a"],
            ["gh pr close 1", "gh pr", "gh issue create", "gh pr create --title y", "gh pr create --repo o/r"],
        ),
        (
            "frob deploy a.toml --to prod",
            ["frob deploy b.toml", "frob deploy sub/x --to prod"],
            ["frob deploy a.toml --to test", "frob deploy --to a.toml", "frob a.toml deploy", "frob deploy a.toml x"],
        ),
    ],
)
def test_a_rule_holds_the_whole_verb_and_the_values_of_options(policy, decided, covered, uncovered):
    pattern = generalised(policy, request(decided))
    assert [each for each in covered if not covers(pattern, plain(policy, each), CWD)] == []
    assert [each for each in uncovered if covers(pattern, plain(policy, each), CWD)] == []


@pytest.mark.parametrize("argv", [("git", "push"), ("gh", "pr"), ("frob", "pull"), ("make", "deploy"), ("./x.sh", "a")])
def test_a_rule_of_old_that_says_too_little_covers_nothing_any_more_and_says_so(policy, argv):
    old = Pattern(argv, (), CWD, None)
    assert not covers(old, plain(policy, " ".join([*argv, "a.txt"])), CWD)
    assert examples(old) == []
    assert "no command any more" in described(old)


@pytest.mark.parametrize(
    "decided", ["gh pr create --title x", "gh issue comment 12", "frob deploy a.toml --to prod -v"]
)
def test_the_three_commands_that_are_shown_are_ones_that_the_rule_allows(policy, decided):
    pattern = generalised(policy, request(decided))
    shown = [" ".join(words) for words in examples(pattern)]
    assert len(set(shown)) == 3
    assert [each for each in shown if not covers(pattern, plain(policy, each), CWD)] == []
    assert all(f"`{each}`" in described(pattern) for each in shown)


def test_a_rule_answers_the_question_that_was_put_and_no_other():
    rules = (
        '[[command]]\nid = "mine.push"\nreason = "r"\nverdict = "ask"\nargv = ["frob", "send"]\n'
        '[[command]]\nid = "mine.prod"\nreason = "r"\nverdict = "ask"\nargv = ["frob", "send"]\nwords = ["^prod"]\n'
    )
    policy = Policy.load([*packs(), PolicySource("mine.toml", rules)], check_examples=False)
    pattern = generalised(policy, request("frob send web.toml"))
    assert pattern.rule == "mine.push"
    assert covers(pattern, plain(policy, "frob send db.toml"), CWD)
    assert not covers(pattern, plain(policy, "frob send prod.toml"), CWD)  # another rule asks too
    assert not covers(pattern, plain(Policy.default(), "frob send db.toml"), CWD)  # that rule no longer asks


WORDS = st.sampled_from(
    [
        "web",
        "x/y",
        "--fast",
        "-f",
        "..",
        "a/../b",
        "/etc",
        "~",
        "$x",
        "*",
        ";",
        "&&",
        "ls",
        "'a b'",
        ">",
        "y",
        ".env",
        "x=1",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS, max_size=5), st.lists(WORDS, max_size=5))
def test_whatever_is_covered_is_one_command_with_the_same_beginning_that_the_rules_ask_about(decided, asked):
    policy = Policy.default()
    try:
        pattern = generalised(policy, request(" ".join(["frob", *decided])))
    except NotGeneral:
        return
    assert covers(pattern, plain(policy, " ".join(["frob", *decided])), CWD)
    other = request(" ".join(["frob", *asked]))
    if covers(pattern, plain(policy, " ".join(["frob", *asked])), CWD):
        explained = policy.explain(other)
        assert (explained.ruling.verdict, explained.unproved) == ("ask", [])
        (words,) = explained.commands
        assert tuple(words[: len(pattern.argv)]) == pattern.argv
        decided_so = {word for option in pattern.options for word in option.split(" ")}  # as it stood in the decision
        free = [word for word in words[len(pattern.argv) :] if word not in decided_so]
        assert not any(".." in word or word[0] in "/~" or "=" in word for word in free)


def remembered(name, request_hash="h", verdict="allow"):
    return Remembered(approval=name, role="agent", request=request_hash, verdict=verdict, by="b", reason="")


@given(st.permutations(range(4)))
def test_the_same_decisions_in_any_order_are_the_same_policy(order):
    decisions = [remembered(f"a{n}", f"h{n}") for n in range(4)]
    assert RememberedDecisions(decisions[n] for n in order).content() == RememberedDecisions(decisions).content()


def test_of_two_decisions_on_one_action_the_later_one_holds_and_is_the_one_to_forget():
    later = RememberedDecisions([remembered("a1"), remembered("a2", verdict="deny")])
    assert [each.approval for each in later.listed()] == ["a2"]
    assert not later.without("a2")
    assert list(itertools.chain(later.without("a1").listed())) == later.listed()
