"""Tokens: kept as hashes, shown once, revocable while a server runs."""

import json
import os
import re
import stat
import threading
from pathlib import Path

import pytest

from actors.session.messages import Principal
from transport.access.token_file import TokenError, last_written
from transport.access.tokens import Tokens


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "data")


def test_a_token_stands_for_its_agent_and_role(tokens: Tokens):
    token = tokens.add("scout", "observer")
    assert tokens.find(token) == Principal("scout", "observer")
    assert tokens.find(token + "x") is None
    assert tokens.find("") is None


def test_the_file_keeps_no_token_and_only_its_owner_reads_it(tokens: Tokens, tmp_path: Path):
    token = tokens.add("scout")
    file = tmp_path / "data" / "tokens.json"
    assert token not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert {path.name for path in file.parent.iterdir()} == {"tokens.json", "tokens.lock"}


def test_a_token_with_a_lifetime_is_good_until_it_ends_and_others_for_ever(tmp_path: Path):
    now = [1000.0]
    tokens = Tokens(tmp_path, clock=lambda: now[0])
    short, long = tokens.add("short", lifetime_s=60.0), tokens.add("long")
    now[0] += 59.0
    assert tokens.find(short) == Principal("short", "agent")
    now[0] += 1.0
    assert tokens.find(short) is None
    now[0] += 1e9
    assert tokens.find(long) == Principal("long", "agent")


def test_a_file_from_before_tokens_could_expire_is_read(tokens: Tokens, tmp_path: Path):
    token = tokens.add("scout")
    file = tmp_path / "data" / "tokens.json"
    kept = json.loads(file.read_text())
    del kept["tokens"][0]["expires"]
    file.write_text(json.dumps(kept))
    assert tokens.find(token) == Principal("scout", "agent")


def test_no_two_tokens_are_alike(tokens: Tokens):
    assert len({tokens.add(f"agent-{number}") for number in range(20)}) == 20


def test_what_another_process_adds_or_revokes_is_noticed(tokens: Tokens, tmp_path: Path):
    other = Tokens(tmp_path / "data")
    assert tokens.find("x") is None
    token = other.add("scout")
    assert tokens.find(token) == Principal("scout", "agent")
    other.revoke("scout")
    assert tokens.find(token) is None
    assert [entry.name for entry in tokens.entries()] == []


def test_a_name_is_taken_until_it_is_revoked(tokens: Tokens):
    old = tokens.add("scout")
    with pytest.raises(TokenError, match="exists"):
        tokens.add("scout")
    tokens.revoke("scout")
    assert tokens.add("scout") != old


def test_revoking_an_unknown_agent_says_where_to_look(tokens: Tokens):
    with pytest.raises(TokenError, match="agent list"):
        tokens.revoke("nobody")


@pytest.mark.parametrize("name", ["", "a" * 257, "a/b", "a\nb", "a\x00", "\x7f", "\ud800"])
def test_a_name_that_could_not_be_a_stream_is_refused(tokens: Tokens, name: str):
    with pytest.raises(TokenError):
        tokens.add(name)
    assert tokens.entries() == []


def test_many_who_add_at_once_lose_nothing(tokens: Tokens, tmp_path: Path):
    def add(number: int) -> None:
        Tokens(tmp_path / "data").add(f"agent-{number}")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry.name for entry in tokens.entries()} == {f"agent-{number}" for number in range(8)}


def test_a_place_that_cannot_be_a_data_directory_is_an_error_that_names_it(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TokenError, match=r"file/data.*--data"):
        Tokens(tmp_path / "file" / "data").add("scout")


def test_a_link_in_the_data_directory_is_not_followed_to_know_when_a_file_was_written(tmp_path: Path):
    for name, at in (("elsewhere", 9_000.0), ("data/log", 2_000.0)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (at, at))
    for name, to in (("link", tmp_path / "elsewhere"), ("nowhere", tmp_path / "gone")):
        (tmp_path / "data" / name).symlink_to(to)
        os.utime(tmp_path / "data" / name, (1_000.0, 1_000.0), follow_symlinks=False)
    assert last_written(tmp_path / "data") == (2_000.0, "log")


def test_a_file_that_cannot_be_understood_is_an_error_and_is_not_overwritten(tokens: Tokens, tmp_path: Path):
    tokens.add("scout")
    file = tmp_path / "data" / "tokens.json"
    file.write_text("{")
    for use in (lambda: tokens.find("x"), lambda: tokens.add("rover"), lambda: tokens.revoke("scout")):
        with pytest.raises(TokenError, match=r"tokens\.json"):
            use()
    assert file.read_text() == "{"


def test_the_first_tokens_are_written_once_and_work(tokens: Tokens, tmp_path: Path):
    data = tmp_path / "data"
    tokens.create_first()
    written = {role: (data / f"{role}.token").read_text() for role in ("agent", "admin")}
    for role, token in written.items():
        assert tokens.find(token) == Principal(role, role)
        assert stat.S_IMODE((data / f"{role}.token").stat().st_mode) == 0o600
    tokens.create_first()
    assert written == {role: (data / f"{role}.token").read_text() for role in ("agent", "admin")}


def test_a_lost_token_file_is_replaced_and_the_lost_token_is_void(tokens: Tokens, tmp_path: Path):
    data = tmp_path / "data"
    tokens.create_first()
    lost = (data / "agent.token").read_text()
    (data / "agent.token").unlink()
    tokens.create_first()
    assert tokens.find(lost) is None
    assert tokens.find((data / "agent.token").read_text()) == Principal("agent", "agent")


def test_a_revoked_first_token_stays_revoked(tokens: Tokens, tmp_path: Path):
    data = tmp_path / "data"
    tokens.create_first()
    tokens.revoke("agent")
    tokens.create_first()
    assert tokens.find((data / "agent.token").read_text()) is None


def test_an_expired_token_stays_expired_when_the_clock_steps_back(tmp_path: Path):
    now = [1000.0]
    tokens = Tokens(tmp_path, clock=lambda: now[0])
    token = tokens.add("scout", lifetime_s=60.0)
    now[0] = 1060.0
    assert tokens.find(token) is None
    now[0] = 1000.0
    assert tokens.find(token) is None


def test_it_stays_so_for_a_server_that_starts_on_files_written_later(tmp_path: Path):
    token = Tokens(tmp_path, clock=lambda: 1000.0).add("scout", lifetime_s=60.0)
    (tmp_path / "segment").touch()
    for path in tmp_path.iterdir():
        os.utime(path, (1000.0, 1000.0))
    assert Tokens(tmp_path, clock=lambda: 1000.0).find(token) == Principal("scout", "agent")
    os.utime(tmp_path / "segment", (1060.0, 1060.0))
    assert Tokens(tmp_path, clock=lambda: 1000.0).find(token) is None


def test_a_file_that_lies_in_the_future_is_told_of(tmp_path: Path):
    tokens = Tokens(tmp_path)
    tokens.add("scout")
    written = (tmp_path / "tokens.json").stat().st_mtime
    os.utime(tmp_path / "tokens.json", (written + 5000.0, written + 5000.0))
    trouble = Tokens(tmp_path, clock=lambda: written).clock_trouble()
    assert str(tmp_path / "tokens.json") in trouble
    assert "5000 s after" in trouble
    assert "`touch`" in trouble
    for now in (4945.0, 9000.0):  # a file server's clock is never quite the same
        assert Tokens(tmp_path, clock=lambda now=written + now: now).clock_trouble() == ""


def test_a_new_token_takes_the_place_of_the_old_one_for_the_same_role_and_time(tmp_path: Path):
    now = [1000.0]
    tokens = Tokens(tmp_path, clock=lambda: now[0])
    tokens.add("other")
    old = tokens.add("scout", "expert", lifetime_s=60.0)
    now[0] = 1030.0
    new = tokens.rotate("scout")
    assert (tokens.find(old), tokens.find(new)) == (None, Principal("scout", "expert"))
    assert [(entry.name, entry.created, entry.expires) for entry in tokens.entries()] == [
        ("other", 1000.0, None),
        ("scout", 1030.0, 1090.0),
    ]
    with pytest.raises(TokenError, match="agent list"):
        tokens.rotate("nobody")


def test_a_first_token_that_is_replaced_is_replaced_in_its_file_too(tmp_path: Path):
    tokens = Tokens(tmp_path)
    tokens.create_first()
    new = tokens.rotate("agent")
    assert (tmp_path / "agent.token").read_text() == new
    assert tokens.find((tmp_path / "admin.token").read_text()) == Principal("admin", "admin")


def test_what_is_kept_as_the_lifetime_holds_for_tokens_that_are_added_without_a_word_about_it(tmp_path: Path):
    tokens = Tokens(tmp_path, clock=lambda: 1000.0)
    tokens.create_first()
    tokens.keep_lifetime(60.0)
    for name, lifetime_s in (("usual", None), ("own", 7.0), ("for ever", float("inf"))):
        tokens.add(name, lifetime_s=lifetime_s)
    tokens.keep_lifetime(None)
    tokens.add("later")
    assert {entry.name: entry.expires for entry in tokens.entries()} == {
        "agent": None, "admin": None, "usual": 1060.0, "own": 1007.0, "for ever": None, "later": None,
    }  # fmt: skip


def test_a_place_where_no_hall_has_begun_is_no_place_for_tokens(tmp_path: Path):
    with pytest.raises(TokenError, match="moothall serve"):
        Tokens(tmp_path).check_there()
    Tokens(tmp_path).create_first()
    Tokens(tmp_path).check_there()


def test_a_token_has_its_labels_in_order_and_keeps_them_when_it_is_rotated(tmp_path: Path):
    tokens = Tokens(tmp_path)
    old = tokens.add("scout", labels=["ship", "deploy", "ship"])
    assert tokens.find(old) == Principal("scout", "agent", ("deploy", "ship"))
    new = tokens.rotate("scout")
    assert Tokens(tmp_path).find(new) == Principal("scout", "agent", ("deploy", "ship"))
    assert tokens.find(tokens.add("rover")) == Principal("rover", "agent")


@pytest.mark.parametrize("labels", [["Deploy"], ["a", ""], ["x y"], [f"l{n}" for n in range(33)]])
def test_a_label_that_no_rule_could_name_is_refused_and_so_are_too_many(tmp_path: Path, labels: list[str]):
    tokens = Tokens(tmp_path)
    with pytest.raises(TokenError, match="label"):
        tokens.add("scout", labels=labels)
    assert tokens.entries() == []


def test_tokens_of_a_file_that_was_written_before_there_were_labels_have_none(tmp_path: Path):
    tokens = Tokens(tmp_path)
    token = tokens.add("scout")
    file = tmp_path / "tokens.json"
    file.write_text(re.sub(r',\s*"labels": \[\]', "", file.read_text()))
    assert "labels" not in file.read_text()
    assert Tokens(tmp_path).find(token) == Principal("scout", "agent", ())
