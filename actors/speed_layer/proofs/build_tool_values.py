"""Values of options and arguments of build tools: proves that they name no program to run."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from actors.speed_layer.proofs.everyday_tasks import WEIGHTY

CMAKE_DEFINE: Final = re.compile(
    r"(?:CMAKE_(?:BUILD_TYPE|EXPORT_COMPILE_COMMANDS|CXX_STANDARD|C_STANDARD|INSTALL_PREFIX|VERBOSE_MAKEFILE|COLOR_DIAGNOSTICS|UNITY_BUILD|POSITION_INDEPENDENT_CODE)"
    r"|BUILD_\w+|ENABLE_\w+|WITH_\w+|USE_\w+|\w+_(?:BUILD|ENABLE|TESTS|TESTING|EXAMPLES|BENCHMARKS|DOCS|WERROR|SANITIZE\w*))(?::[A-Z]+)?=[A-Za-z0-9_.,+-]*\Z"
)
GO_LDFLAGS: Final = re.compile(r"(?:\s*-(?:s|w|X\s+[\w./-]+=[\w./:+-]*))*\s*\Z")
GO_GCFLAGS: Final = re.compile(r"(?:all=)?(?:-[NlmSd0-9]+(?:=[0-9]+)?\s*)*\Z")
GO_MOD: Final = re.compile(r"(?:readonly|vendor|mod)\Z")
RUSTC_CODEGEN: Final = re.compile(
    r"(?:opt-level|debuginfo|lto|codegen-units|target-cpu|panic|overflow-checks|strip|debug-assertions)=[\w-]+\Z"
)
MAVEN: Final = re.compile(
    r"(?:clean|validate|compile|test|test-compile|package|verify|site|dependency:(?:tree|analyze|list|resolve)|versions:display-\S+|checkstyle:check|spotless:(?:check|apply)|spotbugs:check|pmd:check|help:\S+|surefire:test|jacoco:report|enforcer:enforce|fmt:(?:check|format))\Z"
)


MONGO: Final = re.compile(
    r"\s*(?:show (?:dbs|collections|tables)|db\.(?:stats|version|getName|getCollectionNames|serverStatus)\(\)"
    r"|db\.(?:\w+|getCollection\([\"']\w+[\"']\))\.(?:find|findOne|countDocuments|estimatedDocumentCount|count|distinct"
    r"|getIndexes|stats|dataSize)\([^()$;`=]*(?:\$(?:gte?|lte?|in|nin|ne|eq|exists|and|or|not)\b[^()$;`=]*)*\)"
    r"(?:\.(?:limit|skip|sort|count|pretty|toArray|size|explain)\([^()$;`=]*\))*)\s*;?\s*\Z"
)


HANDED_ON: Final = re.compile(
    r"(?!-[crpeoI]|--?(?:conf|config\S*|require|req|import|plugins?|(?:experimental-)?loader|rulesdir|resolve-plugins-\S*|global-?\w*"
    r"|setup\S*|transform\S*|runner|test-?runner|test-?environment\S*|environment|env|preset|reporters?|output\S*|out\S*"
    r"|root\w*|cwd|prefix|script-shell|shell|exec|eval|node-?\w*|package|file|init\S*|settings|define|D\S*|register"
    r"|pdbcls|confcutdir|rcfile|load\S*|custom\S*|ext\w*|tsconfig|project|parser\S*|format(?:ter)?)(?:\Z|=[^A-Za-z0-9]))"
    r"(?!--?(?:config\S*|require|import|plugins?|loader|rulesdir|setup\S*|transform|global\w*|runner|preset|exec|eval|node-?\w*"
    r"|output\S*)=)"
    r"(?![^\x00]*(?:\$\(|`))(?!(?:--?[\w-]+=)?(?:/|~|\.\.(?:/|\Z)))(?:(?!/\.\./)[^\x00])*\Z",
    re.DOTALL | re.IGNORECASE,
)
"""Words handed on to a project's own test runner or linter, whichever it is: none names code or settings to load."""
FORGE: Final = re.compile(
    r"(?!(?:[a-z]+://|git@)?(?!git(?:hub|lab)\.com[/:])[\w-]+(?:\.[\w-]+)+(?::\d+)?[/:][^/\s]+/[^/\s]+)"
    r"(?!(?:[a-z]+://|git@)(?!git(?:hub|lab)\.com[/:]))[^\x00]*\Z"
)
"""Words of `gh` and `glab` but those that name another host: a token for any host would be sent there."""
GO_PACKAGE: Final = re.compile(
    r"(?:\.(?:/(?!(?:.*/)?\.\.(?:/|\Z)).*)?|\.\.\.|[A-Za-z_][\w-]*(?:/[\w.-]+)*|[\w-]+\.go)\Z"
)
OUTSIDE: Final = re.compile(r"(?:/|~|(?:.*/)?\.\.(?:/|\Z))", re.DOTALL)


def _shape(pattern: re.Pattern[str], what: str) -> Callable[[str], str | None]:
    def check(text: str) -> str | None:
        return None if pattern.match(text) else f"{text[:60]!r} is not {what}"

    return check


def tool_arguments(text: str) -> str | None:
    """Return why an argument handed on to rustfmt is not harmless."""
    return (
        None
        if text in {"--check", "--verbose", "--quiet", "-l", "--"} or text.startswith(("--edition", "--color"))
        else f"{text!r} is handed on"
    )


def weightless(text: str) -> str | None:
    """Return why a word names more than everyday work of the project."""
    if OUTSIDE.match(text):
        return f"{text[:40]!r} does not lie in the workspace"
    parts = re.split(r"[^a-z]+", text.lower())
    heavy = next((part for part in parts if part in WEIGHTY), None)
    return f"{text[:40]!r} sounds like more than everyday work ({heavy})" if heavy else None


BUILD_TOOL_CHECKS: Final[dict[str, Callable[[str], str | None]]] = {
    "cmake-define": _shape(CMAKE_DEFINE, "a setting known to be harmless"),
    "go-ldflags": _shape(GO_LDFLAGS, "a linker flag known to be harmless"),
    "go-gcflags": _shape(GO_GCFLAGS, "a compiler flag known to be harmless"),
    "go-mod": _shape(GO_MOD, "a module mode"),
    "rustc-codegen": _shape(RUSTC_CODEGEN, "a code generation option known to be harmless"),
    "maven": _shape(MAVEN, "a phase or goal of everyday work"),
    "pytest-plugin": _shape(re.compile(r"no:[A-Za-z0-9_.-]+\Z"), "a plugin switched off"),
    "time": _shape(re.compile(r"\+.*\Z", re.DOTALL), "a format"),
    "set-option": _shape(
        re.compile(r"(?:errexit|nounset|xtrace|verbose|pipefail|noglob|noclobber|errtrace|functrace|emacs|vi)\Z"),
        "a harmless option of the shell",
    ),
    "topic": _shape(re.compile(r"[A-Za-z0-9_\[][A-Za-z0-9_:+.@()-]*\Z"), "the name of a page"),
    "vcs": _shape(re.compile(r"(?:git|svn|auto)\Z"), "a version control system"),
    "word": _shape(re.compile(r"[A-Za-z0-9_-]+\Z"), "a plain word"),
    "suffix": _shape(re.compile(r"[A-Za-z0-9._~-]*\Z"), "a suffix"),
    "dash": _shape(re.compile(r"-\Z"), "what it is fed"),
    "empty": _shape(re.compile(r"\Z"), "empty"),
    "client-only": _shape(re.compile(r"client\Z"), "a dry run on this machine"),
    "dry-run": _shape(re.compile(r"(?:client|server)\Z"), "a dry run"),
    "activation": _shape(
        re.compile(r"(?:\./)?(?:[A-Za-z0-9_][\w-]*/)*\.?venv/bin/activate(?:\.fish|\.csh)?\Z"),
        "how an environment of the project is entered",
    ),
    "environment": _shape(re.compile(r"(?:\./)?\.?v?env[0-9.]*\Z"), "an environment's usual name"),
    "literal": _shape(re.compile(r"[^@].*\Z", re.DOTALL), "written out, but a file's name"),
    "write-out": _shape(re.compile(r"(?!@)(?:(?!%output|%header)[^\x00])*\Z"), "a format that only prints"),
    "database": _shape(re.compile(r"[A-Za-z0-9_.-]+\Z"), "the name of a database on this machine"),
    "api-path": _shape(re.compile(r"/?(?!https?:|graphql)[A-Za-z0-9{][A-Za-z0-9/_.{}?=&,+-]*\Z"), "a path to read"),
    "place": _shape(
        re.compile(r"(?:(?:dir|file|sbom):)?\.(?:/(?!(?:.*/)?\.\.(?:/|\Z)).*)?\Z"), "a folder or file of the workspace"
    ),
    "forge": _shape(FORGE, "on a forge known to all"),
    "report": _shape(re.compile(r"(?!\.|data:|node:)[^/\x00]*\Z"), "a format or reporter by its name"),
    "forge-host": _shape(re.compile(r"git(?:hub|lab)\.com\Z"), "a forge known to all"),
    "registry-word": _shape(
        re.compile(r"(?!(?:fix|set|add|delete|rm|remove|signatures)\Z)[@A-Za-z0-9][\w@./^~:-]*\Z"),
        "a word that only reads",
    ),
    "loopback": _shape(re.compile(r"(?:127\.0\.0\.1|localhost|::1)\Z"), "this machine alone"),
    "gpg-word": _shape(re.compile(r"[\w@.+-][\w@./+-]*\Z"), "the name of a key or a file"),
    "service": _shape(re.compile(r"(?:list|describe|[A-Za-z_][\w.]*)\Z"), "the name of a service"),
    "selector": _shape(re.compile(r"[A-Za-z0-9_.\[\]()*@:-]+\Z"), "a selector"),
    "handed": _shape(HANDED_ON, "known to load no code or settings"),
    "go-package": _shape(GO_PACKAGE, "a package of the project"),
    "bazel-target": _shape(
        re.compile(r"(?!@(?!@?//))(?!/(?!/)|~)(?:(?!@\w|\.\./)[^\x00])*\Z"), "a target of the workspace"
    ),
    "lower": _shape(re.compile(r"[a-z][a-z0-9_-]*\Z"), "a format the program brings with it"),
    "php-standard": _shape(
        re.compile(r"(?:PSR\d*|PEAR|Squiz|Zend|Generic|PSR-\d+|phpcs\.xml(?:\.dist)?)\Z"), "a known standard"
    ),
    "build-target": _shape(re.compile(r"@?(?!.*\.\.)[\w][\w./@-]*\Z"), "a target of the project"),
    "sbt-task": _shape(
        re.compile(
            r"(?:\w+/)?(?:(?:Test|IntegrationTest|It)/)?(?:test|compile|clean|scalafmt\w*|scalafix\w*|doc|package|update|projects|tasks"
            r"|(?:test(?:Only|Quick)) [\w.*:\s-]+)\Z"
        ),
        "a task of everyday work",
    ),
    "terminal-fact": _shape(re.compile(r"(?:size|speed)\Z"), "a fact about the terminal"),
    "listing": _shape(re.compile(r"(?:list|ls|show|[a-z0-9]+_[a-z0-9_]+|swift|clang|git)\Z"), "a listing"),
    "dev-target": _shape(re.compile(r"(?:dev|ci|test|local)\Z"), "a target for development"),
    "generate": _shape(re.compile(r"generate\Z"), "to generate"),
    "plain-setting": _shape(
        re.compile(r"(?!(?i:.*(?:auth|token|password|secret|key|cert)))[a-z][a-z-]*\Z"), "no secret"
    ),
    "mongo": _shape(MONGO, "a reading of a collection"),
    "sysctl-name": _shape(re.compile(r"[\w.*/-]+\Z"), "the name of a setting"),
    "fact": _shape(re.compile(r"[A-Za-z0-9_.-]+\Z"), "a plain word"),
    "cargo-fmt": tool_arguments,
    "weightless": weightless,
}
