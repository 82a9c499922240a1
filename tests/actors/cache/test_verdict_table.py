"""The key of a kept ruling holds all that the ruling depends on, and a full table lets go of the oldest alone."""

from __future__ import annotations

import itertools

from actors.cache.verdict_table import MAX_KEY_BYTES, VerdictTable
from actors.speed_layer.policy.engine import Ruling

ALLOW = Ruling("allow", "a test", None, True)
DENY = Ruling("deny", "a test", None, True)


def test_requests_that_differ_in_policy_role_or_action_have_different_keys():
    asked = itertools.product(("p1", "p2"), ("agent", "admin"), (b'["bash","/",{}]', b'["bash","/a",{}]'))
    keys = [VerdictTable.key(*each) for each in asked]
    assert len(set(keys)) == len(keys) == 8


def test_no_policy_and_role_together_pass_for_another_pair():
    assert VerdictTable.key("ab", "c", b"x") != VerdictTable.key("a", "bc", b"x")


def test_what_is_kept_for_one_role_or_policy_is_no_answer_for_another():
    table = VerdictTable()
    table.keep(VerdictTable.key("p1", "admin", b"x"), ALLOW, 10)
    assert table.get(VerdictTable.key("p1", "agent", b"x")) is None
    assert table.get(VerdictTable.key("p2", "admin", b"x")) is None
    assert table.get(VerdictTable.key("p1", "admin", b"x")) is ALLOW
    assert (table.hits, table.misses) == (1, 2)


def test_a_full_table_lets_the_oldest_go_and_nothing_for_one_that_is_renewed():
    table = VerdictTable()
    for key in (b"a", b"b", b"b", b"a"):
        table.keep(key, ALLOW, 2)
        assert b"a" in table.table
    table.keep(b"b", DENY, 2)
    assert list(table.table.items()) == [(b"a", ALLOW), (b"b", DENY)]
    table.keep(b"c", ALLOW, 2)
    assert list(table.table.items()) == [(b"b", DENY), (b"c", ALLOW)]


def test_a_ruling_on_a_long_request_is_not_kept_so_that_the_table_is_bounded_in_bytes_too():
    table = VerdictTable()
    for size, kept in ((MAX_KEY_BYTES - 4, 1), (MAX_KEY_BYTES - 3, 1), (4 << 20, 1)):
        table.keep(table.key("p", "r", b"x" * size), Ruling("allow", "r", None, True), 10)
        assert len(table.table) == kept
