"""What `scripts/environment`, which each script begins with, makes of a checkout."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_module_that_is_run_is_compiled_beforehand(tmp_path):
    """Where Python may write no bytecode as it imports, what is not would be compiled at each start."""
    bin_ = tmp_path / ".venv" / "bin"
    bin_.mkdir(parents=True)
    (bin_ / "python").write_text(f'#!/bin/sh\nfor each; do echo "$each"; done >>{tmp_path}/told\n')
    (bin_ / "python").chmod(0o755)
    (tmp_path / "scripts" / "locked").mkdir(parents=True)
    for name in ("scripts/environment", "pyproject.toml", "locked.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run(
        ["bash", "-euc", ". scripts/environment; ensure_environment"], cwd=tmp_path, check=True, capture_output=True
    )
    told = (tmp_path / "told").read_text().splitlines()
    compiled = [Path(each).relative_to(tmp_path) for each in told[told.index("compileall") :] if each.startswith("/")]
    tops = {path.relative_to(ROOT).parts[0] for path in ROOT.glob("*/**/*.py") if path.parent.parts[-1][0] != "."}
    assert {str(each) for each in compiled} == {top for top in tops if top[0] != "." and top != "tests"}
