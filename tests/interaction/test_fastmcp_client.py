"""FastMCP's client over streamable HTTP, in a process of its own."""

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_fastmcps_client_does_a_whole_round(hall_server, run_round, check_round, mode):
    if importlib.util.find_spec("fastmcp") is None:
        pytest.skip("fastmcp is not installed")
    stream = f"fastmcp/{mode}"
    command = [sys.executable, "fastmcp_round.py", f"{hall_server.http}/mcp", stream, hall_server.token, mode]
    check_round(run_round(command, cwd=HERE))
