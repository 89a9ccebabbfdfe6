"""Accounts that are not live on an open link: whoever asks waits, and the exchange is asked again."""

from __future__ import annotations

import pytest

from bulk_proto import subscriptions as topics
from bulk_proto.actions import Action, CancelOrder, LimitOrder, ModifyOrder
from bulk_proto.core import ClientCore
from bulk_proto.enums import OrderStatus, Side
from bulk_proto.errors import ConnectionDropped, OutcomeUnknown

from .peer import (
    KEY,
    Peer,
    account_message,
    confirmation,
    make_core,
    opened,
    order_row,
    order_update,
    post_reply,
    snapshot_of_account,
)
from .peer import connect as connected

ORDER = "Fpwjdz7gxGgpPFNBF7f4NVqDHoDDUt1KDh1W1iWmPZ1q"
BID = LimitOrder("BTC-USD", Side.BUY, 64000.0, 0.05)
UNREADABLE = account_message({"type": "orderUpdate", "sym": "BTC-USD"})
SERVED = (confirmation(f"account.{KEY}"), snapshot_of_account())


def unanswered(core: ClientCore, *actions: Action, now: float) -> list[OutcomeUnknown]:
    calls = [core.place_orders([action], now, timeout=1.0) for action in actions]
    core.handle_deadline(now + 1.0)
    unknown = []
    for call in calls:
        with pytest.raises(OutcomeUnknown) as caught:
            call.result()
        unknown.append(caught.value)
    return unknown


def asked(peer: Peer) -> list[str]:
    return [request["method"] for request in peer.hear()]


def unconfirmed() -> tuple[ClientCore, Peer]:
    """A core that has asked for its account on an open link, and heard nothing of it."""
    core = make_core()
    core.want([topics.account(KEY)])
    core.start(0.0)
    peer = connected(core)
    assert asked(peer) == ["subscribe"]
    return core, peer


def test_an_account_that_is_stale_settles_nothing_before_it_has_been_sent_anew() -> None:
    core, peer = opened()
    peer.say(snapshot_of_account(order_row(ORDER)))
    placed, cancelled = unanswered(core, BID, CancelOrder("BTC-USD", ORDER), now=1.0)
    peer.hear()
    peer.say(UNREADABLE, now=3.0)
    calls = [core.settle(unknown, 3.1) for unknown in (placed, cancelled)]
    subscribed = core.subscribe([topics.account(KEY)], 3.1)
    assert not any(call.done for call in calls)
    assert not subscribed.done
    core.handle_deadline(5.0)
    assert asked(peer) == ["unsubscribe", "subscribe"]
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(order_row(placed.order_ids[0] or "")))
    assert [list(call.result().values()) for call in calls] == [[OrderStatus.RESTING], [OrderStatus.GONE]]
    assert subscribed.done


def test_a_snapshot_without_an_order_that_lives_by_its_reply_is_not_the_last_word() -> None:
    """It is older than the reply, or the order has ended unheard: nobody knows before the next one."""
    core, peer = unconfirmed()
    placed = core.place_orders([BID], 1.0)
    (order_id,) = core.accounts[KEY].pending
    peer.hear()
    peer.say(post_reply(1, {"resting": {"oid": order_id}}), now=1.1)
    cancelled = core.place_orders([CancelOrder("BTC-USD", order_id)], 1.2, timeout=0.5)
    core.handle_deadline(1.7)
    with pytest.raises(OutcomeUnknown) as unknown:
        cancelled.result()
    assert placed.done
    subscribed, settled = core.subscribe([topics.account(KEY)], 2.0), core.settle(unknown.value, 2.0)
    peer.hear()
    peer.say(*SERVED, now=2.1)
    account = core.accounts[KEY]
    assert (account.live, subscribed.done, settled.done) == (False, False, False)
    assert list(account.open_orders) == [order_id]
    core.handle_deadline(core.next_deadline() or 0.0)
    assert asked(peer) == ["unsubscribe", "subscribe"]
    peer.say(*SERVED, now=5.0)
    assert (account.live, subscribed.done) == (True, True)
    assert (list(account.open_orders), settled.result()) == ([], {order_id: OrderStatus.GONE})


@pytest.mark.parametrize("told", ["by the stream", "by a snapshot", "by a reply"])
def test_a_reply_about_an_order_that_a_snapshot_left_out_may_be_the_older_of_the_two(told: str) -> None:
    core, peer = unconfirmed()
    core.place_orders([BID], 1.0)
    account = core.accounts[KEY]
    (order_id,) = account.pending
    peer.hear()
    peer.say(*SERVED, now=1.1)
    assert account.live
    peer.say(post_reply(1, {"resting": {"oid": order_id}}), now=1.2)
    assert (account.live, list(account.open_orders)) == (False, [order_id])
    match told:
        case "by the stream":
            peer.say(order_update(order_id), now=1.3)
        case "by a snapshot":
            core.handle_deadline(core.next_deadline() or 0.0)
            assert asked(peer) == ["unsubscribe", "subscribe"]
            peer.say(*SERVED, now=4.0)
        case _:
            core.place_orders([CancelOrder("BTC-USD", order_id)], 1.3)
            peer.hear()
            peer.say(post_reply(2, {"cancelled": {"oid": order_id}}), now=1.4)
    assert account.live
    assert list(account.open_orders) == ([order_id] if told == "by the stream" else [])
    assert core.subscribe([topics.account(KEY)], 4.0).done
    core.handle_deadline(10.0)
    assert asked(peer) == []


def test_a_second_reply_of_that_kind_settles_nothing() -> None:
    core, peer = unconfirmed()
    core.place_orders([BID], 1.0)
    (order_id,) = core.accounts[KEY].pending
    peer.hear()
    peer.say(*SERVED, post_reply(1, {"resting": {"oid": order_id}}), now=1.1)
    core.place_orders([ModifyOrder("BTC-USD", order_id, 0.02)], 1.2)
    peer.say(post_reply(2, {"modified": {"oid": order_id}}), now=1.3)
    assert not core.accounts[KEY].live


def test_an_order_that_was_given_up_and_lives_by_a_late_reply_is_disputed() -> None:
    core, peer = opened()
    (unknown,) = unanswered(core, BID, now=1.0)
    peer.hear()
    settled = core.settle(unknown, 2.0)
    peer.say(*SERVED, now=2.1)
    ((order_id, fate),) = settled.result().items()
    assert fate is OrderStatus.GONE
    peer.hear()
    peer.say(post_reply(1, {"resting": {"oid": order_id}}), now=3.0)
    account = core.accounts[KEY]
    assert (account.live, list(account.open_orders)) == (False, [order_id])
    asked_again = 0
    for now in range(4, 20):
        core.handle_deadline(float(now))
        if asked(peer) == ["unsubscribe", "subscribe"]:
            asked_again += 1
            peer.say(*SERVED, now=now + 0.1)
    assert (account.live, list(account.open_orders)) == (True, [])
    assert asked_again == 2  # a reply alone is believed until the second snapshot


def test_two_settlements_ask_for_the_account_once() -> None:
    core, peer = opened()
    first, second = unanswered(core, BID, BID, now=1.0)
    peer.hear()
    calls = [core.settle(first, 3.0), core.settle(second, 3.0)]
    assert asked(peer) == ["unsubscribe", "subscribe"]
    assert not core.accounts[KEY].live  # deaf until it is subscribed again
    peer.say(*SERVED, now=3.1)
    assert all(call.done for call in calls)
    assert core.accounts[KEY].live


def test_a_settlement_that_waits_behind_another_ends_with_the_line() -> None:
    core, peer = opened()
    (first,) = unanswered(core, BID, now=1.0)
    calls = [core.settle(first, 3.0, 100.0)]
    peer.hear()
    (second,) = unanswered(core, BID, now=3.0)  # later than the account was asked for
    calls.append(core.settle(second, 4.0, 100.0))
    core.stop(5.0)
    core.connection_lost(5.0, "reset")
    for call in calls:
        with pytest.raises(ConnectionDropped):
            call.result()


def test_an_account_that_is_not_sent_is_asked_for_again_ever_more_patiently() -> None:
    core, peer = unconfirmed()
    now = 0.0
    for wait, answer in ((10.0, True), (20.0, False), (40.0, True), (60.0, False)):
        if answer:
            peer.say(confirmation(f"account.{KEY}"), now=now)
        core.handle_deadline(now + wait - 0.1)
        assert asked(peer) == []
        peer.say({"type": "pong"}, now=now + wait)
        core.handle_deadline(now + wait)
        assert asked(peer) == (["unsubscribe", "subscribe"] if answer else ["subscribe"])
        now += wait
    peer.say(*SERVED, now=now)
    core.handle_deadline(now + 100.0)
    assert "subscribe" not in asked(peer)


def test_an_unreadable_message_leaves_orders_to_their_own_answers() -> None:
    core, peer = opened()
    call = core.place_orders([BID], 1.0)
    (order_id,) = core.accounts[KEY].pending
    peer.hear()
    peer.say(UNREADABLE, now=1.5)
    core.handle_deadline(3.5)
    assert asked(peer) == ["unsubscribe", "subscribe"]
    peer.say(*SERVED, now=3.6)
    peer.say(post_reply(1, {"resting": {"oid": order_id}}), now=3.7)
    assert call.result()[0].status is OrderStatus.RESTING
    assert set(core.accounts[KEY].open_orders) == {order_id}


def test_an_account_with_a_message_that_is_never_readable_is_asked_for_ever_more_rarely() -> None:
    core, peer = opened()
    now, waits = 100.0, []
    for _ in range(7):
        peer.say(UNREADABLE, now=now)
        due = core.subscriptions.retries.earliest
        waits.append(due - now)
        peer.say({"type": "pong"}, now=due)
        core.handle_deadline(due)
        assert "subscribe" in asked(peer)
        peer.say(*SERVED, now=due)
        now = due
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    peer.say(UNREADABLE, now=now + 200.0)
    assert core.subscriptions.retries.earliest == now + 202.0


@pytest.mark.parametrize(
    "trouble", [UNREADABLE, {"type": "error", "error": {"message": f"account {KEY}: something else"}}]
)
def test_what_spoils_an_account_before_its_confirmation_has_it_sent_anew(trouble: dict[str, object]) -> None:
    core, peer = opened()
    core.connection_lost(2.0, "reset")
    core.handle_deadline(10.0)
    peer = connected(core, 10.0)
    peer.hear()
    peer.say(snapshot_of_account(), trouble, confirmation(f"account.{KEY}"), now=10.1)
    assert not core.accounts[KEY].live
    core.handle_deadline(12.1)
    assert asked(peer) == ["unsubscribe", "subscribe"]
    peer.say(*SERVED, now=12.2)
    assert core.accounts[KEY].live


def test_the_state_that_follows_an_unreadable_message_is_enough_without_a_confirmation() -> None:
    """Asking again would subscribe twice, and two subscriptions tell everything twice."""
    core, peer = unconfirmed()
    peer.say(UNREADABLE, snapshot_of_account(), now=1.0)
    assert core.accounts[KEY].live
    core.handle_deadline(3.0)
    assert "subscribe" not in asked(peer)


def test_an_order_of_another_connection_is_in_doubt_all_the_same() -> None:
    core, peer = opened()
    core.place_orders([BID], 1.0)
    peer.say(account_message({"type": "fill", "symbol": "BTC-USD"}), now=1.5)
    core.connection_lost(2.0, "reset")
    assert len(core.accounts[KEY].in_doubt) == 1
