"""The Responses API of OpenAI, as far as Codex needs it."""

from __future__ import annotations

import json
from typing import Any

from fake_model import Call, Heard, server_sent

FREEFORM = frozenset({"apply_patch", "exec"})
"""The tools whose input is a text and no JSON: a patch, and the code in which newer models make their calls."""


class ResponsesApi:
    def heard(self, path: str, body: dict[str, Any]) -> Heard | None:
        if not path.endswith("/responses"):
            return None
        said = body["input"]
        tools = [*(body.get("tools") or [])]
        tools += [tool for item in said if item.get("type") == "additional_tools" for tool in item["tools"]]
        texts = [
            part.get("text", "")
            for item in said
            if item.get("type", "message") == "message" and item["role"] == "user"
            for part in item["content"]
        ]
        steps = [int(item["call_id"].split("-")[1]) for item in said if item.get("type", "").endswith("_call")]
        answered = max(steps, default=-1) + 1
        results = [
            json.dumps(item["output"])
            for item in said
            if item.get("type", "").endswith("_call_output") and int(item["call_id"].split("-")[1]) == answered - 1
        ]
        return Heard("\n".join(texts), answered, results, [_name(tool) for tool in tools])

    def said(self, answer: list[Call] | str, name: str, path: str, body: dict[str, Any]) -> tuple[str, bytes]:
        if isinstance(answer, str):
            content = [{"type": "output_text", "text": answer}]
            items: list[Any] = [{"type": "message", "role": "assistant", "id": f"msg-{name}", "content": content}]
        else:
            step = name.rpartition("_")[2]
            items = [_call(call, f"call-{step}-{index}") for index, call in enumerate(answer)]
        created = {"id": f"resp-{name}", "object": "response", "status": "in_progress"}
        usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
        events: list[Any] = [{"type": "response.created", "response": created}]
        for index, item in enumerate(items):
            events += [
                {"type": f"response.output_item.{when}", "output_index": index, "item": item}
                for when in ("added", "done")
            ]
        completed = {**created, "status": "completed", "output": items, "usage": usage}
        events.append({"type": "response.completed", "response": completed})
        return server_sent([(event["type"], event) for event in events])


def _name(tool: dict[str, Any]) -> str:
    inner = [each["name"] for each in tool.get("tools") or []]
    return f"{tool.get('name') or tool['type']}{inner or ''}"


def _call(call: Call, call_id: str) -> dict[str, Any]:
    namespace, _, name = call.tool.rpartition("/")
    inside = {"namespace": namespace} if namespace else {}
    if name in FREEFORM:
        said = {"type": "custom_tool_call", "input": call.arguments["input"], "status": "completed"}
    else:
        said = {"type": "function_call", "arguments": json.dumps(call.arguments)}
    return {**said, "call_id": call_id, "name": name, **inside}
