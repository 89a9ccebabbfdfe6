"""What a client lets its user read, with and without an account, before and after messages."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from bulk_proto.core import ClientCore
from bulk_proto.errors import LinkError
from bulk_proto.subscriptions import account, l2_delta, ticker
from bulk_proto.view import ClientView

from .peer import (
    KEY,
    OTHER_KEY,
    account_message,
    book_message,
    make_core,
    opened,
    order_row,
    snapshot_of_account,
    ticker_message,
)

BTC = "BTC-USD"
OID = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"


def view_of(core: ClientCore) -> ClientView:
    view = ClientView()
    view.core = core
    view._guard = nullcontext()
    return view


def test_before_any_message_there_is_nothing_to_read() -> None:
    view = view_of(make_core(signed=False))
    assert (view.is_connected, view.last_error, view.account_is_live) == (False, None, False)
    assert (view.tickers, view.prices, view.order_books) == ({}, {}, {})
    assert (view.get_ticker(BTC), view.get_book(BTC)) == (None, None)
    assert (view.account_state(), view.margin, view.account_snapshot) == (None, None, None)
    assert (view.positions, view.leverage_settings, view.open_orders, view.get_orders()) == ([], {}, {}, [])
    assert view.get_pnl().net == 0.0


def test_market_data_is_that_of_the_last_message() -> None:
    core, peer = opened()
    core.subscribe([l2_delta(BTC), ticker(BTC)], 1.0)
    peer.say(ticker_message(), book_message("snapshot", [(100.0, 1.0)], [(101.0, 1.0)]))
    view = view_of(core)
    assert view.is_connected
    assert view.prices == {BTC: 64251.0}
    assert view.get_ticker(BTC) == view.tickers[BTC]
    assert view.get_book(BTC) is view.order_books[BTC]
    assert view.order_books[BTC].ok


def test_the_account_is_the_clients_own() -> None:
    core, peer = opened()
    core.subscribe([account(OTHER_KEY), ticker(BTC)], 1.0)
    peer.say(snapshot_of_account(order_row(OID)), snapshot_of_account(key=OTHER_KEY), ticker_message())
    peer.say(account_message({"type": "positionUpdate", "symbol": BTC, "size": 2.0, "price": 64250.0}))
    view = view_of(core)
    assert view.account_is_live
    assert view.margin is not None
    assert view.margin.total_balance == 5200.5
    assert view.account_snapshot is not None
    assert view.account_snapshot.positions == []  # as it was sent
    assert [position.size for position in view.positions] == [2.0]
    assert view.leverage_settings[BTC].leverage == 5.0
    assert list(view.open_orders) == [OID]
    assert view.get_orders(BTC) == [view.get_order_map()[OID]]
    assert view.get_orders("ETH-USD") == []
    assert view.inventory.quantity_for(BTC) == 2.0
    assert (view.get_pnl().realized, view.get_pnl().unrealized) == (12.5, 2.0)
    core.connection_lost(2.0, "reset")
    assert view.prices == {BTC: 64251.0}
    assert view.get_pnl().unrealized == 0.0  # as the exchange reported last: the price is stale
    others = view.account_state(OTHER_KEY)
    assert others is not None
    assert (others.pubkey, others.open_orders) == (OTHER_KEY, {})


def test_without_a_signer_the_account_is_the_first_one_subscribed() -> None:
    core, peer = opened(signed=False)
    core.subscribe([account(OTHER_KEY), account(KEY)], 1.0)
    peer.say(snapshot_of_account(order_row(OID), key=OTHER_KEY), snapshot_of_account())
    assert list(view_of(core).open_orders) == [OID]


def test_what_is_read_is_a_copy_of_the_table() -> None:
    core, peer = opened()
    core.subscribe([ticker(BTC)], 1.0)
    peer.say(ticker_message(), snapshot_of_account(order_row(OID)))
    view = view_of(core)
    for table in (view.tickers, view.prices, view.order_books, view.leverage_settings, view.open_orders):
        table.clear()
    assert view.get_ticker(BTC) is not None
    assert list(view.open_orders) == [OID]


def test_after_a_lost_connection_values_stay_and_say_that_they_are_old() -> None:
    core, peer = opened()
    peer.say(snapshot_of_account(order_row(OID)))
    core.connection_lost(2.0, "reset")
    view = view_of(core)
    assert (view.is_connected, view.account_is_live) == (False, False)
    assert list(view.open_orders) == [OID]
    assert isinstance(view.last_error, LinkError)
    with pytest.raises(LinkError, match="reset"):
        raise view.last_error
