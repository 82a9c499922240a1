"""What an agent has written in one request is asked about when it runs it in another, until a person approves."""

from __future__ import annotations

import msgspec
import pytest
import trio

from actors.desk.gate import Call, Caller
from actors.session.messages import Principal
from actors.speed_layer.audit.verdict_events import VERDICT_GIVEN
from actors.speed_layer.call_and_verdict import Origin
from actors.speed_layer.policy.replay import replay
from actors.speed_layer.written import session_files, written_files
from actors.speed_layer.written.log_notes import MAX_CHARACTERS
from actors.speed_layer.written.session_files import Earlier
from actors.speed_layer.written.written_files import RULE, Notes, WrittenFiles

CWD = "/home/dev/project"
SCOUT = Caller(Principal("scout", "agent"), 1)
ROVER = Caller(Principal("rover", "agent"), 2)
SAGE = Caller(Principal("sage", "expert"), 3)
PATCH = "*** Begin Patch\n*** Add File: build.sh\n+make\n*** End Patch"
PACKAGE = '{"scripts": {"test": "true"}}'


def bash(line, **more):
    return Call("Bash", {"command": line}, CWD, **more)


def write(path="build.sh", content="make\n", **more):
    return Call("Write", {"file_path": path, "content": content}, CWD, **more)


def edit(path="build.sh", **more):
    return Call("Edit", {"file_path": path, "old_string": "a", "new_string": "b"}, CWD, **more)


def by_hook(call, session="s1", existing=None, number="t1"):
    return msgspec.structs.replace(call, origin=Origin(session, None, number), existing=existing)


async def ask(world, call, caller=SCOUT, wait_s=0.0):
    (verdict,) = await world.gate.validate(caller, [call], wait_s)
    return verdict


async def ask_later(world, call):
    await trio.sleep(0.1)  # until the cache has what was told it
    return await ask(world, call)


async def both(world, first, then, caller=SCOUT):
    assert (await ask(world, first, caller)).verdict == "allow"
    return await ask(world, then, caller)


def events(world, event_type=VERDICT_GIVEN):
    return [event.data for event in world.log.read() if event.type == event_type]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (write(), bash("sh build.sh")),
        (write(), bash("bash ./build.sh")),
        (write(f"{CWD}/build.sh"), bash("cd . && ./build.sh")),
        (write("scripts/test"), bash("./scripts/test -v")),
        (write("gen.py"), bash("python gen.py")),
        (write("Makefile"), bash("make")),
        (write("Makefile"), bash("make -j4 test")),
        (write("package.json", PACKAGE), bash("npm test")),
        (write("conftest.py"), bash("pytest -q")),
        (write("json.py"), bash("pytest")),
        (write("my.js"), bash("npx --no-install jest --config my.js")),
        (write("build.mk"), bash("make -f build.mk")),
        (write("scripts/check.py"), bash("pytest scripts/check.py")),
        (write("build.rs"), bash("cargo build")),
        (bash("cat > build.sh <<'E'\nmake\nE"), bash("sh build.sh")),
        (bash("echo make | tee build.sh"), bash("sh build.sh")),
        (bash("cp notes.txt build.sh"), bash("sh build.sh")),
        (bash("mv notes.txt build.sh"), bash("sh build.sh")),
        (bash("cp -r templates tools"), bash("sh tools/build.sh")),
        (Call("apply_patch", {"input": PATCH}, CWD), bash("sh build.sh")),
        (Call("shell", {"command": ["apply_patch", PATCH]}, CWD), bash("sh build.sh")),
        (write("x.patch", "--- a/b\n"), bash("git apply x.patch")),
        (bash("cp -t . sub/build.sh"), bash("sh build.sh")),
        (bash("mv -t . sub/build.sh"), bash("sh build.sh")),
        (bash("install --target-directory=. sub/build.sh"), bash("sh build.sh")),
        (bash("cp --target-directory . sub/*"), bash("sh build.sh")),
        (bash("ln -s sub/build.sh"), bash("sh build.sh")),
        (bash("ln -s scripts tools"), bash("sh tools/build.sh")),
        (bash("ln -s scripts s"), bash("sh scripts/build.sh")),  # it may be written as s/build.sh
        (bash("ln -s build.sh notes"), bash("sh build.sh")),
        (bash("ln -s build.sh scripts/notes"), bash("sh scripts/build.sh")),
        (bash("sed -i.sh s/a/b/ build"), bash("sh build.sh")),
        (bash("sed --in-place=.sh s/a/b/ build"), bash("sh build.sh")),
        (bash("shfmt notes > build.sh"), bash("sh build.sh")),
        (bash("black - < notes > gen.py"), bash("python gen.py")),
        (bash("make lint > build.sh"), bash("sh build.sh")),
        (Call("move_file", {"source": "drafts", "destination": "tools"}, CWD), bash("sh tools/build.sh")),
        (write("gradlew"), bash("./gradlew --version")),
        (write("tool.py"), bash("uv run tool.py --help")),
        (write("tool/__main__.py"), bash("uv run tool --version")),
        (write("lint_test.sh"), bash("sh lint_test.sh")),
        (write("rules.txt"), bash("make -f rules.txt")),
        (write("rules"), bash("make -krfrules")),
        (write("rulesh"), bash("make -frulesh")),
        (write("rules"), bash("make --file rules")),
        (write("build-test.mk"), bash("make -f build-test.mk")),
        (write("my.mjs"), bash("eslint -c my.mjs src")),
        (write("my.mjs"), bash("npx --no-install rollup -c my.mjs")),
        (write("pytest.py"), bash("python -m pytest")),
        (write("pip/__main__.py"), bash("python3 -m pip list")),
        (write("ruff/__init__.py"), bash("python -m ruff check .")),
        (write("json/__init__.py"), bash("python -m json.tool a.json")),
        (write("scripts/json.py"), bash("python scripts/lint.py")),
        (bash("git apply <<'P'\n--- /dev/null\n+++ b/Makefile\n@@ -0,0 +1 @@\n+a\nP"), bash("make")),
        (Call("create_file", {"path": "build.sh", "content": "make"}, CWD), bash("sh build.sh")),
    ],
)
async def test_running_what_was_created_before_is_asked_about(autojump_clock, world, first, then):
    verdict = await both(world, first, then)
    assert (verdict.verdict, verdict.rule, verdict.cached) == ("ask", RULE, False)
    assert verdict.approval.state == "pending"


async def test_what_git_brought_to_another_checkout_is_still_the_sessions_own(autojump_clock, make_world):
    def at(root, call):
        return msgspec.structs.replace(call, cwd=root, workspace=root)

    there = [at("/home/dev/other", bash(f"sh {path}")) for path in ("build.sh", "scripts/build.sh")]
    async with make_world().open() as world:
        await ask(world, at(CWD, write(f"{CWD}/scripts/build.sh")))
        assert [(await ask(world, each)).verdict for each in there] == ["allow", "ask"]
    async with make_world(log=world.log).open() as world:
        assert [(await ask(world, each)).verdict for each in there] == ["allow", "ask"]
        pending = await ask(world, there[1])
        await world.gate.decide(SAGE, pending.approval.id, "allow")
        assert [(await ask(world, each)).verdict for each in (there[1], at(CWD, bash("sh scripts/build.sh")))] == [
            "allow"
        ] * 2


async def test_the_reason_names_the_file_and_the_request_that_wrote_it(autojump_clock, world):
    first = await ask(world, write())
    reason = (await ask(world, bash("sh build.sh"))).reason
    assert f"it runs {CWD}/build.sh, which this agent wrote (Write, request {first.request})" in reason
    await ask(world, write("Makefile"))
    assert f"takes rules from {CWD}/Makefile" in (await ask(world, bash("make"))).reason


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (write("src/app.py"), bash("pytest -q")),
        (write("tests/test_app.py"), bash("pytest -q tests/test_app.py")),
        (write("src/a.test.js"), bash("npx --no-install jest src/a.test.js")),
        (edit("build.sh"), bash("sh build.sh")),
        (edit("Makefile"), bash("make")),
        (bash("sed -i s/a/b/ src/x.py"), bash("pytest")),
        (bash("sed -i s/a/b/ Makefile"), bash("make")),
        (bash("git apply <<'P'\n--- a/Makefile\n+++ b/Makefile\n@@ -1 +1 @@\n-a\n+b\nP"), bash("make")),
        (bash("prettier --write build.sh"), bash("sh build.sh")),
        (write("src/a.ts"), bash("prettier --write src/a.ts")),
        (write("src/a.py"), bash("mypy --strict src/a.py")),
        (write("a.c"), bash("gcc -c a.c -o a.o")),
        (write("main.go"), bash("go build main.go")),
        (bash("gcc a.c -o a"), bash("gcc a.c -o a")),
        (bash("go build -o bin/x ./cmd/x"), bash("go build -o bin/x ./cmd/x")),
        (bash("mkdir -p scripts"), bash("sh scripts/build.sh")),
        (write("notes.md"), bash("cat notes.md")),
        (write("build.sh"), bash("bash -n build.sh")),
        (write("build.sh"), bash("sh lint.sh")),
        (write("Makefile"), bash("git status")),
        (write("data.json"), bash("jq . data.json")),
        (write("a.c"), bash("gcc -c a.c")),
        (write("Makefile"), bash("make --version")),
        (bash("cp -t docs sub/build.sh"), bash("sh build.sh")),
        (bash("sed -i s/a/b/ build"), bash("sh build.sh")),
        (write("x.test.js"), bash("node --test x.test.js")),
        (write("pytest.py"), bash("pytest")),
    ],
)
async def test_ordinary_work_on_files_asks_nothing(autojump_clock, world, first, then):
    assert (await both(world, first, then)).verdict == "allow"


async def test_what_a_hook_saw_before_the_call_was_edited_and_not_created(autojump_clock, world):
    path = f"{CWD}/build.sh"
    assert (await both(world, by_hook(write(), existing=(path,)), by_hook(bash("sh build.sh")))).verdict == "allow"
    assert (await both(world, by_hook(bash("echo a > build.sh"), existing=(path,)), bash("make"))).verdict == "allow"
    assert (await both(world, by_hook(write(), existing=()), by_hook(bash("sh build.sh")))).verdict == "ask"


async def test_a_file_stays_the_sessions_own_however_often_it_is_written(autojump_clock, world):
    await ask(world, by_hook(bash("touch build.sh"), existing=()))
    assert (await ask(world, by_hook(bash("sh build.sh")))).verdict == "allow"  # it is empty
    assert (
        await both(world, by_hook(write(), existing=(f"{CWD}/build.sh",)), by_hook(bash("sh build.sh")))
    ).verdict == ("ask")


async def test_other_agents_and_other_sessions_are_not_asked(autojump_clock, world):
    await ask(world, by_hook(write(), "s1"))
    assert (await ask(world, bash("sh build.sh"), ROVER)).verdict == "allow"
    assert (await ask(world, by_hook(bash("sh build.sh"), "s2"))).verdict == "allow"
    assert (await ask(world, by_hook(bash("sh build.sh"), "s1"))).verdict == "ask"
    assert (await ask(world, bash("sh build.sh"))).verdict == "ask"  # of whichever session it is


async def test_what_was_written_without_a_session_counts_for_all_of_them(autojump_clock, world):
    assert (await both(world, write(), by_hook(bash("sh build.sh"), "s7"))).verdict == "ask"


async def test_a_cached_verdict_does_not_outlive_the_write(autojump_clock, world):
    assert [(await ask_later(world, bash("sh build.sh"))).cached for _ in range(2)] == [False, True]
    verdict = await both(world, write(), bash("sh build.sh"))
    assert (verdict.verdict, verdict.cached) == ("ask", False)
    assert world.gate.validate_nowait(SCOUT, [bash("git status")])[0].verdict == "allow"
    with pytest.raises(trio.WouldBlock):
        world.gate.validate_nowait(SCOUT, [bash("sh build.sh")])


async def test_verdicts_on_lines_that_run_nothing_written_stay_cached(autojump_clock, world):
    await ask(world, write())
    for line in ("make", "git status", "echo a >> notes.md"):
        assert [(await ask_later(world, bash(line))).cached for _ in range(2)] == [False, True]


async def test_a_persons_approval_holds_until_the_next_write(autojump_clock, world):
    pending = await both(world, write(), bash("sh build.sh"))
    await world.gate.decide(SAGE, pending.approval.id, "allow", "looked at it")
    assert [(await ask(world, bash("sh build.sh"))).verdict for _ in range(3)] == ["allow"] * 3
    assert (await both(world, edit(), bash("sh build.sh"))).verdict == "ask"


async def test_an_approval_that_came_before_the_last_write_is_not_served(autojump_clock, world):
    pending = await both(world, write(), bash("sh build.sh"))
    await world.gate.decide(SAGE, pending.approval.id, "allow")
    verdict = await both(world, write(content="rm -r out\n"), bash("sh build.sh"))
    assert (verdict.verdict, verdict.approval.state) == ("ask", "pending")


async def test_a_denial_holds_nothing_open(autojump_clock, world):
    pending = await both(world, write(), bash("sh build.sh"))
    await world.gate.decide(SAGE, pending.approval.id, "deny")
    assert [(await ask(world, bash("sh build.sh"))).verdict for _ in range(2)] == ["deny", "ask"]


async def test_who_waits_is_told_the_decision_and_asked_no_more(autojump_clock, world):
    await ask(world, write())
    async with trio.open_nursery() as nursery:

        async def decide():
            await trio.sleep(1)
            (pending,) = (await world.gate.pending_approvals(SAGE)).approvals
            await world.gate.decide(SAGE, pending.id, "allow")

        nursery.start_soon(decide)
        assert (await ask(world, bash("sh build.sh"), wait_s=30)).verdict == "allow"
    assert (await ask(world, bash("sh build.sh"))).verdict == "allow"


async def test_neither_another_decision_nor_a_new_policy_answers_for_the_person(autojump_clock, world):
    pending = await both(world, write(), bash("sh build.sh"))
    other = await ask(world, bash("frob"))
    await world.gate.decide(SAGE, other.approval.id, "allow", "", "exact")  # a new policy: all is judged again
    assert [each.id for each in (await world.gate.pending_approvals(SAGE)).approvals] == [pending.approval.id]
    with pytest.raises(Exception, match="for this once"):
        await world.gate.decide(SAGE, pending.approval.id, "allow", "", "exact")


async def test_a_yes_at_the_client_is_an_approval_too(autojump_clock, world):
    run = by_hook(bash("sh build.sh"), number="t2")
    assert (await both(world, by_hook(write()), run)).verdict == "ask"
    await world.gate.hooks.tool_ran(SCOUT, "Bash", run.origin, failed=False, cwd=CWD, mode="default")
    assert (await ask(world, run)).verdict == "allow"


async def test_a_mode_that_asks_nobody_approves_nothing(autojump_clock, world):
    run = by_hook(bash("sh build.sh"), number="t2")
    await both(world, by_hook(write()), run)
    await world.gate.hooks.tool_ran(SCOUT, "Bash", run.origin, failed=False, cwd=CWD, mode="bypassPermissions")
    assert (await ask(world, run)).verdict == "ask"


async def test_what_is_written_between_the_question_and_the_run_has_nobodys_yes(autojump_clock, world):
    run = by_hook(bash("sh build.sh"), number="t2")
    assert (await both(world, by_hook(write()), run)).verdict == "ask"
    await ask(world, by_hook(write(content="rm -r out\n"), number="t3"))  # by another subagent, say
    await world.gate.hooks.tool_ran(SCOUT, "Bash", run.origin, failed=False, cwd=CWD, mode="default")
    assert (await ask(world, run)).verdict == "ask"


async def test_what_a_hook_asks_about_counts_as_written(autojump_clock, world):
    asked = by_hook(bash("frob > build.sh"))
    assert [(await ask(world, each)).verdict for each in (asked, by_hook(bash("sh build.sh")))] == ["ask", "ask"]
    assert (await ask(world, bash("frob > lint.sh"))).verdict == "ask"  # nobody does this without an answer
    assert (await ask(world, bash("sh lint.sh"))).verdict == "allow"


async def test_a_batch_is_judged_in_its_order(autojump_clock, world):
    verdicts = await world.gate.validate(SCOUT, [bash("sh build.sh"), write(), bash("sh build.sh"), bash("ls")])
    assert [each.verdict for each in verdicts] == ["allow", "allow", "ask", "allow"]
    lines = [bash("echo make > lint.sh"), bash("sh lint.sh")]
    await ask(world, bash("sh lint.sh"), ROVER)
    await world.gate.validate(Caller(Principal("other", "agent"), 4), lines)
    await trio.sleep(0.1)
    assert [each.verdict for each in world.gate.validate_nowait(ROVER, lines)] == ["allow", "ask"]


async def test_explaining_says_so_and_writes_nothing(autojump_clock, world):
    await world.gate.explain(SCOUT, write())
    assert (await ask(world, bash("sh build.sh"))).verdict == "allow"
    await ask(world, write())
    verdict, explanation = await world.gate.explain(SCOUT, bash("sh build.sh"))
    assert (verdict.verdict, verdict.rule, explanation.rules[-1].id) == ("ask", RULE, RULE)


@pytest.mark.parametrize(
    ("asked", "created", "edited"), [("created", "ask", "allow"), ("written", "ask", "ask"), ("none", "allow", "allow")]
)
async def test_the_setting_says_which_files_are_asked_about(autojump_clock, make_world, asked, created, edited):
    async with make_world(written_asked=asked).open() as world:
        assert (await both(world, write(), bash("sh build.sh"))).verdict == created
        assert (await both(world, edit("lint.sh"), bash("sh lint.sh"))).verdict == edited
        assert (await both(world, bash("sed -i s/a/b/ Makefile"), bash("make"))).verdict == edited
        assert (await both(world, edit("src/x.py"), bash("pytest"))).verdict == "allow"


async def test_a_restart_forgets_neither_what_was_written_nor_what_was_approved(autojump_clock, make_world):
    async with make_world().open() as world:
        for path in ("build.sh", "lint.sh", "Makefile"):
            await ask(world, by_hook(write(path)))
        pending = await ask(world, by_hook(bash("sh build.sh")), wait_s=1)
        await world.gate.decide(SAGE, pending.approval.id, "allow")
        assert (await ask(world, by_hook(bash("sh build.sh")))).verdict == "allow"
        run = by_hook(bash("make"), number="t9")
        assert (await ask(world, run)).verdict == "ask"
        await world.gate.hooks.tool_ran(SCOUT, "Bash", run.origin, failed=False, cwd=CWD, mode="default")
    async with make_world(log=world.log).open() as again:
        lines = ("sh build.sh", "sh lint.sh", "make")
        verdicts = [(await ask(again, by_hook(bash(line)))).verdict for line in lines]
        assert verdicts == ["allow", "ask", "allow"]
        assert (await both(again, by_hook(edit()), by_hook(bash("sh build.sh")))).verdict == "ask"


async def test_what_the_log_cannot_say_is_asked_about_after_a_restart(autojump_clock, make_world):
    names = [f"{'d' * 100}/{number}.txt" for number in range(MAX_CHARACTERS // 100)]
    patch = "\n".join(["*** Begin Patch", *(f"*** Add File: {name}\n+a" for name in names), "*** End Patch"])
    async with make_world().open() as world:
        await ask(world, by_hook(Call("apply_patch", {"input": patch}, CWD)))
        assert (await ask(world, by_hook(bash("sh build.sh")))).verdict == "allow"
        await trio.sleep(1)
        assert [each["writes"] for each in events(world) if "writes" in each] == [None]
    async with make_world(log=world.log).open() as again:
        assert (await ask(again, by_hook(bash("sh build.sh")))).verdict == "ask"
        assert (await ask(again, by_hook(bash("make")))).verdict == "ask"
        assert (await ask(again, by_hook(bash("sh build.sh"), "s2"))).verdict == "allow"


async def test_verdict_events_name_the_files(autojump_clock, world):
    await ask(world, write())
    await ask(world, edit("lint.sh"))
    await ask(world, bash("git status"))
    await trio.sleep(1)
    told = [(each.get("writes"), each.get("creates")) for each in events(world)]
    assert told == [([f"{CWD}/build.sh"], [f"{CWD}/build.sh"]), ([f"{CWD}/lint.sh"], None), (None, None)]


async def test_a_replay_leaves_out_what_no_policy_knows(autojump_clock, world, policy):
    pending = await both(world, write(), bash("sh build.sh"))
    await world.gate.decide(SAGE, pending.approval.id, "allow")
    await ask(world, bash("sh build.sh"))
    await ask(world, bash("sh build.sh"))
    await trio.sleep(1)
    outcome = replay(events(world), policy)
    assert (outcome.judged, outcome.skipped, outcome.changes) == (2, 2, [])


def test_a_session_that_wrote_more_than_is_known_is_asked_about_all_that_it_runs(monkeypatch):
    monkeypatch.setattr(session_files, "MAX_FILES", 3)
    book, by = session_files.SessionFiles(), Earlier("Write", "r")
    for name in "abcd":
        book.note(f"/{name}", by)
    assert len(book) == 3
    held = [book.held(session_files.Files(runs=(path,))) for path in ("/a", "/d")]
    assert [(each.path, each.by) for each in held] == [("/a", None), ("/d", by)]
    assert book.held(session_files.Files(tables=("all",))) is not None
    assert book.approve(book.all_held(session_files.Files(runs=("/a",)))) == ["/a"]
    assert book.held(session_files.Files(runs=("/a",))) is None


def test_the_sessions_that_wrote_nothing_for_longest_are_forgotten_first(monkeypatch):
    monkeypatch.setattr(written_files, "MAX_SESSIONS", 2)
    written, by = WrittenFiles(), Earlier("Write", "r")
    for session in ("s1", "s2", "s1", "s3"):
        written.restore("scout", session, Notes(("/a",), ("/a",)), by)
    assert list(written._sessions) == [("scout", "s1"), ("scout", "s3")]
    assert written._of_agent == {"scout": {"s1", "s3"}}
    monkeypatch.setattr(written_files, "MAX_FILES", 2)
    written.restore("rover", "s1", Notes(("/a", "/b"), ("/a", "/b")), by)
    assert list(written._sessions) == [("rover", "s1")]


def test_no_agent_can_have_the_sessions_of_another_forgotten(monkeypatch):
    monkeypatch.setattr(written_files, "MAX_SESSIONS", 3)
    written, by = WrittenFiles(), Earlier("Write", "r")
    written.restore("scout", "s1", Notes(("/a",), ("/a",)), by)
    for number in range(9):
        written.restore("rover", f"s{number}", Notes(("/a",), ("/a",)), by)
    assert list(written._sessions) == [("scout", "s1"), ("rover", "s7"), ("rover", "s8")]
    monkeypatch.setattr(written_files, "MAX_FILES", 6)
    for number in range(9):
        written.restore("rover", "s8", Notes((f"/{number}",), (f"/{number}",)), by)
    assert list(written._sessions) == [("rover", "s8")]  # it alone has more
    assert written._of_agent == {"rover": {"s8"}}
