"""Orders in the core: signed, answered, refused, lost; never doubled, never queued, never in doubt unsaid."""

from __future__ import annotations

from typing import Any

import pytest

from bulk_proto.actions import CancelAll, CancelOrder, LimitOrder, MarketOrder
from bulk_proto.core import ClientCore
from bulk_proto.enums import OrderStatus, Side, SignatureDomain
from bulk_proto.errors import (
    BulkError,
    ConnectionDropped,
    InvalidAction,
    NotConnected,
    OutcomeUnknown,
    RequestTimedOut,
    SignerMissing,
    TransactionRejected,
    UsageError,
)
from bulk_proto.events import Fill, OrderState
from bulk_proto.signing.order_id import order_id
from bulk_proto.signing.transaction import verify_transaction
from bulk_proto.subscriptions import account, ticker

from .peer import (
    KEY,
    OTHER_KEY,
    SEED,
    Peer,
    account_message,
    connect,
    make_core,
    opened,
    order_row,
    order_update,
    post_reply,
    snapshot_of_account,
    ticker_message,
)

BID = LimitOrder("BTC-USD", Side.BUY, 64000.0, 0.05)
OLD = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"
ASK = LimitOrder("BTC-USD", Side.SELL, 64500.0, 0.05)


def sent(peer: Peer) -> dict[str, Any]:
    """The one request that the core has just sent."""
    (request,) = peer.hear()
    return request


def test_an_order_is_signed_for_its_domain_and_resolves_with_its_row() -> None:
    core, peer = opened()
    call = core.place_orders([BID], 1.0)
    request = sent(peer)
    payload = request["request"]["payload"]
    assert request["method"] == "post"
    assert verify_transaction(payload, SignatureDomain.DEVNET)
    assert not verify_transaction(payload, SignatureDomain.MAINNET)
    oid = order_id(payload["actions"][0], 0, int(payload["nonce"]), KEY)
    peer.say(post_reply(request["id"], {"resting": {"oid": oid}}))
    (response,) = call.result()
    assert (response.order_id, response.status) == (oid, OrderStatus.RESTING)
    assert not response.is_error()
    assert oid is not None
    assert core.accounts[KEY].open_orders[oid].side is Side.BUY


def test_a_driver_that_is_told_can_send_an_order_before_it_is_put_down() -> None:
    core, peer = opened()
    account = core.accounts[KEY]
    told: list[tuple[list[dict[str, Any]], int]] = []
    core.on_urgent_data = lambda: told.append((peer.hear(), len(account.pending)))
    call = core.place_orders([BID], 1.0)
    (([request], pending_before),) = told
    assert (pending_before, len(account.pending)) == (0, 1)
    assert core.data_to_send() == b""
    (order,) = account.pending
    peer.say(post_reply(request["id"], {"resting": {"oid": order}}))
    assert call.result()[0].status is OrderStatus.RESTING
    assert list(account.open_orders) == [order]


def test_only_transactions_are_urgent() -> None:
    core, peer = opened()
    core.on_urgent_data = lambda: pytest.fail("a subscription can wait until the driver looks")
    core.subscribe([ticker("ETH-USD")], 1.0)
    assert sent(peer)["method"] == "subscribe"


def test_answers_find_their_requests_by_id_in_any_order() -> None:
    core, peer = opened()
    calls = [core.place_orders([BID], 1.0) for _ in range(3)]
    requests = peer.hear()
    for request in reversed(requests):
        peer.say(post_reply(request["id"], {"rejectedInvalid": {"oid": None, "reason": str(request["id"])}}))
    assert [call.result()[0].message for call in calls] == [str(request["id"]) for request in requests]


def test_answers_to_nobody_are_dropped() -> None:
    core, peer = opened()
    call = core.place_orders([BID], 1.0)
    request = sent(peer)
    peer.say(
        post_reply(999), post_reply(request["id"]), post_reply(request["id"], {"error": {"message": "x"}})
    )
    assert call.result()[0].status is OrderStatus.PENDING


def test_a_cancel_and_its_replacement_travel_under_one_signature() -> None:
    core, peer = opened()
    old = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"
    call = core.place_orders([CancelOrder("BTC-USD", old, Side.BUY), BID], 1.0)
    payload = sent(peer)["request"]["payload"]
    new = order_id(payload["actions"][1], 1, int(payload["nonce"]), KEY)
    peer.say(post_reply(1, {"resting": {"oid": new}}, {"cancelled": {"oid": old}}))
    cancelled, placed = call.result()
    assert (cancelled.status, cancelled.order_id) == (OrderStatus.CANCELLED, old)
    assert (placed.status, placed.order_id) == (OrderStatus.RESTING, new)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("bad signature", r"bad signature .it was signed for devnet"),
        ("unauthorized signer", r"^unauthorized signer$"),
    ],
)
def test_a_refused_transaction_says_why_and_leaves_nothing_pending(message: str, told: str) -> None:
    core, peer = opened()
    call = core.place_orders([BID], 1.0)
    peer.say(post_reply(1, {"error": {"message": message}}, status="error"))
    with pytest.raises(TransactionRejected, match=told):
        call.result()
    assert not core.accounts[KEY].pending


def test_a_pending_order_is_what_was_asked_for() -> None:
    core, _ = opened()
    core.place_orders([BID, MarketOrder("ETH-USD", Side.SELL, 0.1, reduce_only=True)], 1.0)
    limit, market = core.accounts[KEY].pending.values()
    assert (limit.symbol, limit.side, limit.price, limit.size) == (BID.symbol, BID.side, BID.price, BID.size)
    assert (limit.order_type, limit.tif, limit.reduce_only) == ("limit", BID.time_in_force, False)
    assert (market.symbol, market.side, market.price, market.size) == ("ETH-USD", Side.SELL, 0.0, 0.1)
    assert (market.order_type, market.tif, market.reduce_only) == ("market", None, True)


def test_an_unknown_row_never_loses_the_answer() -> None:
    core, peer = opened()
    call = core.place_orders([BID], 1.0)
    peer.say(post_reply(1, {"teleported": {"oid": "?"}}))
    assert len(call.result()) == 1


def test_an_update_that_overtakes_the_answer_finds_its_order() -> None:
    core, peer = opened()
    call = core.place_orders([BID], 1.0)
    payload = sent(peer)["request"]["payload"]
    oid = order_id(payload["actions"][0], 0, int(payload["nonce"]), KEY)
    update = {"type": "orderUpdate", "ot": "limit", "status": "filled", "sym": "BTC-USD", "oid": oid}
    sizes = {
        "px": 64000.0,
        "origSz": 0.05,
        "sz": 0.0,
        "fillSz": 0.05,
        "vwap": 64000.0,
        "ts": 1767225601 * 10**9,
    }
    peer.say(account_message(update | sizes))
    peer.say(post_reply(1, {"resting": {"oid": oid}}))
    assert call.result()[0].status is OrderStatus.RESTING
    assert core.accounts[KEY].open_orders == {}


def test_without_an_answer_the_outcome_is_unknown_and_says_what_to_look_for() -> None:
    core, peer = opened(request_timeout=10.0)
    call = core.place_orders([BID, CancelAll()], 1.0, nonce=7)
    payload = sent(peer)["request"]["payload"]
    core.handle_deadline(10.9)
    assert not call.done
    core.handle_deadline(11.0)
    with pytest.raises(RequestTimedOut) as unknown:
        call.result()
    assert isinstance(unknown.value, TimeoutError)
    oid = order_id(payload["actions"][0], 0, 7, KEY)
    assert (unknown.value.nonce, unknown.value.account, unknown.value.order_ids) == (7, KEY, (oid, None))


def test_a_late_answer_still_brings_the_account_up_to_date() -> None:
    core, peer = opened()
    core.place_orders([BID], 1.0, timeout=1.0)
    payload = sent(peer)["request"]["payload"]
    core.handle_deadline(2.0)
    oid = order_id(payload["actions"][0], 0, int(payload["nonce"]), KEY)
    peer.say(post_reply(1, {"resting": {"oid": oid}}), now=3.0)
    assert oid in core.accounts[KEY].open_orders


def test_a_lost_connection_ends_every_open_request_at_once() -> None:
    core, peer = opened()
    calls = [core.place_orders([order], 1.0) for order in (BID, ASK)]
    core.connection_lost(1.1, "reset")
    for call in calls:
        with pytest.raises(ConnectionDropped) as unknown:
            call.result()
        assert isinstance(unknown.value, OutcomeUnknown)
    assert core.next_deadline() == core.next_deadline()


def test_an_order_in_doubt_is_settled_by_the_next_snapshot() -> None:
    core, peer = opened()
    core.place_orders([BID], 1.0)
    core.place_orders([ASK], 1.0)
    ids = []
    for request in peer.hear():
        payload = request["request"]["payload"]
        ids.append(order_id(payload["actions"][0], 0, int(payload["nonce"]), KEY))
    alive, gone = ids
    assert alive is not None
    core.connection_lost(1.1, "reset")
    core.handle_deadline(10.0)
    peer = connect(core, 10.0)
    events = peer.say(snapshot_of_account(order_row(alive)), now=10.0)
    assert set(core.accounts[KEY].open_orders) == {alive}
    states = {event.order_id: event.status for event in events if isinstance(event, OrderState)}
    assert states[str(gone)] is OrderStatus.GONE


def test_an_error_frame_with_an_id_fails_that_request_only() -> None:
    core, peer = opened()
    first, second = core.place_orders([BID], 1.0), core.place_orders([ASK], 1.0)
    peer.say({"type": "error", "error": {"message": "malformed", "id": 1}})
    with pytest.raises(TransactionRejected, match="malformed"):
        first.result()
    assert not second.done


def test_an_error_frame_without_an_id_fails_no_request() -> None:
    core, peer = opened()
    calls = [core.place_orders([BID], 1.0) for _ in range(5)]
    peer.say({"type": "error", "error": {"message": "bad subscription"}})
    assert not any(call.done for call in calls)


def test_orders_without_a_connection_are_refused_and_never_queued() -> None:
    core, peer = opened()
    core.connection_lost(1.0, "reset")
    with pytest.raises(NotConnected, match="nothing was sent"):
        core.place_orders([BID], 1.5)
    core.handle_deadline(10.0)
    peer = connect(core, 10.0)
    assert [request["method"] for request in peer.hear()] == ["subscribe"]


def test_trading_without_a_signer_says_what_to_do() -> None:
    core, _ = opened(signed=False)
    with pytest.raises(SignerMissing, match="signer=TransactionSigner") as refused:
        core.place_orders([BID], 1.0)
    assert isinstance(refused.value, RuntimeError)


def test_a_key_in_the_place_of_a_signer_is_refused_and_not_shown() -> None:
    config = make_core().config
    with pytest.raises(UsageError, match="TransactionSigner") as refused:
        ClientCore(config, signer=SEED)  # type: ignore[arg-type]
    assert SEED not in str(refused.value)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_an_impossible_timeout_is_refused_before_anything_is_sent(timeout: float) -> None:
    core, peer = opened()
    with pytest.raises(UsageError):
        core.place_orders([BID], 1.0, timeout=timeout)
    assert peer.hear() == []


def test_an_empty_transaction_is_refused_before_anything_is_sent() -> None:
    core, peer = opened()
    with pytest.raises(InvalidAction):
        core.place_orders([], 1.0)
    assert peer.hear() == []


def test_nonces_rise_although_the_clock_stands_still() -> None:
    core, peer = opened()
    for _ in range(5):
        core.place_orders([BID], 1.0)
    nonces = [int(request["request"]["payload"]["nonce"]) for request in peer.hear()]
    assert nonces == sorted(set(nonces))


def test_nonce_zero_is_a_nonce() -> None:
    core, peer = opened()
    core.place_orders([BID], 1.0, nonce=0)
    assert sent(peer)["request"]["payload"]["nonce"] == "0"


def test_an_agent_signs_for_another_account_whose_key_makes_the_order_ids() -> None:
    plain = make_core()
    core = ClientCore(plain.config, signer=plain.signer, account=OTHER_KEY)
    core.start(0.0)
    peer = connect(core)
    call = core.place_orders([BID], 1.0)
    payload = sent(peer)["request"]["payload"]
    assert (payload["account"], payload["signer"]) == (OTHER_KEY, KEY)
    oid = order_id(payload["actions"][0], 0, int(payload["nonce"]), OTHER_KEY)
    peer.say(post_reply(1, {"resting": {"oid": oid}}))
    assert call.result()[0].order_id == oid


def test_an_account_can_be_given_with_one_call() -> None:
    core, peer = opened()
    core.place_orders([MarketOrder("BTC-USD", Side.SELL, 0.1)], 1.0, account=OTHER_KEY)
    assert sent(peer)["request"]["payload"]["account"] == OTHER_KEY


def test_a_fill_reaches_the_application_once_and_moves_no_position() -> None:
    core, peer = opened()
    fill = {
        "type": "fill",
        "symbol": "BTC-USD",
        "orderId": "2tZDKsMo1ksF1dGatQaQfZDAPvmydgZzwaNsiKTWQP1S",
        "price": 64500.0,
        "size": 0.03,
        "fee": 0.0,
        "isBuy": False,
        "timestamp": 1767225601000000000,
        "maker": True,
        "tradeId": "123456:7",
    }
    events = peer.say(account_message(fill), account_message(fill))
    assert len([event for event in events if isinstance(event, Fill)]) == 1
    assert not core.accounts[KEY].positions


def test_positions_and_profit_follow_the_exchange() -> None:
    core, peer = opened()
    core.subscribe([ticker("BTC-USD")], 1.0)
    position = {
        "type": "positionUpdate",
        "symbol": "BTC-USD",
        "size": 0.5,
        "price": 64000.0,
        "unrealizedPnl": 3.0,
    }
    peer.say(account_message(position), ticker_message("BTC-USD", 64100.0))
    assert core.inventory.quantity_for("BTC-USD") == 0.5
    assert core.inventory.pv(core.prices).unrealized == pytest.approx(50.0)
    peer.say(account_message(position | {"size": 0.0}))
    assert core.inventory.quantity_for("BTC-USD") == 0.0


@pytest.mark.parametrize("word", ["ack", "error", "gone", "Error", "amended"])
@pytest.mark.parametrize("reason", [None, 7])  # the second is read by the tier that is not surprised
def test_a_word_that_is_no_end_of_an_order_ends_none(word: str, reason: int | None) -> None:
    core, peer = opened()
    peer.say(order_update(OLD), order_update(OLD, word, ts=1767225602 * 10**9, reason=reason))
    order = core.accounts[KEY].open_orders[OLD]
    assert (order.status, order.status_text) == (OrderStatus.UNKNOWN, word)


def test_what_a_reply_tells_of_the_size_that_is_left_counts() -> None:
    core, peer = opened()
    core.place_orders([BID], 1.0)
    (placed,) = core.accounts[KEY].pending
    cut = {"oid": placed, "filledSz": -0.02, "remainingSz": -0.01, "vwap": 64_000.0}
    peer.say(post_reply(1, {"working": cut}))
    order = core.accounts[KEY].open_orders[placed]
    assert (order.size, order.size_done, order.size_orig) == (0.01, 0.02, 0.05)


def test_no_error_shows_a_whole_key_or_all_that_the_exchange_says() -> None:
    core, peer = opened()
    placed = core.place_orders([BID], 1.0)
    peer.say(
        post_reply(1, {"error": {"message": f"{OTHER_KEY} may not sign " + "x y " * 2000}}, status="error")
    )
    subscribed = core.subscribe([account(OTHER_KEY)], 1.0, timeout=1.0)
    core.handle_deadline(2.0)
    for call in (placed, subscribed):
        with pytest.raises(BulkError) as error:
            call.result()
        assert OTHER_KEY[:4] in str(error.value)
        assert OTHER_KEY not in str(error.value)
        assert len(str(error.value)) < 300
