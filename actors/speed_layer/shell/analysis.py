"""The analysis of a shell line: every simple command it would run, or why that cannot be told.

The tree-sitter-bash grammar finds the structure (`syntax_tree`), the walker goes through it (`walker`), words are read
from the text (`lexer`, `words_and_redirections`, `expansions`), and programs that run programs are unwrapped
(`wrappers`, `command_effects`). Lines made of simple commands, pipes and lists alone take a path without the grammar
(`plain_line`); a test holds both paths to the same answers.
"""

from __future__ import annotations

from actors.speed_layer.command.paths import normalised
from actors.speed_layer.command.simple_command import Analysis, SimpleCommand
from actors.speed_layer.command.steps import OutOfSteps, Steps
from actors.speed_layer.shell.reading.prepared_text import prepare
from actors.speed_layer.shell.reading.tokens import Unproved
from actors.speed_layer.shell.walking import arithmetic, syntax_tree
from actors.speed_layer.shell.walking.command_effects import is_followed
from actors.speed_layer.shell.walking.pipe_input import piped
from actors.speed_layer.shell.walking.plain_line import PlainLine, Statement, read_plain_line
from actors.speed_layer.shell.walking.walk_state import MAX_COMMANDS, State
from actors.speed_layer.shell.walking.walker import Walker
from actors.speed_layer.shell.walking.words_and_redirections import run_command


def analyse(command: str, cwd: str | None, steps: Steps | None = None) -> Analysis:
    """Return what a shell would run for `command` in the directory `cwd`.

    Args:
        command: Any text; whatever cannot be analysed makes the analysis unproved.
        cwd: The working directory, absolute; `None` if it is unknown.
        steps: Goes on counting the steps of a text that is judged as a part of another; `None` begins anew.
    """
    directory = normalised(cwd)
    analysis = Analysis() if steps is None else Analysis(steps=steps)
    line = read_plain_line(command, directory, analysis.steps)
    found = _plainly(line, command, directory, analysis) if line is not None else None
    return found or _structured(command, directory, Analysis(steps=analysis.steps))


def analyse_slowly(command: str, cwd: str | None) -> Analysis:
    """Do the same by the grammar alone; the oracle of the fast path in tests."""
    return _structured(command, normalised(cwd), Analysis())


def _structured(command: str, cwd: str | None, analysis: Analysis) -> Analysis:
    try:
        text, documents = prepare(command, analysis.steps)
        walker = Walker(text, documents, analysis, State(cwd))
        try:
            walker.statements(syntax_tree.parts(walker.shape, syntax_tree.parse(walker.shape, analysis.steps)))
            walker.finish()
        finally:
            _judge_uncalled(walker)
    except (Unproved, OutOfSteps) as doubt:
        analysis.unproved.append(str(doubt))
    except RecursionError:
        analysis.unproved.append("too deeply nested")
    _check_arithmetic(analysis)
    return analysis


def _judge_uncalled(walker: Walker) -> None:
    for function in walker.defined:
        if not function.called:
            for command in function.commands:
                command.judged = True


def _check_arithmetic(analysis: Analysis) -> None:
    doubt = arithmetic.doubts(analysis.arithmetic)
    if doubt:
        analysis.unproved.append(doubt)


def _plainly(line: PlainLine, text: str, cwd: str | None, analysis: Analysis) -> Analysis | None:
    """Analyse a line that one pattern reads; None if it takes the grammar after all."""
    if len(line.commands) > MAX_COMMANDS:
        return None
    try:
        for command in line.commands:
            if is_followed(command):
                return _followed(line, text, cwd, analysis)
    except (Unproved, OutOfSteps, RecursionError):
        return None
    analysis.commands = line.commands
    return analysis


def _followed(line: PlainLine, text: str, cwd: str | None, analysis: Analysis) -> Analysis | None:
    """Analyse the same, following what commands change in the shell and what they run."""
    if any(command.env for command in line.commands):
        return None
    walker = Walker(text, [], analysis, State(cwd))
    for statement in line.statements:
        _follow(walker, statement)
    _judge_uncalled(walker)
    _check_arithmetic(analysis)
    return analysis


def _follow(walker: Walker, statement: Statement) -> None:
    """Follow a statement as `Walker.statements` and `compound_commands.listing` do."""
    before = walker.state.cwd
    if statement.background:
        with walker.subshell():
            _follow_list(walker, statement)
    else:
        _follow_list(walker, statement)
        if walker.state.cwd != before:
            walker.state.fallbacks = (*walker.state.fallbacks[-2:], before)


def _follow_list(walker: Walker, statement: Statement) -> None:
    before = walker.state.cwd
    first, *others = statement.pipelines
    _follow_pipeline(walker, first)
    for joined, pipeline in zip(statement.joins, others, strict=True):
        after, alone = walker.state.cwd, pipeline is others[0] and len(first) == 1
        if joined == "||":
            walker.state.cwd = before if after == before or alone else None
        _follow_pipeline(walker, pipeline)
        if joined == "||":
            walker.state.cwd = after if walker.state.cwd in {before, None} else None


def _follow_pipeline(walker: Walker, pipeline: list[SimpleCommand]) -> None:
    if len(pipeline) == 1:
        pipeline[0].cwd = walker.state.cwd
        run_command(walker, pipeline[0])
        return
    written = walker.analysis.commands
    producers: list[SimpleCommand] = []
    for command in pipeline:
        begin = len(written)
        command.cwd = walker.state.cwd
        if producers and (command.stdin is None or command.stdin.kind == "pipe"):
            command.stdin = piped(producers)
        with walker.subshell():
            run_command(walker, command)
        producers.extend(written[begin:])


__all__ = ["analyse", "analyse_slowly"]
