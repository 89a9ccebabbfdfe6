"""Account streams with gaps in their rows: what may be missing costs nothing but itself."""

from __future__ import annotations

from typing import Any

import pytest

from bulk_proto.events import AccountSnapshot, MessageRefused, OrderState

from .peer import KEY, account_message, opened, order_row, snapshot_of_account

FIVE_TIMES = {"symbol": "BTC-USD", "leverage": 5}
BASKET = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"


def sizeless(order_type: str | None, **sizes: Any) -> dict[str, Any]:
    row = order_row(BASKET) | {"orderType": order_type, "originalSize": None, "size": None}
    return row | sizes


# Orders without a size -----------------------------------------------------------------------------------


@pytest.mark.parametrize("order_type", ["trigger", "Trigger"])
@pytest.mark.parametrize("sizes", [{}, {"filledSize": None}, {"size": 0.0}, {"originalSize": 0}])
def test_a_basket_without_sizes_is_an_order_like_any_other(order_type: str, sizes: dict[str, Any]) -> None:
    core, peer = opened()
    row = sizeless(order_type, **sizes)
    later = {"type": "orderUpdate", "timestamp": row["timestamp"] + 1}
    for message in (snapshot_of_account(row), account_message(row | later)):
        (told,) = peer.say(message)
        assert isinstance(told, AccountSnapshot | OrderState)
        assert core.accounts[KEY].live
        order = core.accounts[KEY].open_orders[BASKET]
        assert (order.size, order.size_orig, order.size_done, order.side) == (0.0, 0.0, 0.0, None)


@pytest.mark.parametrize("order_type", ["limit", "stop", "takeProfit", "range", "trailing", None])
def test_another_open_order_without_sizes_does_not_pass_for_an_empty_one(order_type: str | None) -> None:
    _, peer = opened()
    row = sizeless(order_type)
    for message in (snapshot_of_account(row), account_message(row | {"type": "orderUpdate"})):
        (told,) = peer.say(message)
        assert isinstance(told, MessageRefused)


# News beside the account --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "news",
    [
        {"type": "leverageUpdate", "leverage": [{"symbol": "ETH-USD", "leverage": None}, FIVE_TIMES]},
        {"type": "feeTierUpdate", "feeTiers": [{"symbol": None, "makerBps": 1}, {"symbol": "global"}]},
        {"type": "liquidation", "symbol": "BTC-USD", "price": None, "size": 1, "isBuy": True},
        {"type": "ADL", "symbol": "BTC-USD", "price": 1, "size": None, "isBuy": None},
        {"type": "cancelAllRejected", "symbol": None, "reason": None, "timestamp": "soon"},
    ],
    ids=lambda news: str(news["type"]),
)
def test_what_is_missing_in_mere_news_costs_itself_alone(news: dict[str, Any]) -> None:
    core, peer = opened()
    peer.say(snapshot_of_account(order_row(BASKET)))
    (told,) = peer.say(account_message(news))
    assert not isinstance(told, MessageRefused)
    assert core.accounts[KEY].live
    assert list(core.accounts[KEY].open_orders) == [BASKET]
    assert core.accounts[KEY].leverage_settings["BTC-USD"].leverage == 5.0
