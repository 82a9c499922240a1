"""What others take to judge, or only to parse, a line of the corpus; each in a process of its own.

Usage: python -m benchmarks.peers.shell_judges bashlex|cedarpy|casbin COUNT

prints how long each of the first COUNT commands took, in microseconds, as a JSON list. cedarpy and casbin match the
line as text with one pattern for each program that the corpus begins with, parsed beforehand: they do not see what a
shell would run, so this is less work than a verdict of ours. bashlex parses, which is where a verdict begins; a line
that it cannot parse counts with what it took.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.measuring.shell_commands import corpus

Judge = Callable[[str], object]

_MODEL = """
[request_definition]
r = agent, command
[policy_definition]
p = agent, program
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.agent == p.agent && keyMatch(r.command, p.program)
"""


def bashlex(_programs: list[str]) -> Judge:
    """Return a parse."""
    module: Any = importlib.import_module("bashlex")
    # What it does not know of bash it says in many ways, among them plain AssertionError and TypeError.
    refusals = (module.errors.ParsingError, NotImplementedError, AssertionError, TypeError, ValueError, IndexError)

    def parse(line: str) -> object:
        try:
            return module.parse(line)
        except refusals:
            return None

    return parse


def cedarpy(programs: list[str]) -> Judge:
    """Return an authorization against policies that were parsed once."""
    module: Any = importlib.import_module("cedarpy")
    patterns = [json.dumps(f"{program}*", ensure_ascii=False) for program in programs]
    policies = module.PolicySet.from_str(
        "\n".join(f"permit(principal, action, resource) when {{ context.command like {each} }};" for each in patterns)
    )
    request = {"principal": 'Agent::"a"', "action": 'Action::"Bash"', "resource": 'Machine::"here"'}
    return lambda line: module.is_authorized({**request, "context": {"command": line}}, policies, [])


def casbin(programs: list[str]) -> Judge:
    """Return an enforcement of policies that were loaded once."""
    module: Any = importlib.import_module("casbin")
    model = module.Model()
    model.load_model_from_text(_MODEL)
    enforcer = module.Enforcer(model)
    enforcer.add_policies([["a", f"{program}*"] for program in programs])
    return lambda line: enforcer.enforce("a", line)


JUDGES: dict[str, Callable[[list[str]], Judge]] = {"bashlex": bashlex, "cedarpy": cedarpy, "casbin": casbin}


def observed(judge: Judge, lines: list[str]) -> list[float]:
    """Judge each line and return how long each took, in microseconds."""
    took_us: list[float] = []
    for line in lines:
        began = time.perf_counter()
        judge(line)
        took_us.append((time.perf_counter() - began) * 1e6)
    return took_us


def main(kind: str, count: int) -> None:
    """Measure, after a first pass that warms caches, and print."""
    lines = [str(call.input["command"]) for call in corpus()]
    programs = sorted({line.split()[0] for line in lines if "\\" not in line})
    judge = JUDGES[kind](programs)
    observed(judge, lines[:count])
    sys.stdout.write(json.dumps(observed(judge, lines[:count])) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
