"""A patch that a line writes into a file and then applies: what it changes is judged as if the line wrote that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from actors.speed_layer.command.paths import join
from actors.speed_layer.command.simple_command import SimpleCommand
from actors.speed_layer.policy.judging.written_and_run import RULE, Written, written_text
from actors.speed_layer.policy.matching.path_rules import Finding, PathRules, Workspace
from actors.speed_layer.proofs.patch import patched_files


def applies(command: SimpleCommand) -> bool:
    """Return whether a command is `git apply`."""
    return command.words[:2] == ("git", "apply")


def patch_paths(command: SimpleCommand) -> list[str]:
    """Return the patches that `git apply` is given, as paths."""
    paths = [join(command.cwd, word) for word in command.words[2:] if word[:1] != "-"]
    return [path for path in paths if path is not None]


def applied(
    commands: Sequence[SimpleCommand], written: Sequence[Written], paths: PathRules, workspace: Workspace
) -> Iterator[tuple[Finding, Written | None]]:
    """Yield what is to be said to the files that patches change which the line itself writes, and these files.

    Args:
        commands: The commands of the line.
        written: The files that they write.
        paths: Rules over files.
        workspace: The request's workspace.
    """
    for command in commands:
        given = patch_paths(command) if applies(command) else []
        for one in written:
            if not any(one.may_be(path) for path in given):
                continue
            found = patched_files(written_text(one.by) or "")
            if found is None:
                name = one.path.rpartition("/")[2]
                yield (
                    Finding("ask", RULE, f"the line writes {name} and applies it, and what it changes is not known"),
                    None,
                )
                continue
            for file in found:
                for base in {command.cwd, workspace.root}:
                    finding = paths.judge(file.path, base, "write", workspace)
                    yield finding, Written(finding.path, command, whole=file.creates, below=False)
