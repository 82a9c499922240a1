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
app.command("transport.cli.server.serve:serve", help="Run the server.")
app.command(
    "transport.cli.agents.connect:connect",
    help="Bridge stdio to a server's websocket, for clients that start a command.",
)
app.command("transport.cli.agents.hook_command:hook", help="Judge a coding agent's tool call, as its hook.")
app.command("transport.cli.people.agent_tokens:app", name="agent", help="Add, list and revoke tokens.")
app.command("transport.cli.log.events:app", name="events", help="Append to, read and verify the log.")
app.command("transport.cli.log.adopt:adopt", help="Move the log of an old .moothall/ to this user's own directory.")
app.command("transport.cli.policy.policy:app", name="policy", help="Check a policy and explain its verdicts.")
app.command("transport.cli.people.approvals:app", name="approvals", help="Decide what no rule decides.")
app.command("transport.cli.server.tree:tree", help="Print the tree of what runs in a server.")
app.command(
    "transport.cli.server.bench:bench", help="Measure how fast a running server answers; its log keeps the calls."
)
app.command("transport.cli.demo.demo:demo", help="Watch eight agents work in a hall of their own.")


def main(commands: App = app) -> None:
    """Run a command line, `moothall`'s unless told otherwise, and exit with the contract's codes."""
    try:
        commands(sys.argv[1:], exit_on_error=False, print_error=False)
    except CycloptsError as error:
        fail(Exit.USAGE, f"{' '.join(str(error).split())}; see `{commands.name[0]} --help`")
    except CommandFailed as error:
        fail(error.code, str(error))
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`): not an error; but Python would complain when it flushes.
        sys.stdout = None
        sys.exit(Exit.OK)


if __name__ == "__main__":
    main()
