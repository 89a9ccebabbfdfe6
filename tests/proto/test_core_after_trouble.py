"""What must outlive trouble: wishes that were served once, state that was known, answers that nobody gave."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from bulk_proto import subscriptions as topics
from bulk_proto.actions import Action, CancelAll, CancelOrder, LimitOrder, MarketOrder, ModifyOrder
from bulk_proto.core import ClientCore
from bulk_proto.enums import OrderStatus, Side
from bulk_proto.errors import OutcomeUnknown
from bulk_proto.events import ErrorReported, OrderState, Resynced, Ticker
from bulk_proto.subscription_table import SubscriptionTable

from .peer import (
    KEY,
    OTHER_KEY,
    Peer,
    account_message,
    confirmation,
    connect,
    opened,
    order_row,
    post_reply,
    snapshot_of_account,
    ticker_message,
)

BID = LimitOrder("BTC-USD", Side.BUY, 64000.0, 0.05)
TAKE = MarketOrder("BTC-USD", Side.BUY, 0.05, slippage=10.0)
OLD = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"
ACCOUNT = f"account.{KEY}"
REFUSAL = {"type": "error", "error": {"message": f"too many requests: account {KEY}, try later"}}


def reopened(*orders: str) -> tuple[ClientCore, Peer]:
    """A core whose second link is open and not served yet, and which knows orders of the first."""
    core, peer = opened()
    peer.say(snapshot_of_account(*map(order_row, orders)))
    core.connection_lost(5.0, "reset")
    core.handle_deadline(10.0)
    peer = connect(core, 10.0)
    peer.hear()
    return core, peer


def unanswered(*actions: Action, orders: tuple[str, ...] = ()) -> tuple[ClientCore, Peer, OutcomeUnknown]:
    core, peer = opened()
    peer.say(snapshot_of_account(*map(order_row, orders)))
    call = core.place_orders(actions, 1.0, timeout=1.0)
    core.handle_deadline(2.0)
    peer.hear()
    with pytest.raises(OutcomeUnknown) as caught:
        call.result()
    return core, peer, caught.value


# Refused although served before --------------------------------------------------------------------------


def test_a_topic_refused_during_a_replay_stays_wanted_with_its_state() -> None:
    core, peer = reopened(OLD)
    (event,) = peer.say(REFUSAL, now=10.0)
    assert isinstance(event, ErrorReported)
    assert ("account", KEY) in core.subscriptions.wanted
    account = core.accounts[KEY]
    assert set(account.open_orders) == {OLD}
    assert account.margin is not None
    assert not account.live


def test_a_topic_refused_during_a_replay_is_asked_for_again_with_growing_patience() -> None:
    core, peer = reopened()
    now, waits = 10.0, []
    for _ in range(3):
        peer.say(REFUSAL, REFUSAL, now=now)
        core.handle_deadline(now)
        assert peer.hear() == []
        due = core.subscriptions.retries.earliest
        next_deadline = core.next_deadline()
        assert next_deadline is not None
        assert next_deadline <= due
        waits.append(due - now)
        now = due
        core.handle_deadline(now)
        (request,) = [message for message in peer.hear() if message["method"] == "subscribe"]
        assert request["subscription"] == [{"type": "account", "user": KEY}]
    assert waits == [2.0, 4.0, 8.0]
    peer.say(confirmation(ACCOUNT), snapshot_of_account(), now=now)
    assert core.accounts[KEY].live
    assert core.subscriptions.retries.earliest == inf


def test_the_patience_with_refusals_has_a_limit_and_starts_anew() -> None:
    table = SubscriptionTable(limit=1)
    table.want([topics.ticker("BTC-USD")])
    table.to_ask()
    table.confirm(["ticker.BTC-USD"])
    table.link_lost()
    waits = []
    for _ in range(7):
        assert table.to_ask()
        table.refuse("ticker BTC-USD: busy", 100.0)
        waits.append(table.retries.earliest - 100.0)
        table.expire(200.0)
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    table.to_ask()
    table.confirm(["ticker.BTC-USD"])
    table.link_lost()
    table.to_ask()
    table.refuse("ticker BTC-USD: busy", 300.0)
    assert table.retries.earliest == 302.0


def test_a_call_for_a_topic_refused_for_now_goes_on_until_it_is_served() -> None:
    core, peer = reopened()
    call = core.subscribe([topics.account(KEY)], 10.0)
    peer.say(REFUSAL, now=10.0)
    assert not call.done
    core.handle_deadline(12.0)
    peer.say(confirmation(ACCOUNT), snapshot_of_account(), now=12.0)
    call.result()


def test_a_new_link_asks_at_once_for_what_was_put_off() -> None:
    core, peer = reopened()
    peer.say(REFUSAL, now=10.0)
    core.connection_lost(10.5, "reset")
    assert core.subscriptions.retries.earliest == inf
    core.handle_deadline(60.0)
    (request,) = connect(core, 60.0).hear()
    assert request["subscription"] == [{"type": "account", "user": KEY}]


def test_a_topic_put_off_and_withdrawn_is_not_asked_for() -> None:
    core, peer = reopened()
    peer.say(REFUSAL, now=10.0)
    core.unsubscribe([topics.account(KEY)], 10.5)
    peer.hear()
    core.handle_deadline(13.0)
    assert peer.hear() == []
    core.subscribe([topics.account(KEY)], 14.0)
    peer.say(REFUSAL, now=14.0)
    assert core.accounts == {}  # a new wish, never served: given up


# What changed in a gap -----------------------------------------------------------------------------------


def test_the_gap_says_nothing_of_an_account_that_is_not_served() -> None:
    core, peer = reopened(OLD)
    peer.say(REFUSAL, now=10.0)
    core.events()
    core.handle_deadline(10.0 + core.config.ready_timeout)
    (resynced,) = [event for event in core.events() if isinstance(event, Resynced)]
    assert resynced.unconfirmed == [ACCOUNT]
    assert (resynced.orders_gone, resynced.positions_changed) == ([], [])


def test_the_gap_says_nothing_of_an_account_that_is_not_followed_any_more() -> None:
    core, peer = opened()
    position = {"type": "positionUpdate", "symbol": "BTC-USD", "size": 0.5, "price": 64000.0}
    peer.say(snapshot_of_account(order_row(OLD)), account_message(position))
    core.subscribe([topics.ticker("BTC-USD")], 1.0)
    core.connection_lost(5.0, "reset")
    core.unsubscribe([topics.account(KEY)], 6.0)
    core.handle_deadline(10.0)
    peer = connect(core, 10.0)
    events = peer.say(confirmation("ticker.BTC-USD"), now=11.0)
    (resynced,) = [event for event in events if isinstance(event, Resynced)]
    assert (resynced.orders_gone, resynced.positions_changed) == ([], [])


# Settling ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [CancelOrder("BTC-USD", OLD), ModifyOrder("BTC-USD", OLD, 0.01)])
@pytest.mark.parametrize("alive", [True, False])
def test_a_cancel_without_an_answer_is_settled_by_a_fresh_account(action: Action, alive: bool) -> None:
    core, peer, unknown = unanswered(action, orders=(OLD,))
    assert unknown.order_ids == (OLD,)
    call = core.settle(unknown, 3.0)
    assert [request["method"] for request in peer.hear()] == ["unsubscribe", "subscribe"]
    assert not call.done
    rows = [order_row(OLD)] if alive else []
    peer.say(confirmation(ACCOUNT), snapshot_of_account(*rows), now=3.1)
    assert call.result() == {OLD: OrderStatus.RESTING if alive else OrderStatus.GONE}


def test_a_cancel_of_an_order_that_nobody_knows_is_settled_as_gone() -> None:
    core, peer, unknown = unanswered(CancelOrder("BTC-USD", OLD))
    call = core.settle(unknown, 3.0)
    peer.say(confirmation(ACCOUNT), snapshot_of_account(), now=3.1)
    assert call.result() == {OLD: OrderStatus.GONE}


def test_a_cancel_of_all_is_not_settled_before_a_fresh_account() -> None:
    core, peer, unknown = unanswered(CancelAll(), orders=(OLD,))
    call = core.settle(unknown, 3.0)
    assert not call.done
    peer.say(confirmation(ACCOUNT), snapshot_of_account(), now=3.1)
    assert call.result() == {}
    assert core.accounts[KEY].open_orders == {}


def test_a_gone_order_is_asked_about_again() -> None:
    core, peer, unknown = unanswered(BID)
    first = core.settle(unknown, 3.0)
    peer.say(confirmation(ACCOUNT), snapshot_of_account(), now=3.1)
    (order_id,) = first.result()
    again = core.settle(unknown, 4.0)
    peer.say(confirmation(ACCOUNT), snapshot_of_account(order_row(order_id)), now=4.1)
    assert again.result() == {order_id: OrderStatus.RESTING}


def candidates(unknown: OutcomeUnknown) -> tuple[str, ...]:
    assert unknown._transaction is not None
    (ids,) = unknown._transaction.order_ids
    assert len(ids) == 2
    return ids


@pytest.mark.parametrize("real", [0, 1])
def test_of_two_ids_the_one_that_lives_is_reported_under_the_first(real: int) -> None:
    core, peer, unknown = unanswered(TAKE)
    ids = candidates(unknown)
    call = core.settle(unknown, 3.0)
    events = peer.say(confirmation(ACCOUNT), snapshot_of_account(order_row(ids[real])), now=3.1)
    assert call.result() == {ids[0]: OrderStatus.RESTING}
    assert not any(isinstance(event, OrderState) for event in events)
    assert core.accounts[KEY].find_order(ids[1 - real]) is None


def test_of_two_ids_that_nobody_knows_one_is_gone() -> None:
    core, peer, unknown = unanswered(TAKE)
    call = core.settle(unknown, 3.0)
    events = peer.say(confirmation(ACCOUNT), snapshot_of_account(), now=3.1)
    ended = [event.order_id for event in events if isinstance(event, OrderState)]
    assert ended == [candidates(unknown)[0]]
    assert call.result() == {ended[0]: OrderStatus.GONE}


def test_of_two_ids_the_one_that_the_stream_finished_settles_at_once() -> None:
    core, peer, unknown = unanswered(TAKE)
    ids = candidates(unknown)
    row = order_row(ids[1]) | {"type": "orderUpdate", "status": "filled"}
    peer.say(account_message(row))
    assert core.settle(unknown, 3.0).result() == {ids[0]: OrderStatus.FILLED}
    core.resend(unknown, 3.0)
    assert not core.accounts[KEY].pending


# Sizes of a reply ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", ["much", None, [], "nan", 10**400])
def test_a_reply_tells_how_much_is_done(odd: Any) -> None:
    core, peer = opened()
    for _ in range(2):
        core.place_orders([LimitOrder("BTC-USD", Side.SELL, 64000.0, 0.05)], 1.0)
    first, second = core.accounts[KEY].pending
    body = {"filledSz": -0.03, "remainingSz": -0.02, "vwap": 64500.0}
    peer.say(post_reply(1, {"working": {"oid": first} | body}))
    order = core.accounts[KEY].open_orders[first]
    assert (order.size_done, order.vwap) == (0.03, 64500.0)
    assert order.size == pytest.approx(0.02)
    peer.say(post_reply(2, {"partiallyFilled": {"oid": second, "totalSz": "-0.04", "avgPx": odd}}))
    done = core.accounts[KEY].finished[second]
    assert (done.size_done, done.vwap, done.size) == (0.04, 0.0, 0.0)


# What is kept --------------------------------------------------------------------------------------------


def test_a_client_without_a_signer_follows_the_first_account_it_wants() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.account(OTHER_KEY), topics.account(KEY)], 1.0)
    peer.say(snapshot_of_account(key=OTHER_KEY), snapshot_of_account())
    position = {"type": "positionUpdate", "symbol": "BTC-USD", "size": 0.5, "price": 64000.0}
    peer.say(account_message(position, OTHER_KEY), account_message(position | {"size": 9.0}))
    assert core.inventory.quantity_for("BTC-USD") == 0.5


def test_tickers_never_asked_for_are_shown_but_not_kept() -> None:
    core, peer = opened(signed=False)
    wanted = topics.ticker("BTC-USD")
    core.subscribe([wanted], 1.0)
    events = peer.say(ticker_message("BTC-USD"), ticker_message("ETH-USD"))
    assert [event.symbol for event in events if isinstance(event, Ticker)] == ["BTC-USD", "ETH-USD"]
    assert (set(core.tickers), set(core.prices)) == ({"BTC-USD"}, {"BTC-USD"})
    core.unsubscribe([wanted], 2.0)
    assert (core.tickers, core.prices) == ({}, {})
