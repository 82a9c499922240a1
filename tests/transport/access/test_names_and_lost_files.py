"""Tokens whose file has gone are void, and no agent gets a name that looks like another's."""

from __future__ import annotations

from pathlib import Path

import pytest

from transport.access.tokens import TokenError, Tokens


def test_tokens_are_void_as_soon_as_their_file_is_gone(tmp_path: Path):
    tokens = Tokens(tmp_path)
    token = tokens.add("scout")
    assert tokens.find(token) is not None
    (tmp_path / "tokens.json").unlink()
    assert tokens.find(token) is None
    assert tokens.find(tokens.add("rover")) is not None
    assert tokens.find(token) is None


@pytest.mark.parametrize("name", ["SCOUT", "Scout", "sc\u200bout", "s\u00adcout", "\uff53cout"])
def test_a_name_that_looks_like_another_agents_is_refused(tmp_path: Path, name: str):
    tokens = Tokens(tmp_path)
    tokens.add("scout")
    with pytest.raises(TokenError):
        tokens.add(name)
    assert [entry.name for entry in tokens.entries()] == ["scout"]
