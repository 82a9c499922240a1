"""The tools as a client sees them: schemas, results, errors."""

import json
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.desk.gate import Refusal
from actors.kernel import ActorDied, ActorError, ActorNotFound, AskTimeout, MailboxFull
from store import MemoryLog
from transport.mcp.server import _listed
from transport.mcp.tool_calls import converted
from transport.mcp.tools.schema import Arguments
from transport.mcp.tools.toolset import TOOLS

GOOD: dict[str, dict[str, Any]] = {
    "health": {},
    "whoami": {},
    "append_events": {"events": [{"type": "note", "data": {"n": 1}}], "stream": "s", "expected_revision": "no_stream"},
    "query_events": {"stream": "s", "types": ["note"], "order": "desc", "limit": 10},
    "erase_stream": {"stream": "s"},
    "validate": {"tool": "Bash", "input": {"command": "git status"}, "cwd": "/work", "wait_s": 1},
    "validate_batch": {"requests": [{"tool": "Read", "input": {"file_path": "/x"}}, {"tool": "Bash", "input": {}}]},
    "explain": {"tool": "Bash", "input": {"command": "ls"}},
    "pending_approvals": {},
    "decide": {"id": "a1", "decision": "allow", "reason": "fine", "remember": "exact"},
    "propose_rule": {"id": "a1"},
    "forget_decision": {"id": "a1"},
    "activate_policy": {"name": "p.toml", "text": "", "sha256": "0" * 64, "layer": "project"},
    "tree": {},
}


async def call(raw: Any, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    await raw.call(1, tool, arguments)
    answer = await raw.message()
    assert answer["id"] == 1
    return answer["result"]


async def error_of(raw: Any, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    result = await call(raw, tool, arguments)
    assert result["isError"] is True
    return result["structuredContent"]["error"]


async def test_the_list_names_every_tool_of_the_contract_with_its_schemas(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        await raw.request(1, "tools/list")
        tools = (await raw.message())["result"]["tools"]
    assert [tool["name"] for tool in tools] == list(GOOD)
    for tool in tools:
        for schema in (tool["inputSchema"], tool["outputSchema"]):
            jsonschema.Draft202012Validator.check_schema(schema)
            assert (schema["type"], schema["additionalProperties"]) == ("object", False)
        assert len(tool["description"]) > 20


def parts(schema):
    """Return a schema and all that is in it."""
    inside = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    return [schema, *(part for each in inside for part in parts(each))]


@pytest.mark.parametrize("tool", TOOLS)
def test_no_schema_refers_to_another_and_every_enum_says_its_type(tool: str):
    listed = _listed(TOOLS[tool])
    every = [part for part in parts([listed["inputSchema"], listed["outputSchema"]]) if isinstance(part, dict)]
    assert not [part for part in every if "$ref" in part or "$defs" in part]
    enums = [part for part in every if "enum" in part]
    assert [part["type"] for part in enums] == ["string"] * len(enums)
    assert all(isinstance(value, str) for part in enums for value in part["enum"])


@pytest.mark.parametrize("tool", GOOD)
async def test_a_result_fits_its_output_schema_and_is_the_same_as_text(front, autojump_clock, tool: str):
    async with front() as running:
        result = await call(await running.raw(), tool, GOOD[tool])
    assert not result.get("isError")
    jsonschema.validate(result["structuredContent"], _listed(TOOLS[tool])["outputSchema"])
    (block,) = result["content"]
    assert block["type"] == "text"
    assert json.loads(block["text"]) == result["structuredContent"]


@pytest.mark.parametrize("tool", GOOD)
async def test_the_stateless_lifecycle_gives_the_same(front, autojump_clock, tool: str):
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "0"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    async with front() as running:
        raw = await running.raw(initialized=False)
        await raw.request(1, "tools/call", {"name": tool, "arguments": GOOD[tool], "_meta": meta})
        stateless = (await raw.message())["result"]
        running.gate.log = MemoryLog()
        stateful = await call(await running.raw(), tool, GOOD[tool])
    assert stateless["resultType"] == "complete"
    jsonschema.validate(stateless["structuredContent"], _listed(TOOLS[tool])["outputSchema"])
    assert stateless["structuredContent"].keys() == stateful["structuredContent"].keys()


@pytest.mark.parametrize("tool", GOOD)
async def test_an_error_fits_the_output_schema_too(front, autojump_clock, tool: str):
    async with front() as running:
        result = await call(await running.raw(), tool, {"nonsense": 1})
    assert result["isError"] is True
    jsonschema.validate(result["structuredContent"], _listed(TOOLS[tool])["outputSchema"])
    assert result["structuredContent"]["error"]["code"] == "invalid"
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]


async def test_an_append_says_where_its_events_went_and_a_query_finds_them(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        event = {
            "type": "note",
            "data": {"n": [1, {"x": None}]},
            "correlation_id": "c",
            "causation_id": "d",
            "metadata": {"m": 1},
            "tags": ["order:1"],
        }
        appended = await call(raw, "append_events", {"events": [event, {"type": "b", "stream": "t"}]})
        first = appended["structuredContent"]
        page = (await call(raw, "query_events", {"correlation_id": "c"}))["structuredContent"]
    assert (first["first_sequence"], first["last_sequence"]) == (1, 2)
    assert first["revisions"] == {"agent/scout": 1, "t": 1}
    assert (first["deduplicated"], page["has_more"]) == (False, False)
    (found,) = page["events"]
    assert found == event | {
        "sequence": 1,
        "stream": "agent/scout",
        "revision": 1,
        "agent": "scout",
        "time": first["time"],
    }


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (Refusal("forbidden", "not you"), "forbidden"),
        (Refusal("rate_limited", "slower", {"retry_after_s": 0.5}), "rate_limited"),
        (ActorNotFound("x"), "unavailable"),
        (ActorDied("x"), "unavailable"),
        (MailboxFull("x", 1), "unavailable"),
        (ActorError("the supervisor is stopping"), "unavailable"),
        (AskTimeout("x", 5.0), "deadline"),
        (RuntimeError("a secret of the program"), "unavailable"),
    ],
)
async def test_whatever_the_gate_raises_has_a_code_of_the_contract(front, autojump_clock, raised: Exception, code: str):
    async with front() as running:
        raw = await running.raw()

        def refuse(*_: object) -> None:
            raise raised

        running.gate.before = refuse
        error = await error_of(raw, "whoami", {})
    assert error["code"] == code
    assert error["message"]
    assert "secret" not in error["message"]
    assert error.get("retry_after_s") == getattr(raised, "detail", {}).get("retry_after_s")


async def test_a_conflict_says_what_is_actual(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        await call(raw, "append_events", {"events": [{"type": "t"}], "stream": "s"})
        error = await error_of(raw, "append_events", {"events": [{"type": "t"}], "stream": "s", "expected_revision": 7})
    assert (error["code"], error["actual"]) == ("revision_conflict", 1)


async def test_an_unknown_tool_is_an_error_of_the_protocol(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        await raw.call(1, "nonsense")
        error = (await raw.message())["error"]
    assert error["code"] == -32602
    assert "nonsense" in error["message"]


async def test_a_stream_is_read_from_a_revision_on_and_up_to_one(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        await call(raw, "append_events", {"events": [{"type": "note"}] * 5, "stream": "s"})
        asked = {"stream": "s", "after_revision": 1, "before_revision": 5, "order": "desc"}
        page = (await call(raw, "query_events", asked))["structuredContent"]
        error = await error_of(raw, "query_events", {"after_revision": 1})
    assert [event["revision"] for event in page["events"]] == [4, 3, 2]
    assert error["code"] == "invalid"
    assert "`stream`" in error["message"]


async def test_a_waiting_query_needs_the_ascending_order(front, autojump_clock):
    async with front() as running:
        error = await error_of(await running.raw(), "query_events", {"wait_s": 1, "order": "desc"})
    assert error["code"] == "invalid"


BAD: list[tuple[str, dict[str, Any]]] = [
    ("append_events", {}),
    ("append_events", {"events": []}),
    ("append_events", {"events": {}}),
    ("append_events", {"events": [{"data": 1}]}),
    ("append_events", {"events": [{"type": ""}]}),
    ("append_events", {"events": [{"type": "a\x00b"}]}),
    ("append_events", {"events": [{"type": "a" * 257}]}),
    ("append_events", {"events": [{"type": "a", "agent": "rover"}]}),
    ("append_events", {"events": [{"type": "a"}], "expected_revision": -1}),
    ("append_events", {"events": [{"type": "a"}], "expected_revision": "sometimes"}),
    ("append_events", {"events": [{"type": "a"}], "expected_revision": True}),
    ("append_events", {"events": [{"type": "a", "metadata": []}]}),
    ("append_events", {"events": [{"type": "a"}], "fail_if": {"queries": []}}),
    ("append_events", {"events": [{"type": "a"}], "fail_if": {"queries": [{}] * 65}}),
    ("append_events", {"events": [{"type": "a"}], "expected": {"s": "sometimes"}}),
    ("append_events", {"events": [{"type": "a"}], "expected": {"": 0}}),
    ("append_events", {"events": [{"type": "a"}], "expected": ["s"]}),
    ("append_events", {"events": [{"type": "a"}], "fail_if": {"query": {"limit": 1}}}),
    ("append_events", {"events": [{"type": "a"}], "agent": "rover"}),
    ("query_events", {"limit": 0}),
    ("query_events", {"limit": 1001}),
    ("query_events", {"limit": "10"}),
    ("query_events", {"limit": 1.5}),
    ("query_events", {"order": "up"}),
    ("query_events", {"types": "note"}),
    ("query_events", {"since": "yesterday"}),
    ("query_events", {"wait_s": -1}),
    ("validate", {"tool": "Bash"}),
    ("validate", {"input": {}}),
    ("validate", {"tool": 7, "input": {}}),
    ("validate", {"tool": "Bash", "input": "ls"}),
    ("validate", {"tool": "Bash", "input": {}, "cwd": 1}),
    ("validate_batch", {"requests": []}),
    ("validate_batch", {"requests": [{"tool": "Bash", "input": {}}] * 1001}),
    ("validate_batch", {"requests": [{"tool": "Bash", "input": {}, "wait_s": 1}]}),
    ("explain", {"tool": "Bash", "input": {}, "wait_s": 1}),
    ("health", {"verbose": True}),
    ("decide", {"id": "a1", "decision": "ask"}),
    ("decide", {"id": "a1", "decision": "allow", "remember": "all"}),
    ("activate_policy", {"name": "p", "text": "", "sha256": "0"}),
    ("activate_policy", {"name": "p", "text": "", "sha256": "0" * 64, "layer": "built-in"}),
]


@pytest.mark.parametrize(("tool", "arguments"), BAD)
async def test_arguments_that_do_not_fit_are_invalid(front, autojump_clock, tool: str, arguments: dict[str, Any]):
    schema = _listed(TOOLS[tool])["inputSchema"]
    assert not jsonschema.Draft202012Validator(schema).is_valid(arguments)
    async with front() as running:
        error = await error_of(await running.raw(), tool, arguments)
        assert not running.gate.log.query().events
    assert error["code"] == "invalid"


@pytest.mark.parametrize("since", ["2026-02-30T00:00:00Z", "2026-01-01T25:00:00Z", "2026-01-01T00:00:00Z\n"])
async def test_a_time_that_never_was_is_invalid(front, autojump_clock, since: str):
    async with front() as running:
        assert (await error_of(await running.raw(), "query_events", {"since": since}))["code"] == "invalid"


async def test_a_whole_float_is_an_integer_as_json_schema_has_it(front, autojump_clock):
    async with front() as running:
        result = await call(await running.raw(), "query_events", {"limit": 10.0, "after": 0.0})
    assert "isError" not in result or not result["isError"]


names = st.sampled_from(["a", "", "x\n", "\x7f", "ü" * 256, "y" * 257])
loose = st.none() | st.booleans() | st.integers(-2, 1002) | st.floats(-1, 4000) | names | st.just({}) | st.just([])


def arguments_of(tool: str) -> st.SearchStrategy[dict[str, Any]]:
    properties = list(_listed(TOOLS[tool])["inputSchema"]["properties"])
    fields = st.sampled_from([*properties, *properties, "nonsense"]) if properties else st.just("nonsense")
    inner = st.dictionaries(st.sampled_from(["type", "data", "query", "after", "tool", "input", "cwd"]), loose)
    return st.dictionaries(fields, loose | inner | st.lists(loose | inner, max_size=2) | st.just({"a": 1}))


@pytest.mark.parametrize("tool", GOOD)
@given(data=st.data())
def test_what_is_taken_is_what_the_published_schema_allows(tool: str, data: st.DataObject):
    arguments = GOOD[tool] | data.draw(arguments_of(tool))
    kind: type[Arguments] = TOOLS[tool].arguments
    given = {name: value for name, value in arguments.items() if value is not None}  # null counts as absent
    allowed = jsonschema.Draft202012Validator(_listed(TOOLS[tool])["inputSchema"]).is_valid(given)
    try:
        taken = bool(msgspec.to_builtins(converted(kind, arguments)) is not None)
    except Refusal:
        taken = False
    assert taken == allowed


@pytest.mark.parametrize("name", TOOLS)
def test_what_clients_add_for_themselves_is_left_out_and_null_counts_as_absent(name):
    kind = TOOLS[name].arguments
    absent = {field: None for field in kind.__struct_fields__ if field not in GOOD[name]}
    given = {**GOOD[name], **absent, "wait_for_previous": True, "toolSummary": "asks the hall"}
    assert converted(kind, given) == converted(kind, GOOD[name])


def test_what_nobody_is_known_to_add_is_refused_and_so_is_null_where_something_is_needed():
    with pytest.raises(Refusal, match="unknown field `frob`"):
        converted(TOOLS["validate"].arguments, {**GOOD["validate"], "frob": 1, "wait_for_previous": True})
    with pytest.raises(Refusal, match="missing required field `tool`"):
        converted(TOOLS["validate"].arguments, {**GOOD["validate"], "tool": None})
