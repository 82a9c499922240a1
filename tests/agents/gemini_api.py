"""The Gemini API of Google, as far as Gemini CLI needs it."""

from __future__ import annotations

import json
from typing import Any

from fake_model import Call, Heard, server_sent


class GeminiApi:
    def heard(self, path: str, body: dict[str, Any]) -> Heard | None:
        if "enerateContent" not in path:
            return None
        said = body["contents"]
        texts = [part["text"] for each in said if each["role"] == "user" for part in each["parts"] if "text" in part]
        answers = [each for each in said if any("functionCall" in part for part in each["parts"])]
        last = said[-1]["parts"]
        results = [json.dumps(part["functionResponse"]["response"]) for part in last if "functionResponse" in part]
        tools = [each["name"] for tool in body.get("tools") or [] for each in tool.get("functionDeclarations") or []]
        return Heard("\n".join(texts), len(answers), results, tools)

    def said(self, answer: list[Call] | str, name: str, path: str, body: dict[str, Any]) -> tuple[str, bytes]:
        if isinstance(answer, str):
            parts: list[Any] = [{"text": answer}]
        else:
            parts = [{"functionCall": {"name": call.tool, "args": call.arguments}} for call in answer]
        usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
        candidate = {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}
        response = {"candidates": [candidate], "usageMetadata": usage, "responseId": name}
        if ":streamGenerateContent" in path:
            return server_sent([(None, response)])
        return "application/json", json.dumps(response).encode()
