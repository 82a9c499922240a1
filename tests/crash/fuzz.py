"""Runs a fuzzing campaign with atheris: `python fuzz.py [TARGET] [--seconds N]`; see `scripts/fuzz`."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
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

BESIDE = Path(__file__).parents[1] / "transport"
"""Where `door_targets` is."""


def campaign(target: str, seconds: int) -> None:
    """Fuzz one target in this process; does not return."""
    import atheris

    module, package = TARGETS[target]
    sys.path.append(str(BESIDE))
    with atheris.instrument_imports(include=[package]):
        targets: Any = importlib.import_module(module)

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
