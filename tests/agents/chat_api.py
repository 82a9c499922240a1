"""The chat API that many servers share (`/chat/completions`), as far as OpenCode needs it."""

from __future__ import annotations

import json
from typing import Any

from fake_model import Call, Heard, server_sent


class ChatApi:
    def heard(self, path: str, body: dict[str, Any]) -> Heard | None:
        if not path.endswith("/chat/completions"):
            return None
        said = body["messages"]
        texts = [json.dumps(each["content"]) for each in said if each["role"] == "user"]
        calls = [index for index, each in enumerate(said) if each.get("tool_calls")]
        after = said[calls[-1] :] if calls else []
        results = [json.dumps(each["content"]) for each in after if each["role"] == "tool"]
        tools = [each["function"]["name"] for each in body.get("tools") or []]
        return Heard("\n".join(texts), len(calls), results, tools)

    def said(self, answer: list[Call] | str, name: str, path: str, body: dict[str, Any]) -> tuple[str, bytes]:
        delta: dict[str, Any] = {"role": "assistant"}
        if isinstance(answer, str):
            delta["content"] = answer
        else:
            delta["tool_calls"] = [
                {
                    "index": index,
                    "id": f"call_{name.replace(' ', '_')}_{index}",
                    "type": "function",
                    "function": {"name": call.tool, "arguments": json.dumps(call.arguments)},
                }
                for index, call in enumerate(answer)
            ]
        whole = {"id": name, "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
        end = "stop" if isinstance(answer, str) else "tool_calls"
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        chunks = [
            {**whole, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
            {**whole, "choices": [{"index": 0, "delta": {}, "finish_reason": end}], "usage": usage},
        ]
        return server_sent([(None, chunk) for chunk in chunks], "data: [DONE]\n\n")
