"""Resources, their subscriptions in both lifecycles, prompts and completion, as a client sees them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import trio
import trio.testing
from mcp.shared.exceptions import MCPError
from mcp_types import PaginatedRequestParams

from actors.desk.gate import Refusal
from actors.desk.shares import LISTENING, SUBSCRIBED
from actors.kernel import ActorNotFound
from actors.session.messages import Principal
from store import NewEvent
from transport.mcp.resource_updates import PERIOD_S, SUBSCRIPTIONS
from transport.mcp.resources import stream_of, uris_of
from transport.mcp.server import page_of

ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
NOTES = {"events": [{"type": "note", "data": {"n": 1}}, {"type": "note", "stream": "a b/c"}]}


async def ask(raw: Any, method: str, **params: Any) -> Any:
    await raw.request(1, method, params)
    answer = await raw.message()
    assert answer.get("id") == 1, answer
    return answer.get("result", answer.get("error"))


async def read(raw: Any, uri: str) -> Any:
    (content,) = (await ask(raw, "resources/read", uri=uri))["contents"]
    assert (content["uri"], content["mimeType"]) == (uri, "application/json")
    return json.loads(content["text"])


async def quiet(raw: Any, seconds: float = 1.0) -> bool:
    with trio.move_on_after(seconds):
        await raw.event()
        return False
    return True


async def test_the_resources_of_the_contract_are_listed(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        listed = (await ask(raw, "resources/list"))["resources"]
        templates = (await ask(raw, "resources/templates/list"))["resourceTemplates"]
    assert [each["uri"] for each in listed] == ["events://log", "policy://active", "health://status"]
    assert [each["uriTemplate"] for each in templates] == ["events://streams/{stream}"]


async def test_events_are_read_in_order_with_where_to_go_on(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        assert await read(raw, "events://log") == {"events": [], "next": 0, "has_more": False}
        await raw.call(0, "append_events", NOTES)
        await raw.message()
        log = await read(raw, "events://log")
        assert ([event["sequence"] for event in log["events"]], log["next"]) == ([1, 2], 2)
        for uri in ("events://streams/a%20b%2Fc", "events://streams/a b/c"):
            assert [event["sequence"] for event in (await read(raw, uri))["events"]] == [2]


async def test_policy_and_health_are_read(front, autojump_clock):
    async with front() as running:
        running.gate.views.policy = "p7"
        raw = await running.raw()
        assert await read(raw, "policy://active") == {"version": "p7"}
        assert (await read(raw, "health://status"))["status"] == "ok"


@pytest.mark.parametrize("method", ["resources/read", "resources/subscribe"])
@pytest.mark.parametrize("uri", ["events://nothing", "events://streams/", "file:///etc/passwd", ""])
async def test_what_is_no_resource_is_refused(front, autojump_clock, method: str, uri: str):
    async with front() as running:
        assert (await ask(await running.raw(), method, uri=uri))["code"] == -32602


async def test_a_refused_read_says_why(front, autojump_clock):
    async with front() as running:

        def refuse(*_: object) -> None:
            raise Refusal("rate_limited", "slower", {"retry_after_s": 0.5})

        running.gate.before = refuse
        error = await ask(await running.raw(), "resources/read", uri="events://log")
    assert error["data"]["error"] == {"code": "rate_limited", "message": "slower", "retry_after_s": 0.5}


async def test_a_subscriber_is_told_once_of_many_changes_and_never_after_it_unsubscribed(front, autojump_clock):
    async with front() as running:
        raw, writer = await running.raw(), await running.raw()
        for uri in ("events://log", "events://streams/agent%2Fscout", "events://streams/other"):
            assert await ask(raw, "resources/subscribe", uri=uri) == {}
        for number in range(50):
            await writer.call(number, "append_events", {"events": [{"type": "t"}]})
            await writer.message()
        told = [await raw.message() for _ in range(2)]
        assert {each["method"] for each in told} == {"notifications/resources/updated"}
        assert {each["params"]["uri"] for each in told} == {"events://log", "events://streams/agent%2Fscout"}
        assert await quiet(raw)
        await ask(raw, "resources/unsubscribe", uri="events://log")
        await ask(raw, "resources/unsubscribe", uri="events://streams/agent%2Fscout")
        await writer.call(1, "append_events", {"events": [{"type": "t"}]})
        assert await quiet(raw)


async def test_a_change_of_health_or_policy_is_told(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        for uri in ("policy://active", "health://status"):
            await ask(raw, "resources/subscribe", uri=uri)
        views = running.gate.views
        views.health = msgspec.structs.replace(views.health, uptime_s=99.0)
        assert await quiet(raw)
        views.policy = "p2"
        assert (await raw.message())["params"]["uri"] == "policy://active"
        views.health = msgspec.structs.replace(views.health, status="failing")
        assert (await raw.message())["params"]["uri"] == "health://status"


async def test_a_stateless_client_listens(front, autojump_clock):
    async with front() as running:
        raw, writer = await running.raw(initialized=False), await running.raw()
        wanted = {"resourceSubscriptions": ["events://log", "events://streams/other"]}
        await raw.request("L", "subscriptions/listen", {"_meta": ENVELOPE, "notifications": wanted})
        assert (await raw.message())["method"] == "notifications/subscriptions/acknowledged"
        await writer.call(1, "append_events", {"events": [{"type": "t"}, {"type": "t"}]})
        told = await raw.message()
        assert (told["method"], told["params"]["uri"]) == ("notifications/resources/updated", "events://log")
        assert await quiet(raw)
        await raw.text('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"L"}}')
        await trio.sleep(PERIOD_S)
        await writer.call(2, "append_events", {"events": [{"type": "t"}]})
        assert await quiet(raw)


HIDDEN = [
    *("events://streams/moothall/audit", "events://streams/moothall%2Faudit", "events://streams/%6doothall%2faudit"),
    *("events://streams/moothall/approvals", "events://streams/moothall%2Fapprovals"),
]


@pytest.mark.parametrize("uri", HIDDEN)
@pytest.mark.parametrize(("role", "told"), [("observer", False), ("agent", False), ("expert", True), ("admin", True)])
async def test_nobody_is_told_of_a_stream_that_they_may_not_read(
    front, autojump_clock, uri: str, role: str, told: bool
):
    async with front() as running:
        running.token = running.tokens.add("reader", role)
        raw, stateless = await running.raw(), await running.raw(initialized=False)
        answer = await ask(raw, "resources/subscribe", uri=uri)
        wanted = {"notifications": {"resourceSubscriptions": ["events://log", uri]}, "_meta": ENVELOPE}
        await stateless.request("L", "subscriptions/listen", wanted)
        listening = await stateless.message()
        assert (answer == {}, "error" not in listening) == (told, told)
        for stream in ("moothall/audit", "moothall/approvals"):
            running.gate.log.append([NewEvent(type="t")], stream=stream)
        running.gate.views.sequence = running.gate.log.head
        assert await quiet(raw) is not told


async def test_what_changed_while_the_store_was_away_is_told_when_it_is_back(front, autojump_clock):
    async with front() as running:
        raw, writer = await running.raw(), await running.raw()
        await ask(raw, "resources/subscribe", uri="events://log")
        here = running.gate.before

        async def away(operation: str, _what: Any) -> None:
            if operation == "streams_between":
                raise ActorNotFound("event_store")

        running.gate.before = away
        await writer.call(1, "append_events", {"events": [{"type": "t"}]})
        assert await quiet(raw, 5.0)
        running.gate.before = here
        assert (await raw.message())["params"]["uri"] == "events://log"
        assert running.crashes == []


async def test_a_connection_that_ended_is_forgotten(front, autojump_clock):
    async with front() as running:
        raw, writer = await running.raw(), await running.raw()
        await ask(raw, "resources/subscribe", uri="events://log")
        await raw.stream.aclose()
        await writer.call(1, "append_events", {"events": [{"type": "t"}]})
        await trio.sleep(5)
        assert running.gateway._server.updates._subscribed == {}


@pytest.mark.parametrize("last", ["refused", "given up"])
async def test_the_store_is_not_asked_what_changed_for_a_connection_that_subscribes_to_nothing(
    front, autojump_clock, last: str
):
    async with front() as running:
        raw, writer = await running.raw(), await running.raw()
        asked: list[str] = []

        async def note(operation: str, _what: Any) -> None:
            asked.append(operation)

        if last == "refused":
            for _ in range(SUBSCRIBED.each):
                running.gate.shares.subscriptions.take(Principal("scout", "agent"))
            assert "error" in (await ask(raw, "resources/subscribe", uri="events://log"))["data"]
        else:
            assert await ask(raw, "resources/subscribe", uri="events://log") == {}
            assert await ask(raw, "resources/unsubscribe", uri="events://log") == {}
        running.gate.before = note
        await writer.call(1, "append_events", {"events": [{"type": "t"}]})
        assert await quiet(raw)
        assert asked == ["append_events"]


@pytest.mark.parametrize("name", ["x" * 257, "%F0%9F%90%9E" * 300, "%" * 9000])
async def test_what_is_too_long_for_a_streams_name_is_not_kept_as_a_subscription(front, autojump_clock, name: str):
    async with front() as running:
        answer = await ask(await running.raw(), "resources/subscribe", uri=f"events://streams/{name}")
        assert "no such resource" in answer["message"]


async def test_the_longest_name_of_a_stream_can_be_subscribed_to_however_it_is_written(front, autojump_clock):
    async with front() as running:
        for stream in ("\U0001f41e" * 256, "%F0%9F%90%9E" * 256):
            assert await ask(await running.raw(), "resources/subscribe", uri=f"events://streams/{stream}") == {}


async def test_a_stream_subscribed_to_by_many_names_is_told_of_once_by_the_last(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        for uri in ("events://streams/%61bc", "events://streams/a%62c", "events://streams/ab%63"):
            assert await ask(raw, "resources/subscribe", uri=uri) == {}
        await ask(raw, "tools/call", name="append_events", arguments={"events": [{"type": "t", "stream": "abc"}]})
        assert (await raw.message())["params"] == {"uri": "events://streams/ab%63"}
        assert await quiet(raw)
        assert await ask(raw, "resources/unsubscribe", uri="events://streams/abc") == {}
        await ask(raw, "tools/call", name="append_events", arguments={"events": [{"type": "t", "stream": "abc"}]})
        assert await quiet(raw)


async def test_one_agent_cannot_take_all_streams_of_subscriptions(front, autojump_clock):
    params = {"notifications": {"resourceSubscriptions": ["events://log"]}, "_meta": ENVELOPE}
    async with front() as running:
        greedy = await running.raw(initialized=False)
        for number in range(LISTENING.each - 1):
            await greedy.request(number, "subscriptions/listen", params)
            assert (await greedy.message())["method"] == "notifications/subscriptions/acknowledged"
        again = await running.raw(initialized=False)
        for number, expected in ((1, "method"), (2, "error")):
            await again.request(number, "subscriptions/listen", params)
            assert expected in await again.message()
        running.token = running.tokens.add("another")
        other = await running.raw(initialized=False)
        await other.request(1, "subscriptions/listen", params)
        assert "method" in await other.message()
        for raw in (greedy, again, other):
            await raw.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert not running.gate.shares.listening._held  # who has gone holds none


async def test_subscriptions_of_a_connection_are_bounded(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        for number in range(SUBSCRIPTIONS):
            assert await ask(raw, "resources/subscribe", uri=f"events://streams/{number}") == {}
        assert await ask(raw, "resources/subscribe", uri="events://streams/0") == {}
        assert (await ask(raw, "resources/subscribe", uri="events://streams/more"))["code"] == -32600


@pytest.mark.parametrize("stream", ["agent/scout", "a b", "é", "100%", "x?y#z"])
def test_a_stream_is_found_by_the_uri_that_the_template_expands_to(stream: str):
    assert {stream_of(uri) for uri in uris_of(stream) if "%" not in stream} <= {stream}
    assert stream in {stream_of(uri) for uri in uris_of(stream)}


async def test_prompts_are_listed_and_filled_in(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        listed = (await ask(raw, "prompts/list"))["prompts"]
        assert [each["name"] for each in listed] == ["start", "follow"]
        start = await ask(raw, "prompts/get", name="start", arguments={"task": "tidy {up}"})
        assert "validate" in start["messages"][0]["content"]["text"]
        assert start["messages"][0]["content"]["text"].endswith("tidy {up}")
        follow = await ask(raw, "prompts/get", name="follow", arguments={"stream": "agent/{x}"})
        assert "`stream` = `agent/{x}`" in follow["messages"][0]["content"]["text"]
        for name, arguments in (("nonsense", {}), ("follow", {}), ("follow", {"stream": ""})):
            assert (await ask(raw, "prompts/get", name=name, arguments=arguments))["code"] == -32602


async def test_streams_are_completed(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        events = [{"type": "t", "stream": f"task/{number}"} for number in range(150)] + [
            {"type": "t", "stream": "other"}
        ]
        await raw.call(0, "append_events", {"events": events})
        await raw.message()
        ref = {"type": "ref/resource", "uri": "events://streams/{stream}"}
        some = await ask(raw, "completion/complete", ref=ref, argument={"name": "stream", "value": "task/1"})
        assert some["completion"]["values"][:3] == ["task/1", "task/10", "task/100"]
        all_of_them = await ask(raw, "completion/complete", ref=ref, argument={"name": "stream", "value": "task/"})
        completion = all_of_them["completion"]
        assert (len(completion["values"]), completion["total"], completion["hasMore"]) == (100, 150, True)
        prompt = {"type": "ref/prompt", "name": "follow"}
        nothing = await ask(raw, "completion/complete", ref=prompt, argument={"name": "task", "value": ""})
        assert nothing["completion"]["values"] == []


def test_a_long_list_comes_in_pages_that_leave_nothing_out():
    items, seen, cursor = list(range(25)), [], None
    for _ in range(3):
        page, cursor = page_of(items, PaginatedRequestParams(cursor=cursor), 10)
        seen += page
    assert (seen, cursor) == (items, None)


@pytest.mark.parametrize("cursor", ["x", "-10", "5", "30", "", "1e1"])
def test_a_cursor_that_was_never_given_out_is_refused(cursor: str):
    with pytest.raises(MCPError):
        page_of(list(range(25)), PaginatedRequestParams(cursor=cursor), 10)


async def test_tools_say_whether_they_change_anything(front, autojump_clock):
    async with front() as running:
        tools = (await ask(await running.raw(), "tools/list"))["tools"]
    assert {tool["name"] for tool in tools if not tool["annotations"]["readOnlyHint"]} == {
        "append_events",
        "erase_stream",
        "decide",
        "forget_decision",
        "activate_policy",
    }
