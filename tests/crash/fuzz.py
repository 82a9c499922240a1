"""Runs a fuzzing campaign with atheris: `python fuzz.py [TARGET] [--seconds N]`; see `scripts/fuzz`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import platformdirs

TARGETS = ("recovery", "directory", "import-jsonl", "import-msgpack")


def campaign(target: str, seconds: int) -> None:
    """Fuzz one target in this process; does not return."""
    import atheris

    with atheris.instrument_imports(include=["store"]):
        import fuzz_targets

    home = Path(os.environ.get("MOOTHALL_FUZZ") or platformdirs.user_cache_path("moothall") / "fuzz") / target
    (home / "corpus").mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(fuzz_targets.seeds(target)):
        (home / "corpus" / f"seed-{number}").write_bytes(data)
    limits = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=1024"]
    atheris.Setup([target, str(home / "corpus"), f"-artifact_prefix={home}/", *limits], fuzz_targets.TARGETS[target])
    atheris.Fuzz()


def main() -> None:
    arguments = argparse.ArgumentParser(description="Fuzz the log.")
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
