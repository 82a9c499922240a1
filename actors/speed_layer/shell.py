"""The analysis of a shell line: every simple command it would run, or why that cannot be told.

The tree-sitter-bash grammar finds the structure (`syntax_tree`, `walker`, `constructs`), the words are read from the text
(`lexer`, `leaves`, `expander`), programs that run programs are unwrapped (`unwrap`, `inner_commands`). Lines made of simple commands,
pipes and lists alone take a path without the grammar; a test holds both paths to the same answers.
"""

from __future__ import annotations

import re
from typing import Final

from actors.speed_layer import expander, leaves, syntax_tree
from actors.speed_layer.heredoc import Document
from actors.speed_layer.lexer import Token, Unproved, Word
from actors.speed_layer.paths import join
from actors.speed_layer.simple_command import Analysis, SimpleCommand, Stdin
from actors.speed_layer.text import prepare
from actors.speed_layer.walker import State, Walker

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
    return analysis


def _structured(text: str, documents: list[Document], analysis: Analysis, cwd: str | None) -> None:
    walker = Walker(text, documents, analysis, State(cwd))
    try:
        walker.statements(syntax_tree.parts(text, syntax_tree.parse(text)))
        if len(walker.used_documents) != len(documents):
            raise Unproved("a here-document that belongs to no command")
    finally:
        for function in walker.defined:
            if not function.called:
                for command in function.commands:
                    command.judged = True


def _simple_line(text: str, analysis: Analysis, cwd: str | None) -> bool:
    """Analyse a line without structure; return False, leaving nothing behind, if it has some after all."""
    walker = Walker(text, [], analysis, State(cwd))
    try:
        statements = _pipelines(walker.lexer.tokens(0, len(text)))
    except Unproved:
        return False
    if statements is None or walker.pending:
        return False
    variables = walker.variables
    if variables and (len(statements) > 1 or len(statements[0]) > 1):
        return False
    for pipeline in statements:
        if len(pipeline) == 1:
            leaves.simple(walker, pipeline[0])
            continue
        _pipeline(walker, pipeline)
    return True


def _pipeline(walker: Walker, stages: list[list[Token]]) -> None:
    producers = list[SimpleCommand]()
    for index, stage in enumerate(stages):
        stdin = Stdin("pipe", expander.printed(producers), tuple(producers)) if index else None
        begin = len(walker.analysis.commands)
        with walker.subshell(), walker.fed(stdin):
            leaves.simple(walker, stage)
        producers.extend(walker.analysis.commands[begin:])


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
        if token not in {"|", "&&", ";"} or not stage:
            return None
        stages.append(stage)
        stage = []
        open_operator = token != ";"
        if token != "|":
            statements.append(stages)
            stages = []
    if stage:
        stages.append(stage)
    if open_operator:
        return None
    if stages:
        statements.append(stages)
    return statements or None


__all__ = ["Word", "analyse", "analyse_slowly"]
