"""Run the MCP conformance suite: both revisions over both transports, one line each; exit 1 unless all scored pass."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
SUITE = HERE / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
NODE = HERE / "node_modules" / "node" / "bin" / "node"
SCORED = {"2025-11-25": 30, "2026-07-28": 37}
"""How many scenarios a revision requires of a server, by the suite's own lists."""

RUN_S = 300.0


@contextmanager
def running(*arguments: str) -> Generator[dict[str, str]]:
    """Run a Python program that prints its URLs as one JSON line."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def scenarios(revision: str) -> list[str]:
    """Return which scenarios a revision requires of a server."""
    text = (SUITE.parents[1] / "requirements" / f"{revision}.yaml").read_text()
    server = text.partition("\nserver:\n")[2].partition("\nclient:\n")[0]
    return re.findall(r"^\s+- (\S+)", server, re.MULTILINE)


def run_suite(url: str, revision: str, transport: str) -> bool:
    """Run one revision against one URL, print what came of it, and say whether all that is scored has passed."""
    command = [str(NODE), str(SUITE), "server", "--url", url, "--requirements", revision]
    with tempfile.TemporaryDirectory() as results:
        done = subprocess.run(command, cwd=results, capture_output=True, text=True, timeout=RUN_S, check=False)
    summary = done.stdout.partition("=== SUMMARY ===")[2]
    outcome = {name: mark for mark, name in re.findall(r"^([✓✗~]) (\S+?):", summary, re.MULTILINE)}
    required = scenarios(revision)
    failed = [name for name in required if outcome.get(name) != "✓"]
    passing = len(required) - len(failed)
    print(f"{revision} over {transport}: {passing} of {len(required)} scored scenarios pass", flush=True)
    if failed or done.returncode or len(required) != SCORED[revision]:
        print(f"failed: {failed}; exit code {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
        return False
    return True


def main() -> int:
    with running(str(HERE / "serve.py")) as server, running(str(HERE / "bridge.py"), server["ws"]) as bridge:
        ways = {"streamable HTTP": server["http"], "websocket": bridge["http"]}
        passed = [run_suite(url, revision, name) for name, url in ways.items() for revision in SCORED]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
