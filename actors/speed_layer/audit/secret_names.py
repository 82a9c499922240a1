"""Which names of fields say that their value is secret: `auth_token`, `x-api-key`, `dbPassword`. Pure."""

from __future__ import annotations

import itertools
import re
import unicodedata
from functools import lru_cache
from typing import Final

MAX_NAME: Final = 256
"""How many characters of a field's name are looked at, and kept."""

_WORDS: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_SECRET_WORDS: Final = frozenset({
    *("secret", "secrets", "token", "password", "passwords", "passwd", "passphrase", "passcode", "pwd", "pw", "apikey"),
    *("credential", "credentials", "creds", "authorization", "cookie", "cookies", "jwt", "otp", "privatekey"),
    *("accesskey", "secretkey", "authtoken", "accesstoken", "connectionstring"),
})  # fmt: skip
_SECRET_SUFFIXES: Final = ("password", "passwd", "secret", "token", "apikey")
_SECRET_ENDS: Final = frozenset({"auth", "pass", "bearer"})
_SECRET_PAIRS: Final = frozenset({
    *(("api", "key"), ("private", "key"), ("access", "key"), ("account", "key"), ("auth", "key"), ("master", "key")),
    *(("encryption", "key"), ("signing", "key"), ("session", "key"), ("storage", "key"), ("connection", "string")),
    *(("api", "keys"), ("api", "tokens"), ("access", "tokens"), ("auth", "tokens")),
})  # fmt: skip


@lru_cache(maxsize=1024)
def names_secret(name: str) -> bool:
    """Say whether the name of a field says that its value is secret."""
    found = _WORDS.findall(unicodedata.normalize("NFKC", name))
    words = [word for each in found if (word := each.lower().rstrip("0123456789"))]
    return bool(words) and (
        words[-1] in _SECRET_ENDS
        or not _SECRET_WORDS.isdisjoint(words)
        or any(word.endswith(_SECRET_SUFFIXES) for word in words)
        or any(pair in _SECRET_PAIRS for pair in itertools.pairwise(words))
    )
