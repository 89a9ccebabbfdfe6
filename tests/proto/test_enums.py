"""Words of the wire and of handlers: known ones are found, unknown ones are told as such."""

from __future__ import annotations

import pytest

from bulk_proto.enums import OrderStatus, Side, Topic
from bulk_proto.errors import UsageError


def test_a_topic_is_found_by_itself_and_by_its_value() -> None:
    assert Topic.of(Topic.FILL) is Topic.FILL
    assert Topic.of("fill") is Topic.FILL


@pytest.mark.parametrize("mistake", ["fills", None, 5])
def test_no_topic_is_told_with_an_example(mistake: object) -> None:
    with pytest.raises(UsageError, match=r"Topic\.FILL"):
        Topic.of(mistake)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("placed", OrderStatus.RESTING),
        ("canceled", OrderStatus.CANCELLED),
        ("cancelledIOC", OrderStatus.CANCELLED_IOC),
        ("cancelledForFun", OrderStatus.CANCELLED),
        ("rejectedForFun", OrderStatus.REJECTED),
        ("teleported", OrderStatus.UNKNOWN),
    ],
)
def test_every_spelling_of_a_status_is_understood(word: str, status: OrderStatus) -> None:
    assert OrderStatus.from_string(word) is status


def test_an_unknown_status_does_not_end_an_order() -> None:
    assert not OrderStatus.UNKNOWN.is_terminal()
    assert OrderStatus.PARTIALLY_FILLED.is_terminal()


def test_sides_know_their_opposite() -> None:
    assert Side.BUY.opposite is Side.SELL
    assert Side.SELL.opposite is Side.BUY
    assert str(Side.BUY) == "BUY"
