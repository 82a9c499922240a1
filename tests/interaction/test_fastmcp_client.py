"""FastMCP's client over streamable HTTP, in a process of its own."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.slow
def test_fastmcps_client_does_a_whole_round(hall_server, run_round, check_round):
    pytest.importorskip("fastmcp")
    command = [sys.executable, "fastmcp_round.py", f"{hall_server.http}/mcp", "fastmcp", hall_server.token]
    check_round(run_round(command, cwd=HERE))
