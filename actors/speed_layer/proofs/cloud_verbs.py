"""Which operations of the clouds' command lines only read, by their names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

AWS_SERVICE: Final = re.compile(r"[a-z][a-z0-9-]*\Z")
AWS_READS: Final = re.compile(
    r"(?:describe|list|get|head|lookup|search|query|scan|filter|batch-get|view|check|validate|estimate|preview|simulate|wait|tail|test)(?:-[a-z0-9-]+)?\Z|ls\Z|start-query\Z"
)
AWS_SECRETS: Final = re.compile(
    r"get-(?:secret-value|random-password|parameters?|parameters-by-path|parameter-history|login-password|authorization-token|session-token|federation-token|credentials\S*|password-data|object|login|token|"
    r"console-output|caller-identity-token|role-credentials|id-token|object-torrent|bucket-policy-secret|data-key\S*|cluster-credentials\S*|open-id-token\S*|api-keys?|function-configuration|function)\Z"
    r"|batch-get-secret-value\Z|list-secret-values\Z|test-\S+\Z|get-signin-token\Z"
)
GCLOUD_READS: Final = frozenset(
    """
    list describe info get-value get-iam-policy read get-server-config list-tags ls versions status
    test-iam-permissions get-ancestors
    """.split()  # noqa: SIM905 - easier to read and to change than quoted words
)
GCLOUD_SECRETS: Final = re.compile(
    r"access\Z|print-|get-credentials\Z|secrets\Z|keys\Z|ssh\Z|application-default\Z|activate|login\Z|scp\Z|token",
    re.IGNORECASE,
)
GCLOUD_CHANGES: Final = re.compile(
    r"(?:add|attach|create|delete|deploy|detach|disable|enable|failover|import|export|install|move|patch|promote|publish|pull|push|remove|replace|reset|resize|restart|restore|resume|rollback|run|set|"
    r"start|stop|submit|suspend|switch|undelete|update|upgrade|apply|call|connect|execute|invoke|rotate|sign|transfer|revoke|clone|copy|cp|mv|rm|rsync|cancel|destroy|unset)(?:-.*)?\Z"
)
AZ_READS: Final = frozenset(
    """
    list show list-locations list-sizes list-skus exists version list-usage get-instance-view list-versions
    """.split()  # noqa: SIM905 - easier to read and to change than quoted words
)
AZ_SECRETS: Final = re.compile(
    r"secret|keys?\Z|credential|get-access-token|connection-string|password|token|certificate\Z|ad\Z|appsettings\Z|keyvault\Z",
    re.IGNORECASE,
)
HOSTED_READS: Final = frozenset({"list", "ls", "show", "get", "describe", "status", "info", "view"})
HOSTED_SECRETS: Final = re.compile(
    r"ssh|auth|token|credential|kubeconfig|secret|password|keys?\Z|certificate|console", re.IGNORECASE
)
PLAIN_VARIABLE: Final = re.compile(
    r"(?!(?i:.*(?:secret|token|password|passwd|key|credential|auth|url|dsn|cookie|session|private)))[A-Za-z_][A-Za-z0-9_]*\Z"
)
PROCESS: Final = re.compile(
    r"(?!(?:set|add|del|delete|change|replace|append|flush|up|down|save|restore|exec|netns|kill|remove|attach|detach)\Z)"
    r"[A-Za-z0-9_@%+:,./\[\]^|()= \\*?$-]*\Z"
)
HOSTED: Final = re.compile(
    r"(?!(?:create|destroy|delete|remove|rm|add|set|deploy|restart|scale|move|suspend|resume|update|transfer|open|buy|verify|link|unset|rollback)\Z)[A-Za-z0-9_@:./-]*\Z"
)


def aws(text: str) -> str | None:
    """Return why `service operation` is not a reading one."""
    service, _, rest = text.partition(" ")
    operation = rest.partition(" ")[0]
    if service == "configure" or not AWS_SERVICE.match(service) or not AWS_READS.match(operation):
        return f"`aws {text[:60]}` is not known to be reading"
    if AWS_SECRETS.match(operation) or (service, operation) in {("s3api", "get-object"), ("kms", "get-public-key")}:
        return f"`aws {text[:60]}` may print secrets"
    return None


def gcloud(text: str) -> str | None:
    """Return why the words of a gcloud command are not those of a reading one."""
    return _words(text, GCLOUD_READS, GCLOUD_SECRETS, "gcloud", changes=GCLOUD_CHANGES)


def az(text: str) -> str | None:
    """Return why the words of an az command are not those of a reading one."""
    return _words(text, AZ_READS, AZ_SECRETS, "az", changes=GCLOUD_CHANGES)


def hosted_list(text: str) -> str | None:
    """Return why the words of a hosting service's program are not those of a reading one."""
    return _words(text, HOSTED_READS, HOSTED_SECRETS, "it", changes=GCLOUD_CHANGES)


def _words(
    text: str, reads: frozenset[str], secrets: re.Pattern[str], program: str, *, changes: re.Pattern[str]
) -> str | None:
    words = text.split(" ")
    if not any(word in reads for word in words) or any(changes.match(word) for word in words[1:]):
        return f"`{program} {text[:60]}` is not known to be reading"
    if any(secrets.search(word) for word in words):
        return f"`{program} {text[:60]}` may print secrets"
    return None


def plain_variable(text: str) -> str | None:
    """Return why a variable's value may be a secret."""
    return None if PLAIN_VARIABLE.match(text) else f"{text[:40]!r} may be a secret"


def process_read(text: str) -> str | None:
    """Return why an argument of a program that shows processes or networks may change something."""
    return None if PROCESS.match(text) else f"{text[:40]!r} may change something"


def hosted_read(text: str) -> str | None:
    """Return why an argument of a hosting service's program may change something."""
    return None if HOSTED.match(text) else f"{text[:40]!r} may change something"


def archive_verb(text: str) -> str | None:
    """Return why a word is not a verb that lists or tests an archive."""
    return None if text in {"l", "t", "tf", "tvf", "v", "lb"} else f"{text[:40]!r} does not list or test"


def database_status(text: str) -> str | None:
    """Return why a word is not a question about a database's state."""
    return None if text in {"ping", "status", "version"} else f"{text[:40]!r} may change something"


PHRASE_CHECKS: Final[dict[str, Callable[[str], str | None]]] = {
    "aws-read": aws,
    "gcloud-read": gcloud,
    "az-read": az,
    "cloud-list": hosted_list,
}
"""Kinds that judge all the positional words of a command joined by blanks."""

WORD_CHECKS: Final[dict[str, Callable[[str], str | None]]] = {
    "plain-variable": plain_variable,
    "process-read": process_read,
    "hosted-read": hosted_read,
    "archive-verb": archive_verb,
    "database-status": database_status,
}
