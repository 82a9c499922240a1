"""The TypeScript SDK 1.x with its own websocket transport, on Node."""

import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent / "typescript"


@pytest.fixture(scope="session")
def node(missing) -> str:
    """Return Node's path, with the packages of package.json installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        missing("Node and npm are not installed")
    stamp = PACKAGE / "node_modules" / "package.json.installed"
    wanted = (PACKAGE / "package.json").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        installed = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=False)
        if installed.returncode:
            missing(f"npm could not install the TypeScript SDK: {installed.stderr.strip()[-300:]}")
        stamp.write_text(wanted)
    return node


@pytest.mark.slow
def test_the_typescript_sdk_1_does_a_whole_round(hall_server, node, run_round, check_round):
    check_round(run_round([node, "round.mjs", hall_server.url_with_token, "typescript"], cwd=PACKAGE))
