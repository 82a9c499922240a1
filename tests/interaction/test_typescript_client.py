"""The TypeScript SDKs on Node: 1.x with its own websocket transport, 2 over streamable HTTP."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def node():
    """Return a function that returns Node's path, with the packages of a folder's package.json installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node and npm are not installed")

    def prepared(folder: Path) -> str:
        stamp = folder / "node_modules" / "package.json.installed"
        wanted = (folder / "package.json").read_text()
        if not stamp.exists() or stamp.read_text() != wanted:
            command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
            installed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if installed.returncode:
                pytest.skip(f"npm could not install the TypeScript SDK: {installed.stderr.strip()[-300:]}")
            stamp.write_text(wanted)
        return node

    return prepared


@pytest.mark.slow
def test_the_typescript_sdk_1_does_a_whole_round(hall_server, node, run_round, check_round):
    folder = HERE / "typescript"
    check_round(run_round([node(folder), "round.mjs", hall_server.url_with_token, "typescript"], cwd=folder), told=True)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_typescript_sdk_2_does_a_whole_round_over_http(hall_server, node, run_round, check_round, mode):
    folder = HERE / "typescript2"
    command = [node(folder), "round.mjs", f"{hall_server.http}/mcp", f"typescript2/{mode}", hall_server.token, mode]
    check_round(run_round(command, cwd=folder), told=True)
