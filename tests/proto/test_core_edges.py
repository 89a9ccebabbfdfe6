"""Corners of the core where a call, a book or a wish could get lost, one promise each."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest

from bulk_proto import subscriptions as topics
from bulk_proto.actions import LimitOrder, MarketOrder
from bulk_proto.calls import Call
from bulk_proto.config import Config
from bulk_proto.core import ClientCore, Direction, State
from bulk_proto.enums import OrderStatus, Side, SignatureDomain
from bulk_proto.errors import (
    ConnectionDropped,
    InvalidKey,
    LinkError,
    NotConnected,
    OutcomeUnknown,
    SubscriptionRefused,
    UsageError,
)
from bulk_proto.events import BookStale, Event, OrderState
from bulk_proto.subscriptions import Subscription

from .peer import (
    KEY,
    OTHER_KEY,
    Peer,
    book_message,
    confirmation,
    connect,
    make_core,
    opened,
    order_row,
    post_reply,
    snapshot_of_account,
    ticker_message,
)

BTC = topics.ticker("BTC-USD")
BOOK = topics.l2_delta("BTC-USD")
BID = LimitOrder("BTC-USD", Side.BUY, 64000.0, 0.05)


def with_a_book(*also: Subscription) -> tuple[ClientCore, Peer]:
    """A core whose book is confirmed and filled: 100 bid, 101 asked."""
    core, peer = opened(signed=False)
    core.subscribe([BOOK, *also], 1.0)
    peer.say(confirmation("l2delta.BTC-USD"), book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)]))
    peer.hear()
    return core, peer


def refusal(topic: str) -> dict[str, object]:
    return {"type": "error", "error": {"message": f"{topic}: no such topic"}}


def stale(core: ClientCore) -> list[Event]:
    return [event for event in core.events() if isinstance(event, BookStale)]


# At rest -------------------------------------------------------------------------------------------------


def test_subscribing_before_the_start_is_refused_since_nobody_would_ever_answer() -> None:
    core = make_core()
    with pytest.raises(NotConnected, match="nothing was sent"):
        core.subscribe([BTC], 0.0)
    assert BTC.stream not in core.subscriptions.wanted
    assert core.next_deadline() is None


def test_subscribing_while_closing_is_refused() -> None:
    core, _ = opened(signed=False)
    core.stop(1.0)
    with pytest.raises(NotConnected):
        core.subscribe([BTC], 1.0)


@pytest.mark.parametrize("state", [State.OPEN, State.WAITING, State.CONNECTING])
def test_a_stop_ends_every_call_since_nobody_will_wake_the_core_again(state: State) -> None:
    core, _ = opened(signed=False)
    call = core.subscribe([BTC], 1.0)
    if state is not State.OPEN:
        core.connection_lost(1.0, "reset")
    if state is State.CONNECTING:
        core.handle_deadline(5.0)
    assert core.state is state
    core.stop(6.0)
    core.receive_data(b"", 6.0)
    with pytest.raises(ConnectionDropped, match="closed by user"):
        call.result()
    assert core.next_deadline() is None


def test_a_stop_while_getting_ready_fails_the_start_as_a_link_error() -> None:
    core = make_core()
    core.want([BTC])
    ready = core.start(0.0)
    connect(core)
    core.stop(1.0)
    core.receive_data(b"", 1.0)
    with pytest.raises(LinkError, match="closed by user"):
        ready.result()


def test_a_connection_lost_while_closing_is_closed() -> None:
    core, _ = opened()
    core.stop(1.0)
    core.connection_lost(1.5, "reset")
    assert core.state is State.IDLE
    assert core.next_deadline() is None


# Misuse changes nothing ----------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_timeout_withdraws_no_subscription(timeout: float) -> None:
    core, peer = opened(signed=False)
    core.subscribe([BTC], 1.0)
    peer.hear()
    with pytest.raises(UsageError):
        core.unsubscribe([BTC], 1.0, timeout)
    with pytest.raises(UsageError):
        core.subscribe([BOOK], 1.0, timeout)
    assert list(core.subscriptions.wanted) == [BTC.stream]
    assert core.order_books == {}
    assert peer.hear() == []


def test_a_refused_wish_leaves_no_deadline_behind() -> None:
    core, _ = opened(signed=False, max_subscriptions=1, ping_interval=50.0)
    due = core.next_deadline()
    with pytest.raises(UsageError):
        core.subscribe([BTC, BOOK], 1.0, 2.0)
    assert core.next_deadline() == due


@pytest.mark.parametrize(
    "name", ["ping_interval", "silence_timeout", "book_patience", "backoff_base", "settled_after"]
)
@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf"), "60", None])
def test_a_duration_that_would_be_due_at_once_or_never_is_refused(name: str, seconds: Any) -> None:
    durations: dict[str, Any] = {name: seconds}
    with pytest.raises(UsageError, match=name):
        Config(
            url="ws://exchange.test",
            domain=SignatureDomain.DEVNET,
            wall_clock=lambda: 0,
            chance=lambda: 0.5,
            mask=lambda: b"mask",
            **durations,
        )


@pytest.mark.parametrize("account", ["", "me", KEY[:-1], 7])
def test_an_account_that_is_no_public_key_is_refused_before_anything_is_traded_for_another(
    account: Any,
) -> None:
    core, _ = opened()
    with pytest.raises(InvalidKey, match="base58 text of exactly 32 bytes"):
        ClientCore(core.config, signer=core.signer, account=account)


# Wishes --------------------------------------------------------------------------------------------------


def test_topics_are_subscribed_rather_than_wanted_on_an_open_link() -> None:
    core, peer = opened(signed=False, book_patience=2.0)
    with pytest.raises(UsageError, match="subscribe"):
        core.want([BOOK])
    assert not core.subscriptions.wanted
    core.subscribe([BOOK], 1.0)
    assert [request["method"] for request in peer.hear()] == ["subscribe"]
    assert core.next_deadline() == 3.0  # for its first snapshot


def test_what_is_unsubscribed_is_not_waited_for_any_longer() -> None:
    core, peer = opened(signed=False)
    both = core.subscribe([BTC, topics.trades("BTC-USD")], 1.0)
    alone = core.subscribe([BTC], 1.0)
    core.unsubscribe([BTC], 1.0)
    alone.result()
    assert not both.done
    peer.say(confirmation("trades.BTC-USD"))
    both.result()


def test_unsubscribing_does_not_hold_up_ready() -> None:
    core = make_core(signed=False)
    core.want([BTC])
    ready = core.start(0.0)
    connect(core)
    core.unsubscribe([BTC], 1.0)
    ready.result()


def test_unsubscribing_while_closing_sends_nothing_and_does_not_come_back() -> None:
    seen: list[Direction] = []
    core = ClientCore(make_core(signed=False).config, trace=lambda way, _: seen.append(way))
    core.want([BTC])
    core.start(0.0)
    connect(core)
    core.stop(1.0)
    assert core.unsubscribe([BTC], 1.0) == []
    assert seen == [Direction.SENT]
    core.receive_data(b"", 1.0)
    core.start(2.0)
    assert connect(core, 2.0).hear() == []


def test_a_refused_book_is_not_asked_for_for_ever() -> None:
    core, peer = opened(signed=False)
    core.subscribe([BOOK], 1.0)
    peer.hear()
    peer.say(refusal("l2delta.BTC-USD"))
    assert core.order_books == {}
    core.handle_deadline(19.0)
    assert stale(core) == []
    assert peer.hear() == []


def test_a_refused_delta_stream_leaves_the_book_to_the_periodic_snapshots() -> None:
    core, peer = opened(signed=False)
    core.subscribe([BOOK, topics.l2_snapshot("BTC-USD")], 1.0)
    peer.hear()
    peer.say(refusal("l2delta.BTC-USD"))
    core.handle_deadline(3.0)
    (request,) = peer.hear()
    assert request["subscription"] == [{"type": "l2Snapshot", "symbol": "BTC-USD"}]


def test_a_refused_account_is_not_kept() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.account(OTHER_KEY)], 1.0)
    peer.say(refusal(f"account.{OTHER_KEY}"))
    assert core.accounts == {}


def test_a_topic_refused_after_its_first_state_waits_for_a_new_one_when_wanted_again() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.account(OTHER_KEY)], 1.0)
    peer.say(snapshot_of_account(key=OTHER_KEY), refusal(f"account.{OTHER_KEY}"))
    again = core.subscribe([topics.account(OTHER_KEY)], 1.0)
    peer.say(confirmation(f"account.{OTHER_KEY}"))
    assert not again.done


def test_a_confirmation_counts_for_its_own_link_only() -> None:
    core, peer = opened(signed=False)
    core.subscribe([BTC], 1.0)
    peer.say(confirmation("ticker.BTC-USD"))
    core.connection_lost(2.0, "reset")
    call = core.subscribe([BTC], 3.0)
    core.handle_deadline(10.0)
    peer = connect(core, 10.0)
    assert not call.done
    peer.say(confirmation("ticker.BTC-USD"), now=10.0)
    call.result()


def test_an_error_that_names_two_topics_refuses_neither() -> None:
    core, peer = opened(signed=False)
    call = core.subscribe([BTC, topics.ticker("ETH-USD")], 1.0)
    peer.say(refusal("ticker.BTC-USD and ticker.ETH-USD"))
    assert not call.done
    assert len(core.subscriptions.wanted) == 2


def test_a_confirmation_that_nobody_asked_for_is_worth_nothing_later() -> None:
    core, peer = opened(signed=False)
    peer.say(confirmation("ticker.BTC-USD"))
    call = core.subscribe([BTC], 1.0)
    assert not call.done


def test_an_error_about_fifteen_minutes_says_nothing_about_five() -> None:
    core, peer = opened(signed=False)
    five = core.subscribe([topics.candles("BTC-USD", "5m")], 1.0)
    fifteen = core.subscribe([topics.candles("BTC-USD", "15m")], 1.0)
    peer.say(refusal("candle.BTC-USD.15m"))
    assert not five.done
    with pytest.raises(SubscriptionRefused):
        fifteen.result()


def test_an_error_about_a_longer_symbol_says_nothing_about_a_shorter() -> None:
    core, peer = opened(signed=False)
    call = core.subscribe([topics.ticker("BTC")], 1.0)
    peer.say(refusal("ticker.BTC-USD"))
    assert not call.done


# Books ---------------------------------------------------------------------------------------------------


def test_each_crossing_has_its_own_grace() -> None:
    core, peer = with_a_book()
    peer.say(book_message("delta", [(101.0, 1.0)], []), now=5.0)
    peer.say(book_message("delta", [(101.0, 0.0)], []), now=5.01)
    peer.say(book_message("delta", [(101.0, 1.0)], []), now=5.09)
    core.handle_deadline(5.1)
    assert stale(core) == []
    assert core.next_deadline() == pytest.approx(5.19)
    core.handle_deadline(5.2)
    assert stale(core) == [BookStale("BTC-USD", "crossed")]


def test_a_book_that_recovered_by_itself_is_looked_after_the_next_time_as_well() -> None:
    core, peer = opened(signed=False, book_patience=2.0)
    core.subscribe([BOOK], 1.0)
    core.handle_deadline(3.0)
    peer.say(confirmation("l2delta.BTC-USD"), now=3.0)
    peer.say(book_message("snapshot", [(102.0, 1.0)], [(101.0, 2.0)]), now=4.0)
    peer.say(book_message("delta", [(102.0, 0.0), (100.0, 1.0)], []), now=4.1)
    assert core.order_books["BTC-USD"].ok
    core.handle_deadline(7.0)
    core.events()
    peer.hear()
    peer.say(book_message("delta", [(102.0, 1.0)], []), now=8.0)
    core.handle_deadline(8.2)
    assert stale(core) == [BookStale("BTC-USD", "crossed")]
    assert [request["method"] for request in peer.hear()] == ["unsubscribe", "subscribe"]


def test_a_book_cut_to_nlevels_follows_these_levels_until_the_delta_stream_tells_the_rest() -> None:
    core, peer = opened(signed=False)
    core.subscribe([topics.l2_snapshot("BTC-USD", 1), BOOK], 1.0)
    peer.say(confirmation("l2snapshot.BTC-USD", "l2delta.BTC-USD"))
    peer.say(book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)], stream="l2Snapshot"))
    peer.say(book_message("delta", [(100.0, 3.0), (90.0, 5.0)], []))
    book = core.order_books["BTC-USD"]
    assert [(level.price, level.size) for level in book.bids] == [(100.0, 3.0)]
    peer.say(book_message("delta", [(100.0, 0.0)], []), now=5.0)
    assert (book.best_bid(), book.ok) == (None, False)
    core.handle_deadline(6.0)
    assert stale(core) == [BookStale("BTC-USD", "the market has left the levels that are known")]
    peer.say(book_message("snapshot", [(99.0, 1.0), (90.0, 5.0)], [(101.0, 2.0)]), now=6.2)
    assert ([level.price for level in book.bids], book.ok) == ([99.0, 90.0], True)


def test_a_shallow_book_is_right_and_its_depth_is_asked_for_ever_more_patiently() -> None:
    core, peer = opened(signed=False, book_patience=2.0)
    core.subscribe([topics.l2_snapshot("BTC-USD", 1), BOOK], 1.0)
    peer.say(confirmation("l2snapshot.BTC-USD", "l2delta.BTC-USD"))
    peer.hear()
    shallow = book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)], stream="l2Snapshot")
    for due in (3.0, 7.0, 15.0):
        for moment in (due - 1.0, due - 0.1):
            peer.say(shallow, now=moment)
            core.handle_deadline(moment)
        assert core.order_books["BTC-USD"].ok
        assert peer.hear() == []
        core.handle_deadline(due)
        assert [request["method"] for request in peer.hear()] == ["unsubscribe", "subscribe"]
        peer.say(confirmation("l2delta.BTC-USD"), now=due)
    assert stale(core) == []
    peer.say(book_message("snapshot", [(100.0, 1.0), (99.0, 1.0)], [(101.0, 2.0)]), shallow, now=15.5)
    core.handle_deadline(31.0)
    assert (len(core.order_books["BTC-USD"]), "subscribe" in str(peer.hear())) == (3, False)


def test_depth_that_was_lost_when_time_ran_backwards_is_asked_for() -> None:
    core, peer = opened(signed=False, book_patience=2.0)
    core.subscribe([topics.l2_snapshot("BTC-USD", 1), BOOK], 1.0)
    peer.say(confirmation("l2snapshot.BTC-USD", "l2delta.BTC-USD"))
    peer.say(book_message("snapshot", [(100.0, 1.0), (99.0, 1.0)], [(101.0, 2.0)]))
    peer.hear()
    earlier = book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)], stream="l2Snapshot")
    earlier["data"]["book"]["timestamp"] -= 60_000
    peer.say(earlier, earlier, now=5.0)
    assert (len(core.order_books["BTC-USD"]), core.order_books["BTC-USD"].ok) == (2, True)
    core.handle_deadline(7.0)
    assert [request["method"] for request in peer.hear()] == ["unsubscribe", "subscribe"]


def test_a_caller_may_doubt_a_book_in_any_words() -> None:
    core, peer = with_a_book()
    core.order_books["BTC-USD"].mark_suspect("silent")
    peer.say(book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)]))
    assert core.order_books["BTC-USD"].ok


def test_the_next_cut_snapshot_settles_a_market_that_left_the_last_one() -> None:
    core, peer = opened(signed=False, book_patience=60.0)
    core.subscribe([topics.l2_snapshot("BTC-USD", 1), BOOK], 1.0)
    peer.say(confirmation("l2snapshot.BTC-USD", "l2delta.BTC-USD"))
    peer.hear()
    for moment in (2.0, 2.2, 2.4):
        peer.say(book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)], stream="l2Snapshot"), now=moment)
        assert core.order_books["BTC-USD"].ok
        peer.say(book_message("delta", [(100.0, 0.0)], []), now=moment + 0.05)
        core.handle_deadline(moment + 0.19)
        assert not core.order_books["BTC-USD"].ok
    assert (stale(core), peer.hear()) == ([], [])


def test_an_old_impatience_is_not_held_against_a_new_subscription() -> None:
    core, peer = opened(signed=False, book_patience=2.0)
    core.subscribe([BOOK], 1.0)
    core.handle_deadline(3.0)
    core.unsubscribe([BOOK], 4.0)
    core.subscribe([BOOK], 5.0)
    assert core.next_deadline() == 7.0


def test_the_patience_with_a_book_begins_anew_on_each_link() -> None:
    core, _ = opened(signed=False, book_patience=2.0)
    core.subscribe([BOOK], 1.0, timeout=60.0)
    core.connection_lost(2.0, "reset")
    core.handle_deadline(10.0)
    connect(core, 10.0)
    core.handle_deadline(10.0)
    assert stale(core) == []
    assert core.next_deadline() == 12.0


def test_nobody_is_woken_for_a_book_while_closing() -> None:
    core, _ = opened(signed=False, book_patience=2.0, closing_timeout=2.0)
    core.subscribe([BOOK], 1.0, timeout=60.0)
    core.stop(2.5)
    core.handle_deadline(3.0)
    assert core.next_deadline() == 4.5


def test_an_unreadable_aggregated_snapshot_says_nothing_about_the_book() -> None:
    core, peer = with_a_book(topics.l2_snapshot("BTC-USD", aggregation=10.0))
    peer.say({"type": "l2Snapshot", "topic": "l2snapshot.BTC-USD", "data": {"book": 7}}, now=5.0)
    assert core.order_books["BTC-USD"].ok


def test_leaving_one_of_two_streams_keeps_the_book() -> None:
    core, peer = with_a_book(topics.l2_snapshot("BTC-USD"))
    core.unsubscribe([BOOK], 2.0)
    assert core.order_books["BTC-USD"].ok
    core.unsubscribe([topics.l2_snapshot("BTC-USD")], 2.0)
    assert core.order_books == {}


def test_both_streams_of_one_book_are_one_book() -> None:
    core, peer = with_a_book()
    book = core.order_books["BTC-USD"]
    core.subscribe([topics.l2_snapshot("BTC-USD")], 2.0)
    assert core.order_books["BTC-USD"] is book
    core.unsubscribe([BOOK, topics.candles("BTC-USD", "1m")], 2.0)
    peer.say(book_message("snapshot", [(90.0, 1.0)], [(91.0, 2.0)]))
    assert book.best_bid() is not None  # a late message of the stream that was left feeds nothing
    assert book.get_bids()[0].price == 100.0


# Answers -------------------------------------------------------------------------------------------------


def test_a_late_refusal_ends_what_was_in_doubt() -> None:
    core, peer = opened()
    core.place_orders([BID], 1.0, timeout=1.0)
    core.handle_deadline(2.0)
    assert len(core.accounts[KEY].in_doubt) == 1
    peer.say(post_reply(1, {"error": {"message": "no"}}, status="error"), now=3.0)
    assert not core.accounts[KEY].in_doubt


def test_of_many_requests_without_answer_the_latest_are_remembered() -> None:
    core, peer = opened()
    for number in range(300):
        core.place_orders([MarketOrder("BTC-USD", Side.BUY, 1.0)], 1.0, nonce=number, timeout=1.0)
    pending = list(core.accounts[KEY].pending)
    core.handle_deadline(2.0)
    peer.hear()
    peer.say(post_reply(1, {"rejectedInvalid": {"oid": pending[0]}}))
    assert pending[0] in core.accounts[KEY].in_doubt
    peer.say(post_reply(300, {"rejectedInvalid": {"oid": pending[-1]}}))
    assert pending[-1] not in core.accounts[KEY].in_doubt


def test_an_answer_for_an_account_that_is_not_followed_still_resolves() -> None:
    core, peer = opened()
    calls = [core.place_orders([BID], 1.0, account=OTHER_KEY) for _ in range(2)]
    peer.say(post_reply(1, {"resting": {}}), post_reply(2, {"error": {"message": "no"}}, status="error"))
    assert calls[0].result()[0].status is OrderStatus.RESTING
    assert calls[1].done


@pytest.mark.parametrize("linked", [True, False])
def test_a_connection_made_twice_is_the_callers_mistake_and_changes_nothing(linked: bool) -> None:
    core = make_core()
    core.start(0.0)
    core.connection_made(0.0)
    if linked:
        core.receive_data(Peer(core).accept(), 0.0)
    state = core.state
    with pytest.raises(UsageError):
        core.connection_made(1.0)
    assert core.state is state


def test_a_pong_is_nothing_but_a_sign_of_life() -> None:
    core, _ = opened(silence_timeout=60.0)
    core.receive_data(b"\x8a\x00", 50.0)
    assert core.events() == []
    core.handle_deadline(61.0)
    assert core.is_open


def test_a_silence_that_was_broken_is_looked_at_again_when_it_could_be_over() -> None:
    core, peer = opened(signed=False, silence_timeout=60.0, ping_interval=1000.0)
    peer.say(ticker_message(), now=20.0)
    core.handle_deadline(60.0)
    assert core.next_deadline() == 80.0
    core.handle_deadline(80.0)
    assert core.state is State.WAITING


def test_a_second_snapshot_of_another_account_moves_no_inventory() -> None:
    core, peer = opened()
    core.subscribe([topics.account(OTHER_KEY)], 1.0)
    message = snapshot_of_account(order_row("E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"), key=OTHER_KEY)
    message["data"]["positions"] = [{"symbol": "BTC-USD", "size": 1.0, "price": 1.0}]
    events = peer.say(message)
    assert core.accounts[OTHER_KEY].positions
    assert core.inventory.quantity_for("BTC-USD") == 0.0
    assert not any(isinstance(event, OrderState) for event in events)


def test_a_ticker_without_any_price_keeps_the_last_one() -> None:
    core, peer = opened(signed=False)
    core.subscribe([BTC], 1.0)
    bare = json.dumps(
        {"type": "ticker", "topic": "ticker.BTC-USD", "data": {"ticker": {"symbol": "BTC-USD"}}}
    )
    peer.say(ticker_message("BTC-USD", 64251.0), bare)
    assert core.prices == {"BTC-USD": 64251.0}
    assert core.tickers["BTC-USD"].mark_price is None


# Memory --------------------------------------------------------------------------------------------------


def alive(kind: type) -> int:
    gc.collect()
    return sum(isinstance(one, kind) for one in gc.get_objects())


def test_ten_thousand_calls_without_an_answer_leave_nothing_behind() -> None:
    core, peer = opened(silence_timeout=1e6, ping_interval=1e6)
    before = alive(Call)
    for second in range(5_000):
        now = float(second)
        core.subscribe([BTC], now, timeout=0.5)
        if second % 2:
            core.unsubscribe([BTC], now, timeout=0.5)
        core.handle_deadline(now + 0.5)
        core.data_to_send()
    assert alive(Call) - before < 10


def test_ten_thousand_answered_calls_leave_nothing_behind_although_no_deadline_passes() -> None:
    core, peer = opened(signed=False, max_posts_per_second=1_000_000)
    before = alive(Call)
    for _ in range(10_000):
        core.subscribe([BTC], 1.0)
        peer.say(confirmation("ticker.BTC-USD"))
    assert alive(Call) - before < 100


def test_answered_transactions_leave_nothing_behind_although_no_deadline_passes() -> None:
    core, peer = opened()
    before = alive(Call)
    for number in range(1, 501):
        core.place_orders([BID], 1.0)
        core.receive_data(peer.frame(post_reply(number)), 1.0)
        core.data_to_send()
        core.events()
    assert alive(Call) - before < 100


# Doubt ---------------------------------------------------------------------------------------------------


def in_doubt() -> tuple[ClientCore, OutcomeUnknown]:
    core, _ = opened()
    call = core.place_orders([BID], 1.0)
    core.connection_lost(2.0, "reset")
    with pytest.raises(OutcomeUnknown) as unknown:
        call.result()
    return core, unknown.value


def test_settling_after_a_stop_is_refused_since_no_snapshot_will_come() -> None:
    core, unknown = in_doubt()
    core.stop(3.0)
    with pytest.raises(NotConnected):
        core.settle(unknown, 4.0)
    assert core.next_deadline() is None


def test_an_account_that_is_left_meanwhile_cannot_tell() -> None:
    core, unknown = in_doubt()
    call = core.settle(unknown, 3.0)
    core.unsubscribe([topics.account(KEY)], 3.0)
    assert list(call.result().values()) == [OrderStatus.UNKNOWN]
