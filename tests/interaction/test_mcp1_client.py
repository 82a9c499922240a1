"""The Python SDK 1.x with its own websocket client, in its own virtual environment."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CONSTRAINTS = HERE / "mcp1-constraints.txt"
ENVIRONMENT = HERE.parents[1] / ".venv-mcp1"


@pytest.fixture(scope="session")
def mcp1_python() -> Path:
    """Return the Python of an environment with mcp 1.x, made once for these constraints."""
    python, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "constraints.sha256"
    wanted = hashlib.sha256(CONSTRAINTS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)],
        [str(python), "-m", "pip", "install", "--quiet", "-c", str(CONSTRAINTS), "mcp[ws]"],
    ):
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            pytest.skip(f"no environment with mcp 1.x could be made: {made.stderr.strip()[-300:]}")
    stamp.write_text(wanted)
    return python


@pytest.mark.slow
def test_the_python_sdk_1_does_a_whole_round(hall_server, mcp1_python, run_round, check_round):
    command = [str(mcp1_python), str(HERE / "mcp1_round.py"), hall_server.url_with_token, "mcp1"]
    check_round(run_round(command, cwd=HERE), told=True)
