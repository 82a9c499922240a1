"""The `moothall` command. Each subcommand's module is imported only when it runs."""

from __future__ import annotations

import sys

from cyclopts import App, CycloptsError, Parameter

from transport.cli.failure import CommandFailed, Exit, fail
from transport.version import VERSION

app = App(
    name="moothall",
    help="The hall where agents meet and rulings are kept.",
    version=VERSION,
    version_format="plaintext",
    default_parameter=Parameter(negative=()),
)
app.command("transport.cli.serve:serve", help="Run the server.")
app.command(
    "transport.cli.connect:connect", help="Bridge stdio to a server's websocket, for clients that start a command."
)
app.command("transport.cli.hook:hook", help="Judge a coding agent's tool call, as its hook.")
app.command("transport.cli.agent:app", name="agent", help="Add, list and revoke tokens.")
app.command("transport.cli.events:app", name="events", help="Append to, read and verify the log.")
app.command("transport.cli.policy:app", name="policy", help="Check a policy and explain its verdicts.")
app.command("transport.cli.approvals:app", name="approvals", help="Decide what no rule decides.")
app.command("transport.cli.tree:tree", help="Print the tree of what runs in a server.")
app.command("transport.cli.demo:demo", help="Watch eight agents work in a hall of their own.")
app.command("transport.cli.bench:bench", help="Measure, side by side with peers.")


def main() -> None:
    """Run the command line and exit with the contract's codes."""
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False)
    except CycloptsError as error:
        fail(Exit.USAGE, f"{' '.join(str(error).split())}; see `moothall --help`")
    except CommandFailed as error:
        fail(error.code, str(error))
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`): not an error; but Python would complain when it flushes.
        sys.stdout = None
        sys.exit(Exit.OK)


if __name__ == "__main__":
    main()
