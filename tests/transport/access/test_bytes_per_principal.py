"""What all connections of one principal share, and what of it outlasts them."""

from __future__ import annotations

import gc

from actors.session.messages import Principal
from transport.access.bytes_per_principal import MOST_OWED_S, PIECES_AT_ONCE, PIECES_PER_S, PrincipalBytes

SCOUT, OTHER = Principal("scout", "agent"), Principal("other", "agent")


def test_what_is_owed_for_pieces_is_owed_after_the_last_connection_too_and_by_nobody_else():
    sums = PrincipalBytes()
    assert sums.of(SCOUT).pay_for_pieces(PIECES_AT_ONCE, 0.0) == 0.0
    assert sums.of(SCOUT).pay_for_pieces(PIECES_PER_S, 0.0) == 1.0
    gc.collect()
    assert sums.of(SCOUT).pay_for_pieces(0, 0.5) == 0.5
    assert sums.of(OTHER).pay_for_pieces(PIECES_AT_ONCE, 0.5) == 0.0


def test_no_more_is_owed_than_comes_in_some_seconds():
    assert PrincipalBytes().of(SCOUT).pay_for_pieces(10**9, 0.0) == MOST_OWED_S


def test_of_principals_that_have_gone_the_first_are_forgotten(monkeypatch):
    monkeypatch.setattr("transport.access.bytes_per_principal.MOST_RECENT", 1)
    sums = PrincipalBytes()
    sums.of(SCOUT).pay_for_pieces(2 * PIECES_AT_ONCE, 0.0)
    sums.of(OTHER)
    gc.collect()
    assert sums.of(SCOUT).pay_for_pieces(1, 0.0) == 0.0
