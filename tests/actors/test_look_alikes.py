"""A name that looks like one of the hall's own is none that anybody else may use."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.look_alikes import _LIKE, UNSEEN, folded, is_unseen, mixes_scripts
from actors.session.messages import Admit, Principal
from actors.session.role_rules import refusal_of
from transport.access.token_file import TokenError
from transport.access.tokens import Tokens

SCOUT = Principal("scout", "agent")
IGNORABLE = [
    "\u034f",
    "\ufe0f",
    "\u3164",
    "\u115f",
    "\uffa0",
    "\u2800",
    "\u200b",
    "\u00ad",
    "\u200a",
    "\U000e0100",
    "\u202e",
]
SPOOFS = {
    "Cyrillic": "m\u043e\u043eth\u0430ll",
    "Cyrillic capitals": "M\u041e\u041e\u0422H\u0410LL",
    "all of it from elsewhere": "\u043c\u03bf\u0585\u0442\u04bb\u0251\u04cf\u01c0",
    "Greek": "m\u03bf\u03bf\u03c4hall",
    "mathematical": "\U0001d426\U0001d428\U0001d428\U0001d42d\U0001d421\U0001d41a\U0001d425\U0001d425",
    "digits": "m00tha11",
    "capital i": "moothaII",
    "r and n": "rnoothall",
    "bars": "mootha||",
    "fullwidth": "\uff4d\uff4f\uff4f\uff54\uff48\uff41\uff4c\uff4c",
    "Cherokee": "\u13b7\u2c9f\u2c9f\u13a2\u13bb\u13aa\u13de\u13de",
    "infinity": "m\u221ethall",
    "a blank in front": " moothall",
}  # fmt: skip


def may_append(stream="tasks", kind="note"):
    return refusal_of(SCOUT, Admit(1, "append", 1, (stream,), (kind,))) is None


@pytest.mark.parametrize("character", IGNORABLE, ids=lambda each: f"U+{ord(each):04X}")
@pytest.mark.parametrize("place", range(9))
def test_what_nobody_sees_makes_no_other_name(character, place):
    disguised = "moothall"[:place] + character + "moothall"[place:]
    assert not may_append(stream=disguised)
    assert not may_append(stream=f"{disguised}/policy")
    assert not may_append(kind=f"{disguised}.policy.activated")


@given(st.text(st.sampled_from("moothallMOrn01iIL|. /agent_AGENT-x"), max_size=14))
def test_a_name_is_judged_by_all_of_what_it_looks_like(name):
    looks = folded(name)
    ours = looks == "moothall" or looks.startswith(("moothall/", "agent/"))
    assert may_append(stream=name) is (not ours or name == "agent/scout")
    assert may_append(kind=name) is not looks.startswith("moothall.")


@pytest.mark.parametrize("spoof", SPOOFS.values(), ids=SPOOFS)
def test_what_looks_like_the_servers_own_name_is_not_for_agents(spoof, tmp_path):
    assert not may_append(stream=spoof)
    assert not may_append(stream=f"{spoof}/policy")
    assert not may_append(stream=f"{spoof}\u2215policy")
    assert not may_append(kind=f"{spoof}.policy.activated")
    with pytest.raises(TokenError):
        Tokens(tmp_path).add(spoof)


@pytest.mark.parametrize("stream", ["\u0430gent/rover", "a\u0261ent/rover", "agent\u2044rover", "ag\u034fent/rover"])
def test_what_looks_like_another_agents_stream_is_not_written_by_this_one(stream):
    assert not may_append(stream=stream)


@pytest.mark.parametrize("name", ["sc\u043eut", "sc\u034fout", "sc0ut", "\uff53cout", "scout\u3164"])
def test_no_agent_is_named_like_another(name, tmp_path):
    tokens = Tokens(tmp_path)
    tokens.add("scout")
    with pytest.raises(TokenError):
        tokens.add(name)


@pytest.mark.parametrize("name", ["sc\u0441\u043eut", "\u0440aypal", "\u03c1ilot"])
def test_an_agents_name_has_letters_of_one_script(name, tmp_path):
    with pytest.raises(TokenError):
        Tokens(tmp_path).add(name)


@pytest.mark.parametrize(
    "name", ["M\u00fcller", "\u65e5\u672c-bot", "\u0440\u0430\u0437\u0432\u0435\u0434", "worker-1"]
)
def test_names_of_one_language_are_taken(name, tmp_path):
    Tokens(tmp_path).add(name)
    assert not mixes_scripts(name)


@pytest.mark.parametrize("stream", ["moot", "hall", "agents/x", "moothalls", "builds/1", "\u043c\u043e\u0441\u0442"])
def test_other_names_stay_free(stream):
    assert may_append(stream=stream)


def test_every_row_is_reached_after_case_and_compatibility_forms_are_folded():
    for like in _LIKE.values():
        for each in like:
            assert unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", each).casefold()) == each


@given(st.text())
def test_folding_twice_changes_nothing_that_is_compared(name):
    assert not any(is_unseen(each) or each in UNSEEN for each in folded(name) if not each.isascii())
