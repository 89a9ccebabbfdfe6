"""What a released client for this exchange gets wrong, and ours does not: one test for each known defect.

The numbers are those under which the defects of that client are known. Defects of waiting and of handlers
are in ``tests/drivers/test_known_defects.py``; together the two files have every number from 1 to 41.
"""

from __future__ import annotations

import json
import struct
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bulk_proto import wire
from bulk_proto.account import Account
from bulk_proto.actions import (
    Action,
    AgentWallet,
    CancelAll,
    CreateSubAccount,
    Faucet,
    LimitOrder,
    MarketOrder,
    OraclePrice,
    Range,
    Stop,
    TakeProfit,
    TrailingStop,
    Transfer,
    TriggerBasket,
    UserSettings,
    WhitelistFaucet,
)
from bulk_proto.calls import Call
from bulk_proto.core import ClientCore, State
from bulk_proto.enums import OrderStatus, Side, SignatureDomain, TimeInForce
from bulk_proto.errors import ConnectionDropped, InvalidKey
from bulk_proto.events import Candles, ErrorReported, Fill, MarginUpdate, OrderState, Ticker, Trades
from bulk_proto.responses import OrderResponse, OrderResponses
from bulk_proto.signing import TransactionSigner, base58, order_id, preimage
from bulk_proto.subscriptions import account as account_topic
from bulk_proto.subscriptions import l2_delta, ticker, trades

from . import server_bytes
from .peer import (
    KEY,
    OTHER_KEY,
    SEED,
    Peer,
    account_message,
    book_message,
    connect,
    make_core,
    opened,
    order_row,
    post_reply,
    snapshot_of_account,
    ticker_message,
)

BTC = "BTC-USD"
OID = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"
OTHER_OID = "2tZDKsMo1ksF1dGatQaQfZDAPvmydgZzwaNsiKTWQP1S"
BID = LimitOrder(BTC, Side.BUY, 64000.0, 0.05)
NONCE = 1_767_225_600_000_000_001
TESTNET = SignatureDomain.TESTNET


def order_update(**changes: Any) -> dict[str, Any]:
    """A buy of 1.0, half of it filled, in short names."""
    names: dict[str, Any] = {
        "type": "orderUpdate",
        "ot": "limit",
        "status": "working",
        "sym": BTC,
        "oid": OID,
        "px": 64000.0,
        "origSz": 1.0,
        "sz": 0.5,
        "fillSz": 0.5,
        "vwap": 64000.0,
        "tif": "gtc",
        "r": False,
        "mk": True,
        "trigger": None,
        "ts": 1767225601000000000,
        "reason": None,
    }
    return account_message(names | changes)


def fill(**changes: Any) -> dict[str, Any]:
    """A buy of 0.5 for the own account."""
    names: dict[str, Any] = {
        "type": "fill",
        "symbol": BTC,
        "orderId": OID,
        "price": 64000.0,
        "size": 0.5,
        "fee": -1.5,
        "isBuy": True,
        "reasonCode": 0,
        "timestamp": 1767225601000000000,
        "maker": True,
        "tradeId": "1:7",
    }
    return account_message(names | changes)


def position(size: float, **more: Any) -> dict[str, Any]:
    return {"symbol": BTC, "size": size, "price": 64000.0} | more


def account(core: ClientCore, key: str = KEY) -> Account:
    return core.accounts[key]


def placed(core: ClientCore, peer: Peer, *actions: Action) -> tuple[Call[OrderResponses], dict[str, Any]]:
    """Place orders; the call and the transaction as the exchange hears it."""
    call = core.place_orders(actions, 1.0)
    (request,) = peer.hear()
    return call, request


def answered(row: dict[str, Any], action: Action = BID) -> OrderResponse:
    core, peer = opened()
    call, request = placed(core, peer, action)
    peer.say(post_reply(request["id"], row))
    return call.result()[0]


def bytes_of(*actions: Action) -> bytes:
    """The signed bytes without version header, count, nonce, account and domain."""
    signed = preimage([action.to_api() for action in actions], NONCE, KEY, TESTNET)
    return signed[29 if signed.startswith(b"\xff" * 8) else 8 : -41]


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def message(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def one(item: bytes) -> bytes:
    return struct.pack("<Q", 1) + item


def cancel_all() -> bytes:
    return struct.pack("<IQ", 4, 0)


# State ---------------------------------------------------------------------------------------------------


def test_d2_an_execution_in_two_streams_moves_no_position_twice() -> None:
    """The public trade (with the taker's side, at that) and the own fill were both booked."""
    core, peer = opened()
    core.subscribe([trades(BTC)], 1.0)
    public = {"s": BTC, "px": 64000.0, "sz": 0.5, "time": 1767225601000, "side": False, "maker": KEY}
    peer.say({"type": "trades", "topic": f"trades.{BTC}", "data": {"trades": [public]}}, fill())
    assert core.inventory.quantity_for(BTC) == 0.0
    peer.say(account_message({"type": "positionUpdate"} | position(0.5)))
    assert core.inventory.quantity_for(BTC) == 0.5


def test_d3_a_snapshot_replaces_what_was_known() -> None:
    """What a new snapshot no longer lists stayed for ever."""
    core, peer = opened()
    full = snapshot_of_account(order_row(OID))
    full["data"]["positions"] = [position(0.5)]
    peer.say(full)
    empty = snapshot_of_account()
    empty["data"]["leverageSettings"] = []
    peer.say(empty)
    known = account(core)
    assert (known.open_orders, known.positions, known.leverage_settings) == ({}, {}, {})
    assert core.inventory.quantity_for(BTC) == 0.0


def test_d12_open_orders_with_long_names_are_orders() -> None:
    """All of them collapsed into one entry without an id."""
    core, peer = opened()
    peer.say(snapshot_of_account(order_row(OID), order_row(OTHER_OID, size=-0.2)))
    known = account(core).open_orders
    assert {key: (order.side, order.size) for key, order in known.items()} == {
        OID: (Side.BUY, 0.05),
        OTHER_OID: (Side.SELL, 0.2),
    }


def test_d13_a_filled_sell_is_a_sell() -> None:
    """The side was read off the remaining size, which is 0 then; one size was signed, the other not."""
    core, peer = opened()
    (event,) = peer.say(order_update(status="filled", origSz=-1.0, sz=0.0, fillSz=1.0))
    assert isinstance(event, OrderState)
    assert (event.side, event.size, event.size_orig) == (Side.SELL, 0.0, 1.0)


def test_d14_a_fill_never_reduces_an_order_again() -> None:
    """An order with half of it left vanished when the fill of the other half came after the update."""
    core, peer = opened()
    peer.say(order_update(), fill())
    assert account(core).open_orders[OID].size == 0.5


def test_d18_a_second_snapshot_is_not_a_change() -> None:
    """Snapshots of the delta stream were dropped or merged, so that the best bid rose above the best ask."""
    core, peer = opened(signed=False)
    core.subscribe([l2_delta(BTC)], 1.0)
    peer.say(book_message("snapshot", [(10.0, 1.0)], [(11.0, 1.0)]))
    peer.say(book_message("snapshot", [(8.0, 1.0)], [(9.0, 1.0)]))
    book = core.order_books[BTC]
    assert [level.price for level in (*book.bids, *book.asks)] == [8.0, 9.0]


def test_d18_no_book_survives_a_reconnection() -> None:
    core, peer = opened(signed=False)
    core.subscribe([l2_delta(BTC)], 1.0)
    peer.say(book_message("snapshot", [(10.0, 1.0)], [(11.0, 1.0)]))
    core.connection_lost(1.0, "reset")
    core.handle_deadline(10.0)
    peer = connect(core, 10.0)
    peer.say(book_message("delta", [(12.0, 1.0)], []), now=10.0)
    assert (len(core.order_books[BTC]), core.order_books[BTC].ok) == (0, False)


def test_d21_both_generations_of_margin_names_give_the_balance() -> None:
    """With the newer names the balance was 0, without a word."""
    core, peer = opened()
    for total, available in (("totalMargin", "availableMargin"), ("totalBalance", "availableBalance")):
        (event,) = peer.say(account_message({"type": "marginUpdate", total: 7.0, available: 6.0}))
        assert isinstance(event, MarginUpdate)
        assert (event.total_balance, event.available_balance) == (7.0, 6.0)


def test_d22_nothing_of_a_fill_is_lost() -> None:
    """Trade id, fee, reason and the isolated flag were dropped, and short names gave an empty fill."""
    core, peer = opened()
    (event,) = peer.say(fill(reasonCode=1))
    assert isinstance(event, Fill)
    assert (event.trade_id, event.fee, event.reason) == ("1:7", -1.5, "liquidation")
    short = {
        "type": "fill",
        "sym": BTC,
        "oid": OID,
        "px": 64000.0,
        "sz": 0.5,
        "b": True,
        "ts": 5,
        "tid": "1:8",
    }
    (event,) = peer.say(account_message(short))
    assert isinstance(event, Fill)
    assert (event.symbol, event.size, event.price, event.trade_id) == (BTC, 0.5, 64000.0, "1:8")
    assert peer.say(fill(reasonCode=1)) == []  # told before
    (row,) = peer.say(order_update(iso=True))
    assert isinstance(row, OrderState)
    assert row.iso


def test_d32_accounts_on_one_connection_stay_apart() -> None:
    """The topic was ignored: the last writer won."""
    core, peer = opened()
    core.subscribe([account_topic(OTHER_KEY)], 1.0)
    peer.say(snapshot_of_account(order_row(OID)), snapshot_of_account(key=OTHER_KEY))
    assert set(account(core).open_orders) == {OID}
    assert account(core, OTHER_KEY).open_orders == {}


def test_d39_cross_and_isolated_rows_of_a_market_stay_apart() -> None:
    """+2.0 and -0.5 became -0.5."""
    core, peer = opened()
    snapshot = snapshot_of_account()
    snapshot["data"]["positions"] = [position(2.0), position(-0.5, iso=True, isoPubkey=OTHER_KEY)]
    peer.say(snapshot)
    assert sorted(row.size for row in account(core).positions.values()) == [-0.5, 2.0]
    assert core.inventory.quantity_for(BTC) == 1.5


def test_d40_an_unknown_status_in_a_snapshot_costs_no_order() -> None:
    """One such row discarded the whole snapshot."""
    core, peer = opened()
    odd = [order_row(OID) | {"status": "pending"}, order_row(OTHER_OID) | {"status": "teleported"}]
    peer.say(snapshot_of_account(*odd))
    assert set(account(core).open_orders) == {OID, OTHER_OID}


def test_d41_null_numbers_are_no_numbers() -> None:
    """A null mark price was kept as the price and met arithmetic later."""
    core, peer = opened()
    core.subscribe([ticker(BTC)], 1.0)
    peer.say(account_message({"type": "positionUpdate"} | position(2.0)), ticker_message(mark=None))
    assert core.prices[BTC] == 64250.5  # the last price takes its place
    assert core.inventory.pv(core.prices).unrealized == 501.0
    (event,) = peer.say(account_message({"type": "marginUpdate", "totalMargin": 1.0, "fees": None}))
    assert isinstance(event, MarginUpdate)
    assert f"{event.fees:.2f}" == "nan"


# Messages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [{"trades": ["row"]}, {"data": ["row"]}, ["row"]])
@pytest.mark.parametrize("side", ["side", "b"])
def test_d16_trades_are_read_in_every_container(content: Any, side: str) -> None:
    """The documented one raised, and the message was dropped."""
    row = {"s": BTC, "px": 64000.0, "sz": 0.5, "time": 1767225601000, side: True}
    content = [row] if isinstance(content, list) else {name: [row] for name in content}
    event = wire.decode(message(type="trades", topic=f"trades.{BTC}", data=content))
    assert isinstance(event, Trades)
    assert [(trade.price, trade.size, trade.side) for trade in event.trades] == [(64000.0, 0.5, Side.BUY)]


@pytest.mark.parametrize("content", [{"candles": [1, 2]}, {"candle": 1}, 1, [1, 2]])
def test_d17_candles_are_read_in_every_container(content: Any) -> None:
    """Two candles in the documented list came out as one, all zero."""
    bar = {"t": 1767225600000, "T": 1767225660000, "o": 1.0, "h": 4.0, "l": 0.5, "c": 2.0, "v": 3.0, "n": 9}

    def filled(shape: Any) -> Any:
        match shape:
            case dict():
                return {name: filled(inside) for name, inside in shape.items()}
            case list():
                return [bar for _ in shape]
            case _:
                return bar

    event = wire.decode(message(type="candle", topic=f"candle.{BTC}.1m", data=filled(content)))
    assert isinstance(event, Candles)
    assert {(bar.open, bar.high, bar.low, bar.close) for bar in event.candles} == {(1.0, 4.0, 0.5, 2.0)}
    assert len(event.candles) == (2 if "[1, 2]" in str(content) else 1)


def test_d29_every_status_knows_whether_it_is_final() -> None:
    """The one for errors had no value, and asking raised."""
    assert OrderStatus.ERROR.is_terminal()
    assert all(status.value and status.is_terminal() in (True, False) for status in OrderStatus)


def test_d30_the_small_helpers_work() -> None:
    """Two raised, and one subtracted the fill from what already was the remainder."""
    core, peer = opened()
    core.subscribe([l2_delta(BTC)], 1.0)
    (order,) = peer.say(order_update(sz=0.6, fillSz=0.4))
    assert isinstance(order, OrderState)
    assert (order.get_side(), order.amount_remaining()) == (Side.BUY, 0.6)
    assert BTC in repr(core.order_books[BTC])


# Requests ------------------------------------------------------------------------------------------------


def test_d5_an_error_that_names_no_request_fails_none() -> None:
    """One refused subscription failed every order in flight."""
    core, peer = opened()
    calls = [core.place_orders([BID], 1.0) for _ in range(3)]
    (event,) = peer.say({"type": "error", "error": {"message": "bad subscription"}})
    assert isinstance(event, ErrorReported)
    assert not any(call.done for call in calls)


def test_d6_an_agent_trades_for_another_account() -> None:
    """The account was always the signer's own."""
    core = ClientCore(make_core().config, signer=TransactionSigner(SEED), account=OTHER_KEY)
    core.start(0.0)
    peer = connect(core)
    peer.hear()
    call, request = placed(core, peer, BID)
    payload = request["request"]["payload"]
    assert (payload["account"], payload["signer"]) == (OTHER_KEY, KEY)
    peer.say(post_reply(request["id"]))
    assert call.result()[0].order_id == order_id(payload["actions"][0], 0, int(payload["nonce"]), OTHER_KEY)


@pytest.mark.parametrize(
    "row", ["cancelledIoc", "triggered", "deposit", "agentWallet", "siblingCancelled", "ack", "neverSeen"]
)
def test_d11_a_row_of_any_kind_is_an_answer(row: str) -> None:
    """An unknown kind lost the reply, and the caller waited for the whole time-out."""
    assert answered({row: {"oid": OID}}).order_id is not None


def test_d15_a_lost_connection_ends_what_is_in_flight_at_once() -> None:
    """Requests waited for their full time-out."""
    core, _ = opened()
    call = core.place_orders([BID], 1.0)
    core.connection_lost(1.1, "reset")
    with pytest.raises(ConnectionDropped) as unknown:
        call.result()
    assert unknown.value.order_ids[0] is not None


def test_d23_only_what_is_wanted_comes_back_and_once() -> None:
    """The list of subscriptions only grew: unsubscribed topics came back, repeated ones repeatedly."""
    core, peer = opened(signed=False)
    core.subscribe([ticker(BTC), trades(BTC)], 1.0)
    core.subscribe([ticker(BTC)], 1.0)
    core.unsubscribe([trades(BTC)], 1.0)
    core.connection_lost(1.1, "reset")
    core.handle_deadline(10.0)
    (request,) = connect(core, 10.0).hear()
    assert request["subscription"] == [{"type": "ticker", "symbol": BTC}]


def test_d26_no_request_id_is_used_twice() -> None:
    """An oracle update went out under the id of the order before it."""
    core, peer = opened()
    core.place_orders([BID], 1.0)
    core.place_orders([OraclePrice(1767225600, BTC, 64000.0)], 1.0)
    core.place_orders([BID], 1.0)
    assert [request["id"] for request in peer.hear()] == [1, 2, 3]


def test_d27_no_row_at_all_is_an_answer() -> None:
    """The first of no rows was taken."""
    core, peer = opened()
    call, request = placed(core, peer, BID)
    peer.say(post_reply(request["id"]))
    assert call.result()[0].status is OrderStatus.PENDING


@pytest.mark.parametrize("name", ["reason", "message"])
def test_d28_the_reason_of_a_rejection_is_kept(name: str) -> None:
    response = answered({"rejectedRiskLimit": {"oid": OID, name: "leverage too high"}})
    assert response.is_error()
    assert response.message == "leverage too high"


# The link ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1001, 1011])
def test_d10_a_polite_goodbye_of_the_server_is_a_lost_connection(code: int) -> None:
    """Codes 1000 and 1001 left a client that called itself connected and heard nothing any more."""
    core, peer = opened()
    core.receive_data(peer.close_frame(code), 1.0)
    assert (core.is_open, core.state) == (False, State.WAITING)
    core.handle_deadline(100.0)
    assert core.state is State.CONNECTING


def test_d36_a_slow_pong_and_a_large_message_are_no_reasons_to_hang_up() -> None:
    """10 s of patience and 16 MiB dropped healthy connections."""
    core, peer = opened()
    core.handle_deadline(20.0)
    core.handle_deadline(21.0)  # 20 s after the last word of the server
    peer.hear()
    assert peer.pings == 1
    core.handle_deadline(35.0)
    assert core.is_open
    core.receive_data(server_bytes.frame(server_bytes.PONG), 35.0)
    core.handle_deadline(90.0)
    assert core.is_open
    assert core.config.max_message_size >= 64 * 1024 * 1024
    padding = "x" * (17 * 1024 * 1024)
    large = message(
        type="ticker", topic="t", data={"ticker": {"symbol": BTC, "markPrice": 1.0}}, padding=padding
    )
    core.receive_data(server_bytes.text(large), 90.0)
    assert any(isinstance(event, Ticker) for event in core.events())


# Signing -------------------------------------------------------------------------------------------------


def test_d7_a_limit_of_zero_is_a_limit() -> None:
    """It was encoded as no limit at all, which the exchange does not."""
    without, at_zero = (Stop(BTC, False, 0.25, 61000.0, limit) for limit in (None, 0.0))
    ending = b"\0" + b"\0\0"  # not isolated, no extras
    assert bytes_of(without).endswith(b"\0" + ending)
    assert bytes_of(at_zero) == bytes_of(without).removesuffix(b"\0" + ending) + b"\1" + b"\0" * 8 + ending


def test_d8_signature_and_order_id_round_alike_and_as_the_exchange_does() -> None:
    """Two rules, both wrong: a size of 2.5e-8 signed 3 units and hashed 2."""
    order = LimitOrder(BTC, Side.BUY, 60000000.00000001, 2.5e-08)
    assert struct.unpack_from("<QQ", bytes_of(order), 20) == (6000000000000001, 3)
    vector = LimitOrder(BTC, Side.BUY, 1.000000025, 2.5e-08, time_in_force=TimeInForce.IOC)
    published = "7nsYFN4GhXSZdoYHZKhFSPzd6wdrhecBEFqff9Z7bZBM"
    assert order_id(vector.to_api(), 0, NONCE, KEY) == published


def test_d19_the_signed_bytes_end_with_the_domain() -> None:
    """They were one byte short, so that no signature was accepted."""
    for domain in SignatureDomain:
        assert preimage([BID.to_api()], NONCE, KEY, domain)[-33:] == base58.decode(KEY) + bytes([domain])


def test_d20_the_encoders_are_right_and_complete() -> None:
    """Spurious, missing and misplaced bytes in a dozen kinds of action; others could not be encoded."""
    owner, key = base58.decode(KEY), base58.decode(OTHER_KEY)
    size, price, higher = (struct.pack("<Q", units * 10**6) for units in (25, 6_100_000, 6_800_000))
    stop = text(BTC) + b"\0" + size + price + b"\0" + b"\1" + b"\0\0"  # no limit, isolated, no extras
    trail = text(BTC) + b"\1" + size + struct.pack("<II", 150, 20) + b"\0" + b"\1" + b"\0\0"
    collar = text(BTC) + b"\1" + size + price + higher + b"\0\0" + b"\0" + b"\0\0\0"
    amount = struct.pack("<d", 1.5)
    expected: list[tuple[Action, int, bytes]] = [
        (Stop(BTC, False, 0.25, 61000.0, iso=True), 5, stop),
        (TakeProfit(BTC, False, 0.25, 61000.0, iso=True), 6, stop),
        (Range(BTC, True, 0.25, 61000.0, 68000.0), 7, collar),
        (TriggerBasket(BTC, False, 61000.0, [CancelAll()]), 8, text(BTC) + b"\0" + price + one(cancel_all())),
        (TrailingStop(BTC, Side.BUY, 0.25, 150, 20, iso=True), 9, trail),
        (Faucet(OTHER_KEY), 16, key + b"\0"),
        (AgentWallet(OTHER_KEY), 17, key + b"\0"),
        (UserSettings({BTC: 1.5}), 18, one(text(BTC) + amount)),
        (WhitelistFaucet(OTHER_KEY), 19, key + b"\1"),
        (CreateSubAccount("desk-2"), 27, text("desk-2") + b"\0"),
        (Transfer(KEY, OTHER_KEY, 1.5), 29, b"\0" * 4 + owner + key + amount + b"\0"),
    ]
    for action, number, body in expected:
        assert bytes_of(action) == struct.pack("<I", number) + body, action.tag
    assert UserSettings({BTC: 1.5}).to_api() == {"updateUserSettings": {"m": {BTC: 1.5}}}
    assert MarketOrder(BTC, Side.BUY, 1.0, slippage=25.0).to_api()["m"]["slippage"] == 25.0


def test_d24_a_key_is_a_key_or_refused() -> None:
    """Longer keys were cut to 32 bytes, and a wrong public half was accepted."""
    seed, public = base58.decode(SEED), base58.decode(KEY)
    assert TransactionSigner(base58.encode(seed + public)).public_key == KEY
    for wrong in (seed[:31], seed + b"\1", seed + public[::-1], seed + public + b"\1"):
        with pytest.raises(InvalidKey):
            TransactionSigner(base58.encode(wrong))


def test_d33_the_id_of_an_order_follows_its_nonce() -> None:
    """An order object that was used again had the id of its first use."""
    core, peer = opened()
    ids = []
    for nonce in (NONCE, NONCE + 1):
        call = core.place_orders([BID], 1.0, nonce=nonce)
        (request,) = peer.hear()
        peer.say(post_reply(request["id"]))
        ids.append(call.result()[0].order_id)
    assert ids == [order_id(BID.to_api(), 0, nonce, KEY) for nonce in (NONCE, NONCE + 1)]
    assert ids[0] != ids[1]


def test_d38_a_nonce_of_zero_is_a_nonce_and_none_repeats() -> None:
    """Zero was replaced by the clock, and a clock in steps of 0.1 ms gave numbers twice."""
    core, peer = opened()
    core.place_orders([BID], 1.0, nonce=0)
    for _ in range(100):  # at one moment of the clock
        core.place_orders([BID], 1.0)
    nonces = [int(request["request"]["payload"]["nonce"]) for request in peer.hear()]
    assert nonces[0] == 0
    assert len(set(nonces)) == 101


# Weight --------------------------------------------------------------------------------------------------


def test_d37_only_what_is_used_is_installed() -> None:
    """Four large packages for numbers, tables and HTTP, and a signing library that was never imported."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    declared = tomllib.loads(project.read_text())["project"]["dependencies"]
    names = {entry.split(">=")[0] for entry in declared}
    assert names == {"anyio", "certifi", "cryptography", "msgspec", "wsproto"}
