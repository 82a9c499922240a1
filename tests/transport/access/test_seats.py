"""The seats of a listener: where all are taken, who has the most gives one to who has fewer."""

from __future__ import annotations

import pytest

from actors.session.messages import Principal
from transport.access.authentication import Rejected
from transport.access.seats import MOST_UNAUTHENTICATED, Seats, room_for, room_for_silent

GREEDY, MODEST = Principal("greedy", "agent"), Principal("modest", "agent")


class Hall:
    """A listener whose connections note that they were made to leave."""

    def __init__(self, most: int) -> None:
        self.seats = Seats(most, "test")
        self.left: list[int] = []

    def take(self, number: int, principal: Principal) -> None:
        self.seats.take(number, principal, lambda: self.left.append(number))


def test_the_latest_of_who_has_the_most_leaves_for_who_has_fewer_until_they_have_as_many():
    hall = Hall(5)
    for number in range(5):
        hall.take(number, GREEDY)
    hall.take(10, MODEST)
    hall.take(11, MODEST)
    assert hall.left == [4, 3]
    with pytest.raises(Rejected) as refused:
        hall.take(12, MODEST)
    assert refused.value.status == 503
    assert hall.left == [4, 3]


def test_nobody_takes_a_seat_from_themselves():
    hall = Hall(2)
    hall.take(1, GREEDY)
    hall.take(2, GREEDY)
    with pytest.raises(Rejected):
        hall.take(3, GREEDY)


def test_a_seat_that_was_given_back_is_free_and_giving_it_back_twice_frees_one():
    hall = Hall(2)
    hall.take(1, GREEDY)
    hall.take(2, GREEDY)
    hall.seats.give_back(1)
    hall.seats.give_back(1)
    hall.take(3, GREEDY)
    with pytest.raises(Rejected):
        hall.take(4, GREEDY)
    assert hall.left == []


def test_who_was_made_to_leave_gives_back_nothing_more():
    hall = Hall(2)
    hall.take(1, GREEDY)
    hall.take(2, GREEDY)
    hall.take(3, MODEST)
    assert hall.left == [2]
    hall.seats.give_back(2)
    with pytest.raises(Rejected):
        hall.take(4, MODEST)


@pytest.mark.parametrize("descriptors", [256, 1024, 4096, 1 << 20])
def test_both_listeners_and_those_who_say_nothing_leave_descriptors_to_the_log(
    monkeypatch: pytest.MonkeyPatch, descriptors: int
):
    monkeypatch.setattr("resource.getrlimit", lambda _kind: (descriptors, descriptors))
    taken = 2 * (room_for(4096) + room_for_silent() + MOST_UNAUTHENTICATED)
    assert taken + 64 <= descriptors or room_for(4096) == 1
