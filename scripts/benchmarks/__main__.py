"""Run the benchmarks: `python -m benchmarks SUITE ...`, as `scripts/bench` does."""

from __future__ import annotations

import sys

from cyclopts import App, CycloptsError, Parameter

from benchmarks.command import bench
from transport.cli.failure import CommandFailed, Exit, fail

app = App(name="scripts/bench", default_parameter=Parameter(negative=()))
app.default(bench)


def main() -> None:
    """Measure as the command line says, and exit with the contract's codes."""
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False)
    except CycloptsError as error:
        fail(Exit.USAGE, f"{' '.join(str(error).split())}; see `scripts/bench --help`")
    except CommandFailed as error:
        fail(error.code, str(error))


if __name__ == "__main__":
    main()
