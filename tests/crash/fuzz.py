"""Runs a fuzzing campaign with atheris: `python fuzz.py [TARGET] [--seconds N]`; see `scripts/fuzz`."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import platformdirs

TARGETS = {
    "recovery": ("fuzz_targets", "store"),
    "directory": ("fuzz_targets", "store"),
    "import-jsonl": ("fuzz_targets", "store"),
    "import-msgpack": ("fuzz_targets", "store"),
    "edge": ("door_targets", "transport"),
    "frames": ("door_targets", "transport"),
}
"""Of each target, the module that it is in and the package whose branches the fuzzer sees."""

ROOT = Path(__file__).parents[2]


def loaded(target: str) -> Any:
    """Return the module that a target is in; the folders that pytest finds the tests' own modules in are known then."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    sys.path += [str(ROOT / folder) for folder in settings["tool"]["pytest"]["ini_options"]["pythonpath"]]
    return importlib.import_module(TARGETS[target][0])


def campaign(target: str, seconds: int) -> None:
    """Fuzz one target in this process; does not return."""
    import atheris

    with atheris.instrument_imports(include=[TARGETS[target][1]]):
        targets = loaded(target)

    home = Path(os.environ.get("MOOTHALL_FUZZ") or platformdirs.user_cache_path("moothall") / "fuzz") / target
    (home / "corpus").mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(targets.seeds(target)):
        (home / "corpus" / f"seed-{number}").write_bytes(data)
    limits = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=1024"]
    atheris.Setup([target, str(home / "corpus"), f"-artifact_prefix={home}/", *limits], targets.TARGETS[target])
    atheris.Fuzz()


def main() -> None:
    arguments = argparse.ArgumentParser(description="Fuzz the log and the front door.")
    arguments.add_argument("target", nargs="?", choices=TARGETS)
    arguments.add_argument("--seconds", type=int, default=60)
    given = arguments.parse_args()
    if given.target:
        campaign(given.target, given.seconds)
    for target in TARGETS:
        command = [sys.executable, __file__, target, "--seconds", str(given.seconds)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
