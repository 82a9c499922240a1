"""A secret that was found once is readable nowhere: not bare in the same input, nor in tool, directory or scripts."""

from __future__ import annotations

import pytest
import trio

from actors.desk.gate import Call
from actors.speed_layer.audit.buffer import AUDIT_STREAM, FLUSH_S
from actors.speed_layer.audit.secret_masks import BEYOND, MAX_TEXT, Masked
from actors.speed_layer.audit.secret_repetitions import MAX_REPEATED

SECRET = "zq7-unlikely-Value"
KEY = "gh" + "p_" + "a1B2" * 9


@pytest.mark.parametrize(
    "given",
    [
        {"command": f"login --token {SECRET} && echo {SECRET} > out"},
        {"command": f"echo {SECRET} && login --token {SECRET}"},
        {"command": f"login --token '{SECRET}'; curl https://example.com/?x={SECRET}z"},
        {"command": f'docker login -p "{SECRET}" && echo {SECRET}'},
        {"a": SECRET, "password": SECRET, "z": [{"deep": f"<{SECRET}>"}]},
        {"password": SECRET, SECRET: 1, f"x-{SECRET}-and-more": 2},
        {"pin_token": 123456789, "again": [123456789, "is 123456789"]},
        {"content": "x" * (MAX_TEXT - 9) + SECRET + "y" * BEYOND * 2, "token": SECRET},
        {"token": "s3" * 400, "content": "x" * (MAX_TEXT - 9) + "s3" * 400},
    ],
)
def test_what_is_masked_once_in_an_input_is_masked_wherever_it_is_repeated(given):
    masked = Masked(given)
    shown = str(masked.value)
    assert not any(secret[:8] in shown for secret in (SECRET, "123456789", "s3s3s3s3"))
    assert not masked.whole


def test_a_short_secret_eats_no_words():
    masked = Masked({"command": "login --token abcdefg; echo abcdefgh"})
    assert masked.value == {"command": "login --token MASKED; echo abcdefgh"}


def test_a_word_that_may_be_none_eats_no_words_of_a_file_but_a_command_says_what_a_secret_is():
    words = "the token currently used, as currently is done"
    assert Masked({"content": words}).value == {"content": "the token MASKED used, as currently is done"}
    assert Masked({"command": "login --token swordfish; echo swordfish"}).value == {
        "command": "login --token MASKED; echo MASKED"
    }


def test_of_an_input_with_more_secrets_than_are_looked_for_nothing_is_kept():
    tokens = {f"token_{n}": f"{SECRET}{n:03}" for n in range(MAX_REPEATED + 1)}
    masked = Masked({**tokens, "command": f"echo {SECRET}064", "n": 3})
    assert (masked.value["command"], masked.value["n"]) == ("MASKED", 3)
    assert SECRET not in str(masked.value)
    del tokens["token_0"]
    masked = Masked({**tokens, "command": f"echo {SECRET}064 again"})
    assert masked.value["command"] == "echo MASKED again"


@pytest.mark.parametrize(
    "line",
    [
        "docker login -u bob -p hunter2x registry.example.com",
        "docker login -p=hunter2x",
        "podman login -p 'hunter2x and y' example.com",
        "helm registry login example.com -p hunter2x",
        "az acr login -n x -p hunter2x",
        "mysql -p'hunter2x' db",
        'mysql -uroot -p"hunter2x" db',
        "mongosh -u bob -p hunter2x",
        "7z x -phunter2x a.7z",
        "unzip -P hunter2x a.zip",
        "ldapsearch -D cn=bob -w hunter2x",
        "smbclient //h/s -U bob%hunter2x",
        "http -a bob:hunter2x example.com",
        "openssl rsa -passin pass:hunter2x",
        "sshpass -p hunter2x ssh h",
        "curl -u bob:hunter2x https://example.com",
    ],
)
def test_a_password_behind_an_option_of_one_letter_is_masked(line):
    masked = Masked({"command": line})
    assert "hunter2x" not in str(masked.value)
    assert not masked.whole


@pytest.mark.parametrize("line", ["ssh -p 2222 h", "mkdir -p a/b", "cp -p a b", "ps -p 12", "docker run -p 80:80 x"])
def test_the_same_letter_of_other_commands_is_kept(line):
    assert Masked({"command": line}).whole


@pytest.mark.parametrize("before", ["mcp__", "x", "A_", "9"])
def test_a_key_behind_an_underscore_or_a_letter_is_masked(before):
    assert KEY[4:] not in str(Masked({"text": f"{before}{KEY}"}).value)
    assert Masked({"text": f"{before}{'sk' + '-' + 'a1' * 12}"}).whole == (before in {"x", "9"})  # as of `task-...`


async def recorded(world, caller, *calls):
    await world.gate.validate(caller, list(calls))
    await trio.sleep(4 * FLUSH_S)
    return [event.data for event in world.log.query(stream=AUDIT_STREAM).events]


@pytest.mark.parametrize("inputs", [True, False])
async def test_no_key_is_readable_in_the_tool_the_directory_or_the_scripts(autojump_clock, make_world, scout, inputs):
    scripts = {f"/w/{KEY}/run.sh": "0" * 64}
    calls = [
        Call(f"mcp__{KEY}", {"x": 1}, f"/w/{KEY}"),
        Call("Bash", {"command": "sh run.sh"}, f"/w/{KEY}", scripts),
        Call("Bash", {"command": "sh run.sh"}, f"/w/{KEY}", scripts),
    ]
    async with make_world(audit_inputs=inputs).open() as world:
        await recorded(world, scout, *calls)
        events = await recorded(world, scout, *calls)
    assert len(events) == 6
    assert not any(KEY[place : place + 12] in str(events) for place in range(len(KEY) - 11))
    assert {event["cwd"] for event in events} == {"/w/MASKED"}
    assert [event["tool"] for event in events[:2]] == ["mcp__MASKED", "Bash"]
    assert events[1]["scripts"] == {"/w/MASKED/run.sh": "0" * 64}
    assert not any(event.get("whole") for event in events)  # none can be judged again


async def test_a_secret_of_the_input_is_readable_beside_it_neither_at_first_nor_when_it_is_asked_again(
    autojump_clock, world, scout
):
    call = Call("Bash", {"command": f"frob --token {SECRET}"}, f"/w/{SECRET}")
    events = []
    for _ in range(3):
        events = await recorded(world, scout, call, call)
    assert len(events) == 6
    assert SECRET not in str(events)
    assert [event["cwd"] for event in events] == ["/w/MASKED"] * 2 + ["MASKED"] * 4
    assert sum("input" in event for event in events) == 1
