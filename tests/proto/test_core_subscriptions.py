"""Subscriptions: confirmed, refused, replayed, withdrawn; and the values they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bulk_proto import subscriptions as topics
from bulk_proto.core import ClientCore
from bulk_proto.errors import RequestTimedOut, SubscriptionLimit, SubscriptionRefused, UsageError
from bulk_proto.events import BookStale, OrderState, Ticker, Unasked
from bulk_proto.subscriptions import Subscription

from .peer import (
    KEY,
    OTHER_KEY,
    account_message,
    book_message,
    confirmation,
    connect,
    opened,
    order_update,
    snapshot_of_account,
    ticker_message,
)

BTC = topics.ticker("BTC-USD")


def best_bid(core: ClientCore) -> float | None:
    level = core.order_books["BTC-USD"].best_bid()
    return None if level is None else level.price


def test_a_subscription_resolves_when_the_exchange_confirms_it() -> None:
    core, peer = opened(signed=False)
    call = core.subscribe([BTC, topics.trades("ETH-USD")], 1.0)
    (request,) = peer.hear()
    assert request["subscription"] == [
        {"type": "ticker", "symbol": "BTC-USD"},
        {"type": "trades", "symbol": "ETH-USD"},
    ]
    peer.say(confirmation("ticker.BTC-USD"))
    assert not call.done
    peer.say(confirmation("trades.ETH-USD"))
    call.result()


def test_asking_twice_sends_once_and_resolves_both() -> None:
    core, peer = opened(signed=False)
    first = core.subscribe([BTC], 1.0)
    second = core.subscribe([BTC], 1.0)
    assert len(peer.hear()) == 1
    peer.say(confirmation("ticker.BTC-USD"))
    assert first.done
    assert second.done
    third = core.subscribe([BTC], 2.0)
    assert third.done
    assert peer.hear() == []


@pytest.mark.parametrize("spelling", ["l2snapshot.BTC-USD", "l2Snapshot.BTC-USD", "L2SNAPSHOT.BTC-USD"])
@pytest.mark.parametrize("state_first", [True, False])
def test_a_book_subscription_returns_with_the_book_filled_in_either_order(
    spelling: str, state_first: bool
) -> None:
    core, peer = opened(signed=False)
    call = core.subscribe([topics.l2_snapshot("BTC-USD")], 1.0)
    messages = [
        confirmation(spelling),
        book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)], stream="l2Snapshot"),
    ]
    for message in reversed(messages) if state_first else messages:
        assert not call.done
        peer.say(message)
    call.result()
    assert best_bid(core) == 100.0


def test_an_account_subscription_returns_with_the_account_known() -> None:
    core, peer = opened(signed=False)
    call = core.subscribe([topics.account(OTHER_KEY)], 1.0)
    peer.say(confirmation(f"account.{OTHER_KEY}"))
    assert not call.done
    peer.say(snapshot_of_account(key=OTHER_KEY))
    call.result()
    assert core.accounts[OTHER_KEY].live


def test_the_case_of_a_public_key_matters() -> None:
    core, peer = opened(signed=False)
    call = core.subscribe([topics.account(OTHER_KEY)], 1.0)
    peer.say(confirmation(f"account.{OTHER_KEY.lower()}"), snapshot_of_account(key=OTHER_KEY))
    assert not call.done


def test_without_an_answer_a_subscription_times_out_and_stays_wanted() -> None:
    core, peer = opened(signed=False)
    many = [topics.ticker(f"{name}-USD") for name in ("ETH", "SOL", "XRP", "ADA")]
    call, calls = core.subscribe([BTC], 1.0, timeout=3.0), core.subscribe(many, 1.0, timeout=3.0)
    core.handle_deadline(4.0)
    with pytest.raises(RequestTimedOut, match=r"did not confirm ticker\.BTC-USD in time"):
        call.result()
    with pytest.raises(RequestTimedOut, match=r"ETH-USD, ticker\.SOL-USD, ticker\.XRP-USD and 1 more"):
        calls.result()
    assert BTC.stream in core.subscriptions.wanted


def test_an_error_that_names_a_topic_refuses_that_subscription_alone() -> None:
    core, peer = opened(signed=False)
    good = core.subscribe([BTC], 1.0)
    bad = core.subscribe([topics.ticker("FOO-USD")], 1.0)
    both = core.subscribe([BTC, topics.ticker("FOO-USD")], 1.0)
    peer.say({"type": "error", "error": {"message": "unknown symbol in ticker FOO-USD"}})
    with pytest.raises(SubscriptionRefused, match=r"ticker\.FOO-USD"):
        bad.result()
    with pytest.raises(SubscriptionRefused):
        both.result()
    assert not good.done
    assert list(core.subscriptions.wanted) == [BTC.stream]


def test_a_topic_that_was_left_and_is_refused_when_wanted_anew_is_not_wanted() -> None:
    core, peer = opened(signed=False)
    core.subscribe([BTC], 1.0)
    peer.say(confirmation(BTC.topic))
    core.unsubscribe([BTC], 1.0)
    refused = core.subscribe([BTC], 1.0)
    peer.say({"type": "error", "error": {"message": f"cannot subscribe to {BTC.topic}: no such topic"}})
    with pytest.raises(SubscriptionRefused):
        refused.result()
    assert core.subscriptions.wanted == {}


def test_an_error_that_could_mean_several_topics_refuses_none() -> None:
    core, peer = opened(signed=False)
    calls = [core.subscribe([topics.candles("BTC-USD", interval)], 1.0) for interval in ("1m", "5m")]
    peer.say({"type": "error", "error": {"message": "bad subscription"}})
    assert not any(call.done for call in calls)


def test_a_refused_topic_does_not_hold_up_ready() -> None:
    core, peer = opened(signed=False)
    core.stop(1.0)
    core.receive_data(b"", 1.0)
    core.want([topics.ticker("FOO-USD")])
    ready = core.start(2.0)
    peer = connect(core, 2.0)
    peer.say({"type": "error", "error": {"message": "ticker FOO-USD: unknown symbol"}})
    ready.result()


def test_everything_wanted_is_asked_for_again_in_one_message_after_a_loss() -> None:
    core, peer = opened(signed=False)
    core.subscribe([BTC, topics.trades("ETH-USD")], 1.0)
    core.subscribe([topics.l2_snapshot("SOL-USD", 5)], 1.0)
    peer.say(confirmation("ticker.BTC-USD"))
    for call in core.unsubscribe([BTC], 2.0):
        assert not call.done
    core.connection_lost(3.0, "reset")
    core.handle_deadline(10.0)
    peer = connect(core, 10.0)
    (request,) = peer.hear()
    assert request["subscription"] == [
        {"type": "trades", "symbol": "ETH-USD"},
        {"type": "l2Snapshot", "symbol": "SOL-USD", "nlevels": 5},
    ]


def test_a_wait_survives_a_reconnection() -> None:
    core, peer = opened(signed=False)
    call = core.subscribe([BTC], 1.0)
    core.connection_lost(2.0, "reset")
    core.handle_deadline(4.0)
    peer = connect(core, 4.0)
    peer.say(confirmation("ticker.BTC-USD"))
    call.result()


def test_topics_wanted_without_a_connection_are_asked_for_when_one_opens() -> None:
    core, peer = opened(signed=False)
    core.connection_lost(2.0, "reset")
    call = core.subscribe([BTC], 2.5)
    core.handle_deadline(4.0)
    peer = connect(core, 4.0)
    assert len(peer.hear()) == 1
    peer.say(confirmation("ticker.BTC-USD"))
    call.result()


def test_unsubscribing_uses_the_servers_own_spelling_and_waits_for_its_answer() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.l2_delta("BTC-USD")], 1.0)
    peer.say(confirmation("l2DELTA.BTC-USD"))
    peer.hear()
    (call,) = core.unsubscribe([topics.l2_delta("BTC-USD")], 2.0)
    assert peer.hear() == [{"method": "unsubscribe", "topic": "l2DELTA.BTC-USD"}]
    assert not call.done
    peer.say({"type": "unsubscribeResponse", "topic": "l2DELTA.BTC-USD"})
    call.result()
    assert "BTC-USD" not in core.order_books


def test_unsubscribing_what_was_never_subscribed_sends_nothing() -> None:
    core, peer = opened(signed=False)
    assert core.unsubscribe([BTC, topics.l2_delta("X-USD"), topics.account(OTHER_KEY)], 1.0) == []
    assert peer.hear() == []


def test_leaving_is_over_when_the_link_is() -> None:
    core, peer = opened(signed=False)
    core.subscribe([BTC], 1.0)
    (call,) = core.unsubscribe([BTC], 2.0)
    core.connection_lost(3.0, "reset")
    call.result()


def test_leaving_and_coming_back_at_once_is_subscribed() -> None:
    core, peer = opened(signed=False)
    core.subscribe([BTC], 1.0)
    peer.say(confirmation("ticker.BTC-USD"))
    (left,) = core.unsubscribe([BTC], 2.0)
    back = core.subscribe([BTC], 2.0)
    peer.say({"type": "unsubscribeResponse", "topic": "ticker.BTC-USD"})
    assert left.done
    assert not back.done
    peer.say(confirmation("ticker.BTC-USD"))
    back.result()


def test_the_limit_of_the_exchange_is_kept_here() -> None:
    core, peer = opened(signed=False)
    many = [topics.ticker(f"M{number}-USD") for number in range(100)]
    core.subscribe(many, 1.0)
    assert len(peer.hear()) == 1
    with pytest.raises(SubscriptionLimit, match="101"):
        core.subscribe([BTC], 1.0)
    assert BTC.stream not in core.subscriptions.wanted
    core.unsubscribe(many[:1], 1.0)
    core.subscribe([BTC], 1.0)


def test_two_forms_of_one_topic_are_refused_since_they_could_not_be_told_apart() -> None:
    core, _ = opened(signed=False)
    core.subscribe([topics.l2_snapshot("BTC-USD", 5)], 1.0)
    with pytest.raises(UsageError, match="unsubscribe it first"):
        core.subscribe([topics.l2_snapshot("BTC-USD", 10)], 1.0)


@pytest.mark.parametrize(
    ("subscription", "topic", "request_entry"),
    [
        (BTC, "ticker.BTC-USD", {"type": "ticker", "symbol": "BTC-USD"}),
        (topics.l2_delta("BTC-USD"), "l2delta.BTC-USD", {"type": "l2Delta", "symbol": "BTC-USD"}),
        (
            topics.l2_snapshot("BTC-USD", 10, 0.5),
            "l2snapshot.BTC-USD",
            {"type": "l2Snapshot", "symbol": "BTC-USD", "nlevels": 10, "aggregation": 0.5},
        ),
        (
            topics.candles("BTC-USD", "5min"),
            "candle.BTC-USD.5m",
            {"type": "candle", "symbol": "BTC-USD", "interval": "5m"},
        ),
        (
            topics.candles("BTC-USD", "1M"),
            "candle.BTC-USD.1M",
            {"type": "candle", "symbol": "BTC-USD", "interval": "1M"},
        ),
        (topics.risk("BTC-USD"), "risk.BTC-USD", {"type": "risk", "symbol": "BTC-USD"}),
        (topics.context(), "frontendContext", {"type": "frontendContext"}),
        (topics.account(KEY), f"account.{KEY}", {"type": "account", "user": KEY}),
    ],
)
def test_the_wire_form_of_each_subscription(
    subscription: Subscription, topic: str, request_entry: dict[str, Any]
) -> None:
    assert subscription.topic == topic
    assert subscription.to_api() == request_entry


@pytest.mark.parametrize(
    "make",
    [
        lambda: topics.candles("BTC-USD", "7m"),
        lambda: topics.candles("BTC-USD", "5minutes"),
        lambda: topics.account("not a key"),
        lambda: topics.account(KEY[:-1]),
        lambda: topics.ticker(""),
        lambda: topics.ticker("BTC USD"),
        lambda: topics.l2_snapshot("BTC-USD", 0),
        lambda: topics.l2_snapshot("BTC-USD", aggregation=float("nan")),
    ],
)
def test_impossible_subscriptions_are_refused_before_anything_is_sent(
    make: Callable[[], Subscription],
) -> None:
    with pytest.raises(UsageError):
        make()


# Books and accounts by subscription ----------------------------------------------------------------------


def test_the_delta_stream_fills_and_moves_the_book() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.l2_delta("BTC-USD")], 1.0)
    peer.say(confirmation("l2delta.BTC-USD"))
    book = core.order_books["BTC-USD"]
    peer.say(book_message("delta", [(99.0, 1.0)], []))
    assert not book.ok
    assert book.best_bid() is None
    peer.say(book_message("snapshot", [(100.0, 1.0), (99.0, 2.0)], [(101.0, 2.0)]))
    peer.say(book_message("delta", [(100.0, 0.0)], []))
    assert book.ok
    assert best_bid(core) == 99.0


def test_a_book_that_nobody_subscribed_is_not_kept() -> None:
    core, peer = opened(signed=False)
    (event,) = peer.say(book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)]))
    assert event.symbol == "BTC-USD"  # type: ignore[attr-defined]
    assert core.order_books == {}


def test_an_aggregated_snapshot_never_touches_the_book() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.l2_delta("BTC-USD"), topics.l2_snapshot("BTC-USD", aggregation=10.0)], 1.0)
    peer.say(book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)]))
    peer.say(book_message("snapshot", [(90.0, 50.0)], [(110.0, 50.0)], stream="l2Snapshot"))
    assert best_bid(core) == 100.0


def test_a_delta_stream_may_begin_like_a_periodic_one() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.l2_delta("BTC-USD")], 1.0)
    peer.say(confirmation("l2delta.BTC-USD"))
    peer.say(book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)], stream="l2Snapshot"))
    peer.say(book_message("delta", [(100.5, 1.0)], []))
    assert (best_bid(core), core.order_books["BTC-USD"].ok) == (100.5, True)
    peer.say(book_message("snapshot", [(90.0, 50.0)], [(110.0, 50.0)], stream="l2Snapshot"))  # a stray one
    assert best_bid(core) == 100.5


def test_the_last_messages_of_an_aggregated_stream_begin_no_delta_stream() -> None:
    core, peer = opened(signed=False)
    aggregated = topics.l2_snapshot("BTC-USD", aggregation=10.0)
    core.subscribe([aggregated, topics.l2_delta("BTC-USD")], 1.0)
    peer.say(confirmation("l2snapshot.BTC-USD", "l2delta.BTC-USD"))
    core.unsubscribe([aggregated], 2.0)
    peer.say(book_message("snapshot", [(90.0, 50.0)], [(110.0, 50.0)], stream="l2Snapshot"))
    assert best_bid(core) is None


def test_a_snapshot_of_a_stream_that_is_being_left_is_not_taken_for_one_of_the_next() -> None:
    core, peer = opened(signed=False)
    aggregated = topics.l2_snapshot("BTC-USD", aggregation=10.0)
    core.subscribe([aggregated], 1.0)
    peer.say(confirmation("l2snapshot.BTC-USD"))
    core.unsubscribe([aggregated], 2.0)
    call = core.subscribe([topics.l2_snapshot("BTC-USD")], 2.0)
    peer.say(book_message("snapshot", [(90.0, 50.0)], [(110.0, 50.0)], stream="l2Snapshot"))
    assert best_bid(core) is None
    peer.say(
        {"type": "unsubscribeResponse", "topic": "l2snapshot.BTC-USD"}, confirmation("l2snapshot.BTC-USD")
    )
    assert not call.done
    peer.say(book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)], stream="l2Snapshot"))
    assert (best_bid(core), call.done) == (100.0, True)


def test_a_stream_whose_end_is_never_confirmed_is_left_when_nobody_waits_any_more() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.l2_snapshot("BTC-USD")], 1.0)
    peer.say(confirmation("l2snapshot.BTC-USD"))
    core.unsubscribe([topics.l2_snapshot("BTC-USD")], 2.0, timeout=1.0)
    core.subscribe([topics.l2_delta("BTC-USD")], 2.0)
    peer.say(book_message("snapshot", [(90.0, 1.0)], [(110.0, 1.0)], stream="l2Snapshot"), now=2.5)
    assert best_bid(core) is None
    core.handle_deadline(3.0)
    peer.say(book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)], stream="l2Snapshot"), now=3.5)
    assert best_bid(core) == 100.0


def test_a_short_periodic_snapshot_keeps_the_deeper_levels_of_the_delta_stream() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.l2_delta("BTC-USD"), topics.l2_snapshot("BTC-USD", 1)], 1.0)
    peer.say(book_message("snapshot", [(100.0, 1.0), (99.0, 5.0)], [(101.0, 2.0)]))
    peer.say(book_message("snapshot", [(100.0, 3.0)], [(101.0, 2.0)], stream="l2Snapshot"))
    bids = core.order_books["BTC-USD"].get_bids()
    assert [(level.price, level.size) for level in bids] == [(100.0, 3.0), (99.0, 5.0)]


def test_a_lost_connection_empties_the_books_until_the_next_snapshot() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.l2_delta("BTC-USD")], 1.0)
    peer.say(book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)]))
    core.connection_lost(2.0, "reset")
    book = core.order_books["BTC-USD"]
    assert (book.ok, book.why, book.best_bid()) == (False, "disconnected", None)
    core.handle_deadline(10.0)
    peer = connect(core, 10.0)
    peer.say(book_message("delta", [(98.0, 1.0)], []), now=10.0)
    assert book.best_bid() is None
    peer.say(book_message("snapshot", [(97.0, 1.0)], [(101.0, 2.0)]), now=10.0)
    assert best_bid(core) == 97.0


def test_a_book_that_stays_empty_is_asked_for_again_ever_more_patiently() -> None:
    core, peer = opened(signed=False, book_patience=2.0)
    core.subscribe([topics.l2_delta("BTC-USD")], 1.0)
    peer.say(confirmation("l2delta.BTC-USD"))
    peer.hear()
    core.handle_deadline(3.0)
    assert [request["method"] for request in peer.hear()] == ["unsubscribe", "subscribe"]
    stale = [event for event in core.events() if isinstance(event, BookStale)]
    assert stale == [BookStale("BTC-USD", "no snapshot yet")]
    peer.say(confirmation("l2delta.BTC-USD"), now=3.0)
    core.handle_deadline(6.9)
    assert peer.hear() == []
    core.handle_deadline(7.0)
    assert len(peer.hear()) == 2


def test_a_book_that_stays_crossed_is_asked_for_again_once() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.l2_delta("BTC-USD")], 1.0)
    peer.say(confirmation("l2delta.BTC-USD"), book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)]))
    peer.hear()
    peer.say(book_message("delta", [(102.0, 1.0)], []), now=5.0)
    core.handle_deadline(5.05)
    assert peer.hear() == []
    core.handle_deadline(5.1)
    assert [request["method"] for request in peer.hear()] == ["unsubscribe", "subscribe"]
    assert core.events() == [BookStale("BTC-USD", "crossed")]
    peer.say(book_message("delta", [(103.0, 1.0)], []), now=5.2)
    core.handle_deadline(5.4)
    assert peer.hear() == []
    peer.say(confirmation("l2delta.BTC-USD"), now=5.4)
    peer.say(book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)]), now=5.5)
    assert core.order_books["BTC-USD"].ok


def test_a_book_that_is_crossed_for_a_moment_only_is_left_alone() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.l2_delta("BTC-USD")], 1.0)
    peer.say(confirmation("l2delta.BTC-USD"), book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)]))
    peer.hear()
    peer.say(book_message("delta", [(101.0, 1.0)], []), now=5.0)
    peer.say(book_message("delta", [], [(101.0, 0.0), (102.0, 1.0)]), now=5.01)
    core.handle_deadline(6.0)
    assert peer.hear() == []
    assert core.order_books["BTC-USD"].ok


def test_an_unreadable_message_makes_its_book_suspect() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.l2_delta("BTC-USD")], 1.0)
    peer.say(confirmation("l2delta.BTC-USD"), book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)]))
    peer.hear()
    peer.say(book_message("delta", [(100.0, None)], []), now=5.0)  # type: ignore[list-item]
    assert not core.order_books["BTC-USD"].ok
    core.handle_deadline(5.0)
    assert [request["method"] for request in peer.hear()] == ["unsubscribe", "subscribe"]


def test_an_unreadable_message_of_an_account_has_the_account_sent_anew() -> None:
    core, peer = opened()
    peer.say(snapshot_of_account(), confirmation(f"account.{KEY}"))
    peer.hear()
    account = core.accounts[KEY]
    assert account.live
    peer.say({"type": "account", "topic": f"account.{KEY}", "data": {"type": "fill", "size": []}}, now=5.0)
    assert not account.live
    due = core.next_deadline()
    assert due == 7.0
    core.handle_deadline(due)
    assert [request["method"] for request in peer.hear()] == ["unsubscribe", "subscribe"]
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(), now=8.0)
    assert account.live
    core.handle_deadline(9.0)
    assert peer.hear() == []


def test_an_unreadable_message_of_an_account_never_asked_for_asks_for_nothing() -> None:
    core, peer = opened(signed=False)
    peer.say({"type": "account", "topic": f"account.{KEY}", "data": {"type": "fill", "size": []}})
    core.handle_deadline(10.0)
    assert peer.hear() == []


def test_tickers_and_prices_are_kept() -> None:
    core, peer = opened(signed=False)
    core.subscribe([BTC, topics.ticker("ETH-USD")], 1.0)
    peer.say(ticker_message("BTC-USD", 64251.0), ticker_message("ETH-USD", None))
    assert isinstance(core.tickers["BTC-USD"], Ticker)
    assert core.prices == {"BTC-USD": 64251.0, "ETH-USD": 64250.5}


def test_a_ticker_is_stale_from_a_loss_until_the_next_one() -> None:
    core, peer = opened(signed=False)
    core.subscribe([BTC], 1.0)
    (event,) = peer.say(confirmation("ticker.BTC-USD"), ticker_message("BTC-USD", 64251.0))
    assert core.tickers == {"BTC-USD": event}
    assert not core.tickers["BTC-USD"].stale
    core.connection_lost(5.0, "reset")
    kept = core.tickers["BTC-USD"]
    assert (kept.stale, kept.mark_price, kept != event) == (True, 64251.0, True)
    assert core.prices == {"BTC-USD": 64251.0}
    core.handle_deadline(7.0)
    peer = connect(core, 7.0)
    assert core.tickers["BTC-USD"].stale
    peer.say(ticker_message("BTC-USD", 64252.0), now=7.0)
    assert not core.tickers["BTC-USD"].stale
    peer.say({"type": "error", "error": {"message": "ticker BTC-USD: not now"}}, now=7.1)
    assert core.tickers["BTC-USD"].stale
    core.stop(8.0)
    assert core.tickers["BTC-USD"].stale


FILL = {"type": "fill", "symbol": "BTC-USD", "orderId": "x", "price": 1.0, "size": 0.1, "isBuy": True}
OF_ACCOUNTS: list[dict[str, Any]] = [
    FILL | {"reasonCode": 0, "timestamp": 1, "maker": False, "tradeId": "7"},
    {"type": "marginUpdate", "totalBalance": 1.0},
    {"type": "leverageUpdate", "leverage": [{"symbol": "BTC-USD", "leverage": 5.0}]},
    {"type": "liquidation", "symbol": "BTC-USD", "price": 1.0, "size": 0.1, "isBuy": True},
    {"type": "adl", "symbol": "BTC-USD", "price": 1.0, "size": 0.1, "isBuy": True},
    {"type": "cancelOneRejected", "symbol": "BTC-USD", "orderId": "x", "reason": "unknown"},
    snapshot_of_account(key=OTHER_KEY)["data"],
    order_update("x")["data"],
]


@pytest.mark.parametrize("data", OF_ACCOUNTS, ids=lambda data: str(data["type"]))
def test_events_of_an_account_that_is_not_subscribed_are_shown_as_such_and_not_applied(
    data: dict[str, Any],
) -> None:
    core, peer = opened()
    margin = core.accounts[KEY].margin
    (event,) = peer.say(account_message(data, OTHER_KEY))
    assert isinstance(event, Unasked)
    assert event.event.account == OTHER_KEY  # type: ignore[attr-defined]
    assert set(core.accounts) == {KEY}
    assert core.accounts[KEY].margin is margin
    core.subscribe([topics.account(OTHER_KEY)], 1.0)
    (event,) = peer.say(account_message(data, OTHER_KEY))
    assert not isinstance(event, Unasked)
    core.unsubscribe([topics.account(OTHER_KEY)], 2.0)
    (event,) = peer.say(account_message(data, OTHER_KEY))
    assert isinstance(event, Unasked)


def test_a_snapshot_after_a_reconnection_replaces_the_account() -> None:
    from .peer import order_row

    order = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"
    core, peer = opened()
    peer.say(snapshot_of_account(order_row(order)))
    assert order in core.accounts[KEY].open_orders
    core.connection_lost(2.0, "reset")
    assert not core.accounts[KEY].live
    assert order in core.accounts[KEY].open_orders
    core.handle_deadline(10.0)
    peer = connect(core, 10.0)
    events = peer.say(snapshot_of_account(), now=10.0)
    assert core.accounts[KEY].live
    assert core.accounts[KEY].open_orders == {}
    assert [event.status.value for event in events if isinstance(event, OrderState)] == ["gone"]


def test_a_topic_that_was_served_before_is_asked_for_again_after_an_error() -> None:
    core, peer = opened(signed=False)
    core.subscribe([BTC], 1.0)
    peer.say(confirmation("ticker.BTC-USD"))
    core.connection_lost(5.0, "reset")
    core.handle_deadline(7.0)
    peer = connect(core, 7.0)
    peer.hear()
    peer.say({"type": "error", "error": {"message": "ticker BTC-USD: too busy"}}, now=7.1)
    assert list(core.subscriptions.wanted) == [BTC.stream]
    due = core.next_deadline()
    assert due is not None
    core.handle_deadline(due)
    assert [request["subscription"] for request in peer.hear()] == [[{"type": "ticker", "symbol": "BTC-USD"}]]
