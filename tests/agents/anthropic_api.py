"""The Messages API of Anthropic, as far as Claude Code needs it."""

from __future__ import annotations

import json
from typing import Any

from fake_model import Call, Heard, server_sent


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content if part.get("type") == "text"]


class AnthropicApi:
    def heard(self, path: str, body: dict[str, Any]) -> Heard | None:
        if path.partition("?")[0] != "/v1/messages":
            return None
        messages = body["messages"]
        first = next(each for each in messages if each["role"] == "user")
        last = messages[-1]["content"]
        parts = last if isinstance(last, list) else []
        results = [json.dumps(part.get("content")) for part in parts if part.get("type") == "tool_result"]
        return Heard(
            "\n".join(_texts(first["content"])),
            sum(each["role"] == "assistant" for each in messages),
            results,
            [tool["name"] for tool in body.get("tools") or []],
        )

    def said(self, answer: list[Call] | str, name: str, path: str, body: dict[str, Any]) -> tuple[str, bytes]:
        if isinstance(answer, str):
            blocks = [({"type": "text", "text": ""}, {"type": "text_delta", "text": answer}, {"text": answer})]
        else:
            blocks = []
            for index, call in enumerate(answer):
                block = {"type": "tool_use", "id": f"toolu_{name}_{index}", "name": call.tool, "input": {}}
                delta = {"type": "input_json_delta", "partial_json": json.dumps(call.arguments)}
                blocks.append((block, delta, {"input": call.arguments}))
        stop = "end_turn" if isinstance(answer, str) else "tool_use"
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {
            "id": f"msg_{name}",
            "type": "message",
            "role": "assistant",
            "model": body.get("model"),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }
        if not body.get("stream"):
            content = [{**block, **whole} for block, _, whole in blocks]
            return "application/json", json.dumps({**message, "content": content, "stop_reason": stop}).encode()
        events: list[Any] = [{"type": "message_start", "message": message}]
        for index, (block, delta, _) in enumerate(blocks):
            events += [
                {"type": "content_block_start", "index": index, "content_block": block},
                {"type": "content_block_delta", "index": index, "delta": delta},
                {"type": "content_block_stop", "index": index},
            ]
        events += [
            {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": usage},
            {"type": "message_stop"},
        ]
        return server_sent([(event["type"], event) for event in events])
