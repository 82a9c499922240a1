"""Doors that tools leave open: what they are fed, globs that pick secrets, hosts of forges, registries, pagers."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "line",
    [
        "echo 'x:;./x' | make -f -",
        "make -f- test <<< 'test:;./x'",
        "make --file - <<'E'\nx:;./x\nE",
        "cat a | make -kf - all",
    ],
)
def test_rules_that_a_tool_is_fed_are_asked_about(shell, line: str) -> None:
    assert shell(line) == "ask"


@pytest.mark.parametrize(
    "line",
    [
        "cat *.env*",
        "cat config/*.k*",
        "cat *.[pk]e[my]",
        "head infra/*.tfs*",
        "cp *.env* x",
        "find . -name '*.p?m' -exec head {} +",
        "grep -r '' --include='.env*' .",
        "grep -rh '' --include '*.key' .",
        "rg -g '.env' ''",
        "rg --glob='*.{ts,pem}' ''",
        "rg -g '/.e[n]v' ''",
        "rg --iglob 'a b*' ''",
        "git grep -h '' -- .env",
        "git grep -e x -- '*.pem'",
    ],
)
def test_a_glob_that_is_made_for_secret_files_is_asked_about(shell, line: str) -> None:
    assert shell(line) == "ask"


@pytest.mark.parametrize(
    "line",
    [
        "cat *",
        "cat *.json",
        "cat src/*.tsx tests/test_*.py",
        "cat app/[id]/page.tsx",
        "grep -n key *key*.py",
        "grep -rn x --include='*.{ts,tsx}' src",
        "rg x -g '!.env' -g '/src/**'",
        "find . -name '*.env*'",
        "git grep -n TODO HEAD~2 -- '*.go' src",
        "git grep -e x -- ':!vendor'",
    ],
)
def test_a_glob_of_everyday_files_is_allowed(shell, line: str) -> None:
    assert shell(line) == "allow"


@pytest.mark.parametrize(
    "line",
    [
        "gh pr list -R forge.example/x/y",
        "gh issue list --repo=https://forge.example/x/y",
        "gh pr view https://forge.example/a/b/pull/1",
        "gh run list -R git@forge.example:x/y",
        "gh api --hostname forge.example user",
        "gh auth status --hostname forge.example",
        "docker manifest inspect registry.example/x",
        "trivy image x",
        "grype registry.example/x",
        "syft alpine:3",
        "aws s3 ls --no-verify-ssl",
        "helm get manifest x",
    ],
)
def test_a_reading_that_reaches_another_host_or_prints_secrets_is_asked_about(shell, line: str) -> None:
    assert shell(line) == "ask"


@pytest.mark.parametrize(
    "line",
    [
        "gh pr list -R cli/cli --json number,title",
        "gh repo view vercel/next.js",
        "gh release view v1.2.3",
        "gh pr view https://github.com/a/b/pull/3",
        "gh api --hostname github.com user",
        "glab mr list -R group/part/project",
        "trivy fs .",
        "grype dir:.",
        "semgrep scan src",
        "aws s3 ls",
        "helm get notes x",
    ],
)
def test_a_reading_of_what_is_known_is_allowed(shell, line: str) -> None:
    assert shell(line) == "allow"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("GIT_PAGER=cat git log -3", "allow"),
        ("PAGER= git log", "allow"),
        ("export PAGER=cat; git diff", "allow"),
        ("AWS_PAGER='' AWS_REGION=eu-west-1 aws s3 ls", "allow"),
        ("GIT_TERMINAL_PROMPT=0 git status", "allow"),
        ("PAGER=./x git log", "ask"),
        ("GIT_PAGER='cat; ./x' git log", "ask"),
        ("PAGER=$X git log", "ask"),
        ("AWS_REGION=x.example/ aws s3 ls", "ask"),
        ("GIT_SSH=./x git status", "ask"),
    ],
)
def test_a_pager_that_is_none_runs_nothing(shell, line: str, expected: str) -> None:
    assert shell(line) == expected


def test_words_that_a_script_s_shell_would_run_are_not_handed_on(shell) -> None:
    assert shell("npm test -- '$(./x)'") == "ask"
    assert shell("npm test -- --grep 'x$'") == "allow"


@pytest.mark.parametrize(
    "line",
    [
        "node --test --test-reporter=data:text/javascript,x",
        "node --test --test-reporter /tmp/x.mjs",
        "knip --reporter=./x.ts",
        "commitlint --format ../x.js",
        "flake8 --format=/tmp/x",
        "flutter test --reporter=./x",
        "zig fmt ../other",
        "gleam format ../x",
        "cabal build ~/x",
        "tox -e ../x",
    ],
)
def test_a_reporter_by_its_file_and_a_target_outside_are_asked_about(shell, line: str) -> None:
    assert shell(line) == "ask"


@pytest.mark.parametrize(
    "line",
    [
        "node --test --test-reporter=spec",
        "flake8 --format='%(path)s:%(row)d' src",
        "ruff check --output-format=concise .",
        "flutter test --reporter=expanded",
        "zig build test",
        "cabal build all",
        "tox -e py312",
    ],
)
def test_a_reporter_by_its_name_and_a_target_of_the_project_are_allowed(shell, line: str) -> None:
    assert shell(line) == "allow"
