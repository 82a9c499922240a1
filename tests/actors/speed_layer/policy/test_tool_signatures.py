"""What tools do with their input, as data: the shipped table, what a policy adds, and which requests are the same."""

from __future__ import annotations

import hashlib

import pytest

from actors.speed_layer.policy.engine import Policy, PolicyError, PolicySource, Request, packs, request_hash
from actors.speed_layer.policy.tool_signatures import SHIPPED
from transport.mcp.tools.toolset import TOOLS

CWD = "/home/dev/project"
MINE = """
[[signature]]
tools = ["acme_run", "mcp__acme__run"]
act = "shell"
command = ["script"]
directory = ["where"]
ignored = ["label"]

[[signature]]
tools = ["acme_save"]
act = "write"
paths = ["target"]
"""


def hashed(tool, arguments):
    return request_hash(tool, arguments, CWD)


@pytest.fixture(scope="module")
def mine():
    return Policy.load([*packs(), PolicySource("tools.toml", MINE)], check_examples=False)


@pytest.mark.parametrize(
    "other",
    [
        ("Bash", {"command": "make", "description": "builds", "timeout": 600}),
        ("bash", {"run_in_background": True, "command": "make", "description": None}),
        ("run_shell_command", {"command": "make", "wait_for_previous": False}),
        ("Bash", {"command": "make", "dangerouslyDisableSandbox": False}),
        ("Bash", {"command": "make", "workdir": None}),
    ],
)
def test_what_changes_nothing_makes_no_other_request(other):
    assert hashed(*other) == hashed("Bash", {"command": "make"})


def test_the_hash_of_a_request_is_what_others_can_make_of_it_too():
    made = hashlib.blake2b(b'["bash","/home/dev/project",{"command":"make"}]', digest_size=16).hexdigest()
    assert hashed("Bash", {"command": "make"}) == made


@pytest.mark.parametrize(
    "other",
    [
        ("Bash", {"command": "make", "env": {"A": "1"}}),
        ("Bash", {"command": "make", "workdir": "x"}),
        ("Bash", {"command": "make", "dangerouslyDisableSandbox": True}),
        ("Bash", {"cmd": "make"}),
        ("acme_run", {"command": "make"}),
    ],
)
def test_what_changes_something_makes_another_request(other):
    assert hashed(*other) != hashed("Bash", {"command": "make"})


def test_the_content_of_a_file_is_a_part_of_the_request_and_the_description_of_a_foreign_tool_is_too():
    assert hashed("Write", {"file_path": "a", "content": "x"}) != hashed("Write", {"file_path": "a", "content": "y"})
    assert hashed("mcp__x__add", {"description": "a"}) != hashed("mcp__x__add", {"description": "b"})


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("acme_run", {"script": "git status", "label": "state"}, "allow"),
        ("ACME_run", {"script": "git status", "colour": "red"}, "ask"),
        ("mcp__acme__run", {"script": "rm -rf ~"}, "deny"),
        ("acme_run", {"script": "git status", "where": "/srv"}, "ask"),
        ("acme_run", {"command": "git status"}, "ask"),
        ("acme_save", {"target": "src/a.py"}, "allow"),
        ("acme_save", {"target": "~/.bashrc"}, "deny"),
        ("acme_load", {"target": "src/a.py"}, "ask"),
    ],
)
def test_a_policy_can_say_what_a_tool_does(mine, tool, arguments, expected):
    assert mine.decide(Request(tool, arguments, CWD)).verdict == expected


@pytest.mark.parametrize("name", ["bash", "Write", "mcp__moothall__validate"])
def test_a_policy_cannot_say_otherwise_what_a_known_tool_does(name):
    text = f'[[signature]]\ntools = ["acme_x"]\nact = "write"\n\n[[signature]]\ntools = ["{name}"]\nact = "nothing"\n'
    with pytest.raises(PolicyError, match=f"{name}' does is described by another table") as caught:
        Policy.load([*packs(), PolicySource("mine.toml", text)])
    assert caught.value.line == 5


def test_one_rule_speaks_of_all_tools_of_a_foreign_server():
    text = '[[tool]]\nid = "acme.get"\nreason = "r"\nverdict = "allow"\ntools = ["mcp__acme__get_*"]\n'
    policy = Policy.load([*packs(), PolicySource("mine.toml", text)], check_examples=False)
    assert policy.decide(Request("mcp__acme__get_issue", {"id": 1}, CWD)).verdict == "allow"
    assert policy.decide(Request("mcp__acme__put_issue", {"id": 1}, CWD)).verdict == "ask"


def test_a_rule_over_a_tool_that_needs_no_verdict_still_holds():
    text = '[[tool]]\nid = "no.agents"\nreason = "r"\nverdict = "deny"\ntools = ["Task"]\n'
    policy = Policy.load([*packs(), PolicySource("mine.toml", text)], check_examples=False)
    assert policy.decide(Request("Task", {"prompt": "x"}, CWD)).rule == "no.agents"


@pytest.mark.parametrize("prefix", ["mcp__moothall__", "mcp_moothall_", "moothall__", "moothall_"])
@pytest.mark.parametrize("name", TOOLS)
def test_the_halls_own_tools_need_no_rule(prefix, name):
    known = SHIPPED.find(prefix + name)
    assert known is not None
    assert known.signature.act == "nothing"


def test_a_command_in_a_directory_of_its_own_is_no_plain_command_that_a_rule_is_made_of():
    policy = Policy.default()
    moved = Request("Bash", {"command": "frob deploy", "workdir": "packages/api"}, CWD)
    plain = Request("Bash", {"command": "frob deploy"}, CWD)
    assert policy.plain_command(moved, policy.judge(moved)) is None
    assert policy.plain_command(plain, policy.judge(plain)) is not None


def test_an_explanation_says_the_same_as_the_verdict():
    policy = Policy.default()
    for tool, arguments in [
        ("apply_patch", {"input": "*** Begin Patch\n*** Add File: a\n+x\n*** End Patch"}),
        ("shell", {"command": ["apply_patch", "*** Begin Patch\n*** Add File: .git/x\n+x\n*** End Patch"]}),
        ("Bash", {"command": "git status", "env": {}}),
        ("Bash", {"command": "git status", "workdir": "/srv"}),
    ]:
        request = Request(tool, arguments, CWD)
        assert policy.explain(request).ruling == policy.decide(request)
