"""`moothall hook`: an agent's hook that asks the hall whether a tool may be used.

It runs before every tool call of an agent, so it must start fast: no Trio, no MCP, no command line library. It never
fails: whatever goes wrong becomes an `ask`, in one deadline over everything.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from transport.access.token_text import token_in
from transport.data_directory import AGENT_TOKEN_FILE, ServerInfo, default_data_dir, read_server_info, read_token
from transport.hooks.agents import AGENTS
from transport.hooks.hook_answer import Judgement, Unusable, event_name, judgement, question

DEADLINE_S: Final = 10.0
"""How long all of it may take, in seconds; the agents' own limits are longer."""


def hook(agent: Literal["claude-code", "codex"]) -> None:
    """Judge the tool call that a hook's JSON on stdin tells of, and print the decision as JSON.

    Args:
        agent: Whose hook this is.
    """
    event: Any = None
    try:
        with _deadline(DEADLINE_S):
            event = _event()
            judged = _ask(question(event))
    except Exception as error:  # noqa: BLE001 - no error may let a call pass
        judged = Judgement("ask", f"moothall could not judge this: {_in_short(error)}")
    answer = AGENTS[agent](event_name(event), judged)
    if answer is not None:
        print(json.dumps(answer))


def _event() -> Any:
    try:
        return json.loads(sys.stdin.buffer.read())
    except ValueError as error:
        raise Unusable(f"the hook was given no JSON on stdin ({_in_short(error)})") from error


def _ask(body: dict[str, Any]) -> Judgement:
    data = _data_dir()
    info = read_server_info(data)
    if info is None:
        raise Unusable(f"no server is known in {data}; start one with `moothall serve`")
    token = os.environ.get("MOOTHALL_TOKEN") or read_token(data / AGENT_TOKEN_FILE)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token_in(token)}"} if token else {})}
    connection = _connection(info)
    try:
        connection.request("POST", "/v1/validate", json.dumps(body).encode(), headers)
        response = connection.getresponse()
        content = response.read()
    except (OSError, HTTPException) as error:
        raise Unusable(f"no answer from {info.http} ({_in_short(error)}); is `moothall serve` running?") from error
    finally:
        connection.close()
    return judgement(response.status, _decoded(content))


def _connection(info: ServerInfo) -> HTTPConnection:
    where = urlsplit(info.http)
    host = where.hostname or ""
    if where.scheme != "https":
        return HTTPConnection(host, where.port, timeout=DEADLINE_S)
    from transport.access.tls import client_context  # noqa: PLC0415 - most halls are on this machine and speak without TLS

    tls = client_context(os.environ.get("MOOTHALL_TLS_CA") or info.tls_ca)
    return HTTPSConnection(host, where.port, timeout=DEADLINE_S, context=tls)


def _data_dir() -> Path:
    """Find the project by what the agent's host says, not by where the agent went: it could build a hall of its own."""
    project = os.environ.get("CLAUDE_PROJECT_DIR")
    return default_data_dir(Path(project) if project else None)


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode("utf-8", "replace").strip()[:200]


def _in_short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


@contextmanager
def _deadline(seconds: float) -> Generator[None]:
    def too_late(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"it took longer than {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
