"""Try bugs: `python -m mutation [MODULE ...]`, as `scripts/mutants` does."""

from __future__ import annotations

from cyclopts import App, Parameter

from mutation.command import mutants
from transport.cli.main import main

app = App(name="scripts/mutants", default_parameter=Parameter(negative=()))
app.default(mutants)

if __name__ == "__main__":
    main(app)
