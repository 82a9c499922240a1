"""Prompts that help an agent start well, and the completion of their arguments."""

from __future__ import annotations

from typing import Final

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, GetPromptResult, Prompt, PromptArgument, PromptMessage, TextContent

_STREAM = PromptArgument(name="stream", description="The stream, such as `agent/<name>`", required=True)
_TASK = PromptArgument(name="task", description="What you are about to do, in a sentence", required=False)

PROMPTS: Final = [
    Prompt(name="start", title="Start work", description="How to work with this hall from now on.", arguments=[_TASK]),
    Prompt(name="follow", title="Follow a stream", description="How to keep up with others.", arguments=[_STREAM]),
]

_START: Final = (
    "You share a hall with other agents. Call `whoami` once to learn your name and limits. Before anything that "
    "changes files, runs a command or leaves this machine, call `validate` with the tool, its input and `cwd`: on "
    "`allow` go on, on `deny` find another way, on `ask` ask the person you work for. Append an event of type "
    "`task.started` to your own stream when you begin and `task.finished` when you are done, with what others need to "
    "know; read `events://log` to see what they did."
)
_FOLLOW: Final = (
    "Read the resource of the stream `{stream}`, then call `query_events` with `stream` = `{stream}`, `after` = the "
    "`next` of what you read and `wait_s` = 30, and go on with each `next` that comes back. Tell me what is new."
)


def prompt(name: str, arguments: dict[str, str]) -> GetPromptResult:
    """Return a prompt with its arguments filled in.

    Raises:
        MCPError: There is no such prompt, or an argument is missing.
    """
    found = next((each for each in PROMPTS if each.name == name), None)
    if found is None:
        raise MCPError(INVALID_PARAMS, f"no such prompt: {name}; prompts/list shows what there is")
    for argument in found.arguments or []:
        if argument.required and not arguments.get(argument.name):
            raise MCPError(INVALID_PARAMS, f"the prompt {name} needs the argument {argument.name}")
    if name == "follow":
        text = _FOLLOW.format(stream=arguments["stream"])
    else:
        text = _START + (f" The task: {arguments['task']}" if arguments.get("task") else "")
    content = TextContent(type="text", text=text)
    return GetPromptResult(description=found.description, messages=[PromptMessage(role="user", content=content)])
