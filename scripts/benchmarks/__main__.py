"""Run the benchmarks: `python -m benchmarks SUITE ...`, as `scripts/bench` does."""

from __future__ import annotations

from cyclopts import App, Parameter

from benchmarks.command import bench
from transport.cli.main import main

app = App(name="scripts/bench", default_parameter=Parameter(negative=()))
app.default(bench)

if __name__ == "__main__":
    main(app)
