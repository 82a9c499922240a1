"""Programs that run other programs, and the grammar of what stands before the program they run.

Option lists follow the manual pages of GNU coreutils 9, util-linux 2.40, sudo 1.9, findutils 4.10 and the help
texts of the package runners. An option that is not listed makes the line unproved, because what follows could then
be its value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from actors.speed_layer.command.options import Grammar, grammar


@dataclass(frozen=True, slots=True)
class Wrapper:
    """How a program that runs another one is written.

    Attributes:
        options: Its own options, all before the program it runs.
        skip: Number of words of its own between the options and the program (`timeout 10 ...`).
        assigns: Whether `NAME=value` words may stand before the program.
        joins: Whether the rest is joined and given to a shell (`watch`).
    """

    options: Grammar
    skip: int = 0
    assigns: bool = False
    joins: bool = False


def _wrapper(options: str, skip: int = 0, *, assigns: bool = False, joins: bool = False) -> Wrapper:
    return Wrapper(grammar(options), skip, assigns, joins)


_SUDO: Final = """-A -B -b -E -H -i -K -k -n -P -S -s -N --askpass --background --login --shell --non-interactive
    --preserve-env=? --set-home --stdin --reset-timestamp -C= -D=dir -g= -h= -p= -R= -r= -T= -t= -U= -u= --user=
    --group=
    --host= --prompt= --chdir=dir --chroot= --close-from= --command-timeout= --role= --type= --other-user="""

WRAPPERS: Final[dict[tuple[str, ...], Wrapper]] = {
    ("sudo",): _wrapper(_SUDO, assigns=True),
    ("doas",): _wrapper("-L -n -s -C= -u= -a="),
    ("env",): _wrapper("-i -0 -v --ignore-environment --null --debug -u= --unset= -C=dir --chdir=dir", assigns=True),
    ("nice",): _wrapper("-n= --adjustment= -#"),
    ("ionice",): _wrapper("-c= -n= -t --class= --classdata= --ignore"),
    ("nohup",): _wrapper(""),
    ("setsid",): _wrapper("-c -f -w --ctty --fork --wait"),
    ("time",): _wrapper("-p -v -a -q -f= --format= --verbose --portability --quiet"),
    ("timeout",): _wrapper("-k= -s= -v -f -p --kill-after= --signal= --foreground --preserve-status --verbose", 1),
    ("gtimeout",): _wrapper("-k= -s= -v --kill-after= --signal= --foreground --preserve-status --verbose", 1),
    ("stdbuf",): _wrapper("-i= -o= -e= --input= --output= --error="),
    ("unbuffer",): _wrapper("-p"),
    ("chrt",): _wrapper("-b -f -i -o -r -a -v", 1),
    ("taskset",): _wrapper("-a -c --cpu-list --all-tasks", 1),
    ("caffeinate",): _wrapper("-d -i -m -s -u -t="),
    ("watch",): _wrapper(
        "-b -c -d -e -g -t -n= -q= -p -w --beep --color --differences=? --errexit --chgexit --no-title --interval=",
        joins=True,
    ),
    ("chroot",): _wrapper("--userspec= --groups= --skip-chdir", 1),
    ("flock",): _wrapper("-s -x -e -u -n -o -w= -E= --shared --exclusive --nonblock --timeout= --wait=", 1),
    ("strace",): _wrapper("-f -c -q -t -T -v -y -C -e= -s= -S="),
    ("ltrace",): _wrapper("-f -c -S -e= -s="),
    ("ssh",): _wrapper(
        "-4 -6 -A -a -C -f -G -g -K -k -M -N -n -q -s -T -t -V -v -X -x -Y -y -B= -b= -c= -D= -E= -e= -F= -I= -i= -J="
        " -L= -l= -m= -O= -o= -p= -Q= -R= -S= -W= -w=",
        1,
        joins=True,
    ),
    ("valgrind",): _wrapper(
        "-v -q --leak-check= --track-origins= --show-leak-kinds= --error-exitcode= --num-callers= --quiet --verbose"
    ),
    ("perf", "stat"): _wrapper("-d -v -a -r= -e= -x="),
    ("command",): _wrapper("-p"),
    ("builtin",): _wrapper(""),
    ("exec",): _wrapper("-c -l -a="),
    ("busybox",): _wrapper(""),
    ("toybox",): _wrapper(""),
    ("coproc",): _wrapper(""),
    ("c8",): _wrapper("-r= --reporter= --all --check-coverage --lines= --branches= --functions= --statements="),
    ("nyc",): _wrapper("--reporter= -r= --all --silent -s --check-coverage --lines= --branches= --functions="),
    ("npx",): _wrapper("--no-install --no -y --yes -q --quiet --prefer-offline --offline"),
    ("bunx",): _wrapper("--bun --no-install"),
    ("npm", "exec"): _wrapper("--no --no-install -y --yes --offline -p= --package="),
    ("pnpm", "exec"): _wrapper("-r --recursive --parallel"),
    ("pnpm", "dlx"): _wrapper("--silent"),
    ("yarn", "exec"): _wrapper(""),
    ("yarn", "dlx"): _wrapper("-q"),
    ("poetry", "run"): _wrapper("-q -v -n --quiet --no-interaction"),
    ("uv", "run"): _wrapper(
        "-q -v --frozen --locked --no-sync --offline --quiet --all-extras --dev --no-dev --active"
        " --extra= --group= --package="
    ),
    ("pipenv", "run"): _wrapper(""),
    ("pdm", "run"): _wrapper("-s"),
    ("hatch", "run"): _wrapper(""),
    ("rye", "run"): _wrapper(""),
    ("bundle", "exec"): _wrapper("--keep-file-descriptors"),
    ("mise", "exec"): _wrapper(""),
    ("direnv", "exec"): _wrapper("", 1),
    ("conda", "run"): _wrapper("-n= --name= --no-capture-output --live-stream"),
    ("micromamba", "run"): _wrapper("-n="),
    ("docker", "exec"): _wrapper(
        "-i -t -d -e= -u= -w= --env= --user= --workdir= --interactive --tty --detach --privileged", 1
    ),
    ("podman", "exec"): _wrapper("-i -t -d -l -e= -u= -w= --env= --user= --workdir= --interactive --tty --detach", 1),
    ("docker", "compose", "exec"): _wrapper(
        "-T -d -e= -u= -w= --env= --user= --workdir= --index= --detach --privileged", 1
    ),
    ("docker-compose", "exec"): _wrapper("-T -d -e= -u= -w= --env= --user= --index= --privileged", 1),
}
"""Prefix of words to grammar; longer prefixes are tried first."""

TASK_RUNNERS: Final = frozenset({"hatch", "pdm", "pipenv", "rye", "mise", "composer"})
"""Programs whose `run` takes names of the project's own tasks beside programs."""
TASKS: Final = frozenset(
    {"test", "tests", "lint", "format", "fmt", "check", "checks", "docs", "typecheck", "types", "style", "unit"}
)
HYPERFINE: Final = grammar(
    "-N -i -w= -r= -m= -M= -u= -p= -s= -c= --ignore-failure --warmup= --runs= --min-runs= --max-runs= --time-unit="
    " --style= --prepare= --setup= --cleanup= --conclude= --show-output"
)
XARGS: Final = grammar(
    "-0 -o -r -t -x -p --null --no-run-if-empty --verbose --exit --open-tty --interactive -a= -d= -E= -I= -L= -n= -P="
    " -s= -J= --arg-file= --delimiter= --replace= --max-lines= --max-args= --max-procs= --max-chars= -i=? -l=? -e=?"
)

SHELLS: Final = frozenset({"bash", "sh", "zsh", "dash", "ksh", "ash", "mksh", "fish", "rbash"})
SHELL_OPTIONS: Final = grammar(
    "-c -e -u -x -i -l -n -v -s -f -a -b -h -m -p -r -B -C -E -H -P -T -D -o= -O= +o= +x +e +u + --login --norc"
    " --noprofile --posix --verbose --restricted --noediting --init-file= --rcfile= --debugger"
)

MODULES: Final = frozenset(
    """
    pytest mypy ruff black isort flake8 pylint pip tox nox coverage build twine pyright bandit uv poetry
    pre_commit pydocstyle pycodestyle pyflakes vulture radon yamllint codespell interrogate autopep8 yapf django
    alembic sphinx
    """.split()  # noqa: SIM905 - easier to read and to change than quoted words
)
"""Python modules whose `python -m NAME` is the program NAME."""
