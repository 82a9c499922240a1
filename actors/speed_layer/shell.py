"""The analysis of a shell line: every simple command it would run, or why that cannot be told.

The tree-sitter-bash grammar finds the structure (`syntax_tree`, `walker`, `constructs`), the words are read from
the text (`lexer`, `leaves`, `expander`), programs that run programs are unwrapped (`unwrap`, `inner_commands`).
Lines made of simple commands, pipes and lists alone take a path without the grammar; a test holds both paths to the
same answers.
"""

from __future__ import annotations

import re
from typing import Final

from actors.speed_layer import arithmetic, expander, inner_commands, leaves, syntax_tree
from actors.speed_layer.heredoc import Document
from actors.speed_layer.lexer import Lexer, Piece, Token, TooLong, Unproved, Word
from actors.speed_layer.paths import join
from actors.speed_layer.simple_command import Analysis, SimpleCommand, Stdin
from actors.speed_layer.text import prepare
from actors.speed_layer.walker import MAX_COMMANDS, State, Walker

SEPARATORS: Final = frozenset({"|", "&&", ";"})
UNFINISHED: Final = frozenset({"|", "&&"})
ENDS_PIPELINE: Final = frozenset({"&&", ";"})
STRUCTURED: Final = re.compile(
    r"[`(){}\n]|(?:\A|[ \t;|&])(?:#|!|\[\[|time|coproc|if|for|while|until|case|select|function)(?:[ \t;|&]|\Z)"
)


def analyse(command: str, cwd: str | None) -> Analysis:
    """Return what a shell would run for `command` in the directory `cwd`.

    Args:
        command: Any text; whatever cannot be analysed makes the analysis unproved.
        cwd: The working directory, absolute; `None` if it is unknown.
    """
    analysis = Analysis()
    try:
        text, documents = prepare(command)
        directory = join(None, cwd) if cwd else None
        if not documents and not STRUCTURED.search(text) and _simple_line(text, analysis, directory):
            return analysis
        _structured(text, documents, analysis, directory)
    except Unproved as doubt:
        analysis.unproved.append(str(doubt))
    except RecursionError:
        analysis.unproved.append("too deeply nested")
    _check_numbers(analysis)
    return analysis


def analyse_slowly(command: str, cwd: str | None) -> Analysis:
    """Do the same by the grammar alone; the oracle of the fast path in tests."""
    analysis = Analysis()
    try:
        text, documents = prepare(command)
        _structured(text, documents, analysis, join(None, cwd) if cwd else None)
    except Unproved as doubt:
        analysis.unproved.append(str(doubt))
    except RecursionError:
        analysis.unproved.append("too deeply nested")
    _check_numbers(analysis)
    return analysis


def _check_numbers(analysis: Analysis) -> None:
    doubt = arithmetic.doubts(analysis.numbers)
    if doubt:
        analysis.unproved.append(doubt)


def _structured(text: str, documents: list[Document], analysis: Analysis, cwd: str | None) -> None:
    walker = Walker(text, documents, analysis, State(cwd))
    try:
        walker.statements(syntax_tree.parts(walker.shape, syntax_tree.parse(walker.shape)))
        walker.finish()
    finally:
        for function in walker.defined:
            if not function.called:
                for command in function.commands:
                    command.judged = True


def _simple_line(text: str, analysis: Analysis, cwd: str | None) -> bool:
    """Analyse a line without structure; return False, leaving nothing behind, if it has some after all."""
    try:
        tokens = Lexer(text, _needs_grammar).tokens(0, len(text))
        if sum(isinstance(token, str) for token in tokens) >= MAX_COMMANDS:
            analysis.unproved.append("it would take too long to analyse")
            return True
        statements = _pipelines(tokens)
        if statements is None:
            return False
        for pipeline in statements:
            producers = list[SimpleCommand]()
            for stage in pipeline:
                command = _command(stage, cwd, producers)
                if inner_commands.is_followed(command):
                    analysis.commands.clear()
                    if inner_commands.moves(command) and ";" in text:
                        return False
                    return _followed(text, statements, analysis, cwd)
                analysis.commands.append(command)
                producers.append(command)
    except TooLong:
        raise
    except Unproved:
        analysis.commands.clear()
        return False
    return True


def _command(stage: list[Token], cwd: str | None, producers: list[SimpleCommand]) -> SimpleCommand:
    words = [token for token in stage if isinstance(token, Word)]
    redirects, stdin = leaves.redirections(None, stage) if len(words) != len(stage) else ((), None)
    if producers and stdin is None:
        stdin = Stdin("pipe", expander.printed(producers), tuple(producers))
    return leaves.build(words, redirects, cwd, stdin)


def _followed(text: str, statements: list[list[list[Token]]], analysis: Analysis, cwd: str | None) -> bool:
    """Analyse the same, following what commands change in the shell and what they run."""
    walker = Walker(text, [], analysis, State(cwd))
    for pipeline in statements:
        if len(pipeline) == 1:
            leaves.simple(walker, pipeline[0])
            continue
        producers = list[SimpleCommand]()
        for index, stage in enumerate(pipeline):
            stdin = Stdin("pipe", expander.printed(producers), tuple(producers)) if index else None
            begin = len(analysis.commands)
            with walker.subshell(), walker.fed(stdin):
                leaves.simple(walker, stage)
            producers.extend(analysis.commands[begin:])
    return True


def _needs_grammar(_position: int, _end: int, _quoted: bool) -> Piece:
    raise Unproved("an expansion")


def _pipelines(tokens: list[Token]) -> list[list[list[Token]]] | None:
    """Group tokens into pipelines of stages; `None` where the line has more structure than that."""
    statements = list[list[list[Token]]]()
    stages, stage = list[list[Token]](), list[Token]()
    open_operator = False
    for token in tokens:
        if not isinstance(token, str):
            stage.append(token)
            open_operator = False
            continue
        if token not in SEPARATORS or not stage:
            return None
        stages.append(stage)
        stage = []
        open_operator = token in UNFINISHED
        if token in ENDS_PIPELINE:
            statements.append(stages)
            stages = []
    if stage:
        stages.append(stage)
    if open_operator:
        return None
    if stages:
        statements.append(stages)
    return statements or None


__all__ = ["analyse", "analyse_slowly"]
