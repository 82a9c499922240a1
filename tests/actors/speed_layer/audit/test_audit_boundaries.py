"""Where the audit's bounds begin and end: the last verdict there is room for, the first character too many."""

from __future__ import annotations

import pytest
import trio

from actors.desk.gate import Call
from actors.speed_layer.audit.buffer import AUDIT_STREAM, BATCH, FLUSH_S, STALLED_S, AuditBuffer, Entry
from actors.speed_layer.audit.form_search import Forms
from actors.speed_layer.audit.secret_masks import MAX_TEXT, MAX_TEXT_IN_ALL, Masked
from actors.speed_layer.audit.secret_repetitions import Repetitions
from actors.speed_layer.audit.stored_inputs import WINDOW, StoredInputs
from actors.speed_layer.call_and_verdict import Verdict
from store import NewEvent

ROOT = "/home/dev/project"
CALL = Call("Bash", {"command": "ls"}, ROOT)
GIVEN = Verdict("allow", "r", None, "p", False, "0" * 32, 1)
SECRET = "hunter2-and-more"


def entry(count, at=0.0):
    return Entry("scout", "agent", [CALL] * count, [GIVEN] * count, at)


def test_one_request_may_take_all_the_room_there_is_and_not_a_verdict_more():
    for count in (10, 11):
        buffer = AuditBuffer(10)
        buffer.add(entry(count))
        assert buffer.held == (10 if count == 10 else 0)


def test_the_bytes_of_what_was_stored_are_given_back_while_more_of_the_same_principal_waits():
    buffer = AuditBuffer(capacity_bytes=1000)
    for count, size in ((BATCH, 400), (1, 100)):
        buffer.add(entry(count)._replace(size=size))
    assert [each.size for each in buffer.batch().entries] == [400]
    buffer.acknowledge(0.0)
    buffer.add(entry(1)._replace(size=800))
    assert [each.size for each in buffer.batch().entries] == [100, 800]


def test_a_single_verdict_that_cannot_be_stored_is_a_stall_and_none_is_not():
    buffer = AuditBuffer()
    assert not buffer.stalled(2 * STALLED_S)
    buffer.add(entry(1, at=5.0))
    assert not buffer.stalled(5.0 + STALLED_S)
    assert buffer.stalled(5.1 + STALLED_S)


def test_a_text_without_a_secret_is_done_with_after_one_pass(capfd):
    forms, secrets = Forms(), []
    assert forms.masked("git status --short " * 50, secrets) == "git status --short " * 50
    assert not forms._each
    assert forms.masked("login --token hunter2x", secrets) == "login --token MASKED"
    assert (len(forms._each), secrets) == (1, ["hunter2x"])
    assert capfd.readouterr().err == ""


def test_texts_are_kept_whole_to_the_last_character_that_is_kept_in_all():
    masked = Masked({str(n): "x" * MAX_TEXT for n in range(MAX_TEXT_IN_ALL // MAX_TEXT + 1)})
    *kept, beyond = masked.value.values()
    assert kept == ["x" * MAX_TEXT] * (MAX_TEXT_IN_ALL // MAX_TEXT)
    assert beyond == f"... ({MAX_TEXT} characters)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hunter2-and", "MASKED"),
        ("as hunter2-", "as MASKED"),
        ("a line that ends in hunter2-and-mor", "a line that ends in MASKED"),
        ("hunter2- is how it begins, and more than so many words follow", None),
        ("it is hunter2", None),  # too few characters to know it by
    ],
)
def test_of_a_text_that_goes_on_the_beginning_of_a_secret_is_masked_at_its_end_alone(text, shown):
    assert Repetitions([SECRET]).without_at_the_end(text) == (text if shown is None else shown)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (f"`login {SECRET}` is not known", "`login MASKED` is not known"),
        ("`login hunter2-a` is not known", "`login MASKED` is not known"),
        ("nter2-and-m", "MASKED"),
        ("hunte r2-an", "hunte r2-an"),
        ("d-more-hunter", "MASKED-MASKED"),
    ],
)
def test_a_reason_shows_no_stretch_of_a_secret_and_all_that_stands_around_it(reason, shown):
    assert Repetitions([SECRET]).reason_without(reason, "") == shown


def noted(stored, at, *requests):
    stored.note([NewEvent(type="t", data={"request": each, "input": {}, "whole": True}) for each in requests], at, {})


def test_an_input_that_is_stored_again_keeps_no_older_ones_from_being_forgotten():
    head = 1
    stored = StoredInputs(lambda: head)
    noted(stored, 1, "again", "b", "c")
    head = WINDOW
    noted(stored, WINDOW, "again")
    assert len(stored) == 3
    head = WINDOW + 3
    noted(stored, WINDOW + 3)
    assert (len(stored), stored.find("again").at) == (1, WINDOW)


@pytest.mark.parametrize("inputs", [True, False])
async def test_the_audit_tells_the_workspace_without_secrets_each_time(autojump_clock, make_world, scout, inputs):
    place = "/w/gh" + "p_" + "a1B2" * 9
    calls = [Call("frobnicate", {"n": n}, ROOT, workspace=workspace) for n, workspace in enumerate((place, ROOT))]
    async with make_world(audit_inputs=inputs).open() as world:
        for _ in range(2):
            await world.gate.validate(scout, [*calls, CALL])
            await trio.sleep(4 * FLUSH_S)
        told = [event.data.get("workspace") for event in world.log.query(stream=AUDIT_STREAM).events]
    assert told == ["/w/MASKED", ROOT, None] * 2
