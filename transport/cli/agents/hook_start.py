"""Where a hook's command starts: `python -I -S .../hook_start.py AGENT --hall ID || exit 2`.

A hook runs in a directory whose files and environment an agent, or a clone, may have written, and what agents do with a
hook that fails is to let the call pass. So:

- `-I` keeps the working directory, `PYTHONPATH` and all other variables of Python out, and `-S` the files that a
  virtual environment runs at each start, which take longer than the hook. This file adds the one directory that holds
  Moothall, behind the standard library: nothing there is taken for a module of that.
- Whatever goes wrong here is exit code 2, which every agent takes for a refusal; and `|| exit 2` says the same where
  there is no such interpreter or file any more, or the system kills it.
- It ends: `hook.py` has one deadline over everything, and the system ends the process where that cannot.

It is compiled at each start, so it is short. It imports nothing before it knows where from.
"""

from __future__ import annotations

import sys


def start(words: list[str]) -> None:
    """Run the hook.

    Args:
        words: The agent's name and the flags.
    """
    try:
        root = __file__.rpartition("/transport/")[0]
        if root not in sys.path:
            sys.path.append(root)
        from transport.cli.agents.hook import run  # noqa: PLC0415 - not before it is known where from

        run(words)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - whatever it is, the call must not pass
        sys.stderr.write(f"moothall: the hook failed, so nothing may be done: {error!r:.300}\n")
        sys.exit(2)


if __name__ == "__main__":
    start(sys.argv[1:])
