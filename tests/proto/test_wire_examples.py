"""Every documented message, byte for byte, becomes the event or reply that it describes."""

from __future__ import annotations

import pytest

from bulk_proto.enums import OrderStatus, Side, TimeInForce
from bulk_proto.events import (
    AccountSnapshot,
    BookStream,
    Candle,
    Candles,
    ErrorReported,
    FeeTier,
    Fill,
    FrontendContext,
    L2Delta,
    L2Snapshot,
    LeverageSetting,
    MarginUpdate,
    MarketContext,
    MessageRefused,
    OrderBookLevel,
    OrderState,
    PositionUpdate,
    RiskRatio,
    RiskSurface,
    Ticker,
    Trade,
    Trades,
    UnknownMessage,
)
from bulk_proto.replies import PostReply, Row, SubscriptionConfirmed, UnsubscriptionConfirmed
from bulk_proto.wire import decode, tolerant
from bulk_proto.wire.current import MESSAGES

from . import wire_messages as wire
from .wire_messages import ISO, K1, K2, MAKER, OID1, OID2, SUB, TAKER


def test_ticker() -> None:
    assert decode(wire.TICKER) == Ticker(
        symbol="BTC-USD",
        last_price=64250.5,
        mark_price=64251.0,
        oracle_price=64249.2,
        price_change=-412.5,
        price_change_percent=-0.64,
        high_price=65010.0,
        low_price=63880.0,
        volume=812.4,
        quote_volume=52204611.3,
        open_interest=1320.75,
        funding_rate=0.0000125,
        regime=-1,
        regime_dt=41.0,
        regime_vol=0.31,
        regime_mv=0.01,
        fair_book_px=64250.8,
        fair_vol=0.27,
        fair_bias=-0.0004,
        timestamp=1767225600000000000,
    )


def test_candles() -> None:
    candle = Candle(
        symbol="BTC-USD",
        interval="1m",
        open_time=1767225600000,
        close_time=1767225660000,
        open=64240.0,
        high=64262.5,
        low=64231.0,
        close=64250.5,
        volume=3.42,
        num_trades=17,
    )
    assert decode(wire.CANDLES) == Candles("BTC-USD", "1m", [candle])


def test_trades() -> None:
    trade = Trade(
        timestamp=1767225600123,
        symbol="BTC-USD",
        side=Side.BUY,
        size=0.015,
        price=64250.5,
        maker=MAKER,
        taker=TAKER,
    )
    assert decode(wire.TRADES) == Trades("BTC-USD", [trade])


def test_l2_snapshot() -> None:
    assert decode(wire.L2_SNAPSHOT) == L2Snapshot(
        symbol="BTC-USD",
        bids=[OrderBookLevel(64250.0, 1.25, 3), OrderBookLevel(64249.5, 0.4, 1)],
        asks=[OrderBookLevel(64250.5, 0.9, 2), OrderBookLevel(64251.0, 2.0, 4)],
        timestamp=1767225600200,
        stream=BookStream.SNAPSHOT,
    )


def test_l2_delta() -> None:
    assert decode(wire.L2_DELTA) == L2Delta(
        "BTC-USD", ((OrderBookLevel(64250.0, 0.0, 0),), ()), 1767225600260
    )


def test_risk() -> None:
    def row(first: tuple[float, float], second: tuple[float, float]) -> tuple[RiskRatio, ...]:
        return tuple(RiskRatio(start, end, 0.998) for start, end in (first, second))

    grid = (row((0.011, 0.009), (0.016, 0.013)), row((0.012, 0.01), (0.018, 0.014)))
    assert decode(wire.RISK) == RiskSurface(
        "BTC-USD",
        wire.data_of(wire.RISK)["risk"],
        timestamp=1767225600000,
        regime=1,
        leverages=(1.0, 10.0),
        notionals=(50000.0, 100000.0),
        buy=grid,
        sell=grid,
        correlations={"BTC:ETH": 0.71},
    )


def test_frontend_context() -> None:
    market = MarketContext("BTC-USD", 812.4, 0.0000125, 1320.75, 64250.5, -412.5, -0.64)
    rows = wire.data_of(wire.FRONTEND_CONTEXT)["ctx"]
    assert decode(wire.FRONTEND_CONTEXT) == FrontendContext(rows, (market,))


def test_account_snapshot() -> None:
    assert decode(wire.ACCOUNT_SNAPSHOT) == AccountSnapshot(
        account=K1,
        margin=MarginUpdate(
            account=K1,
            total_balance=5200.5,
            available_balance=4100.25,
            margin_used=1100.25,
            notional=32125.25,
            realized_pnl=12.5,
            unrealized_pnl=-8.25,
            fees=-3.1,
            funding=0.4,
            execution_impact=-1.5,
            transferable_balance=3900.0,
            margin_buffer_rate=0.05,
            buffered_margin=1155.26,
        ),
        positions=[
            PositionUpdate(
                account=K1,
                symbol="BTC-USD",
                size=0.5,
                price=64210.0,
                fair_price=64250.5,
                notional=32125.25,
                realized_pnl=12.5,
                unrealized_pnl=20.25,
                leverage=5.0,
                liquidation_price=54100.0,
                fees=-3.1,
                funding=0.4,
                maintenance_margin=642.5,
                lambda_=0.05,
                risk_allocation=1100.25,
            ),
            PositionUpdate(
                account=K1,
                symbol="BTC-USD",
                size=-0.1,
                price=64300.0,
                fair_price=64250.5,
                notional=-6425.05,
                realized_pnl=0.0,
                unrealized_pnl=4.95,
                leverage=3.0,
                liquidation_price=81000.0,
                fees=-0.6,
                funding=0.0,
                maintenance_margin=130.0,
                lambda_=0.05,
                risk_allocation=210.0,
                iso=True,
                iso_pubkey=ISO,
            ),
        ],
        open_orders=[
            OrderState(
                account=K1,
                symbol="BTC-USD",
                order_id=OID1,
                status=OrderStatus.RESTING,
                side=Side.BUY,
                price=64000.0,
                size=0.05,
                size_orig=0.05,
                size_done=0.0,
                vwap=0.0,
                timestamp=1767225600000000001,
                is_maker=True,
                order_type="limit",
                tif=TimeInForce.GTC,
                status_text="placed",
            )
        ],
        leverage_settings=[LeverageSetting("BTC-USD", 5.0)],
        fee_tiers=[
            FeeTier(
                symbol="global",
                rolling_volume=1200000.0,
                tier_index=1,
                tier_threshold=1000000.0,
                maker_bps=1.8,
                taker_bps=3.3,
                window_days=14.0,
            )
        ],
        kind="MasterEOA",
        sub_accounts=[SUB],
        agent_wallets=[K2],
    )


def test_order_update() -> None:
    assert decode(wire.ORDER_UPDATE) == OrderState(
        account=K1,
        symbol="BTC-USD",
        order_id=OID2,
        status=OrderStatus.WORKING,
        side=Side.SELL,
        price=64500.0,
        size=0.02,
        size_orig=0.05,
        size_done=0.03,
        vwap=64500.0,
        timestamp=1767225601000000000,
        is_maker=True,
        order_type="limit",
        tif=TimeInForce.GTC,
        status_text="working",
    )


def test_fill() -> None:
    assert decode(wire.FILL) == Fill(
        account=K1,
        symbol="BTC-USD",
        order_id=OID2,
        price=64500.0,
        size=0.03,
        side=Side.SELL,
        timestamp=1767225601000000000,
        is_maker=True,
        fee=0.0,
        trade_id="123456:7",
        counterparty="C3pw..Sytp",
        side_inferred=True,
    )


def test_reply_to_an_order() -> None:
    body = {"oid": OID2, "filledSz": -0.03, "remainingSz": -0.02, "vwap": 64500.0}
    assert decode(wire.POST_REPLY) == PostReply(7, True, [Row("working", body)])


def test_reply_that_only_acknowledges() -> None:
    assert decode(wire.POST_ACK) == PostReply(9, True, [Row("ack", {"ok": True})])


def test_confirmed_subscriptions() -> None:
    topics = ["ticker.BTC-USD", "l2snapshot.BTC-USD", "frontendContext"]
    assert decode(wire.SUBSCRIPTION_RESPONSE) == SubscriptionConfirmed(topics)


def test_confirmed_unsubscription() -> None:
    assert decode(wire.UNSUBSCRIBE_RESPONSE) == UnsubscriptionConfirmed("ticker.BTC-USD")


def test_error() -> None:
    frame = {"type": "error", "error": {"message": "bad subscription"}}
    assert decode(wire.ERROR) == ErrorReported("bad subscription", None, frame)


@pytest.mark.parametrize("message", wire.ALL)
def test_the_tolerant_tier_reads_documented_messages_alike(message: bytes) -> None:
    assert repr(tolerant.decode(message)) == repr(decode(message))
    assert not isinstance(decode(message), UnknownMessage | MessageRefused)


@pytest.mark.parametrize(
    "message",
    [
        wire.TICKER,
        wire.CANDLES,
        wire.TRADES,
        wire.L2_SNAPSHOT,
        wire.L2_DELTA,
        wire.ORDER_UPDATE,
        wire.FILL,
        wire.POST_REPLY,
    ],
)
def test_busy_messages_take_the_fast_tier(message: bytes) -> None:
    assert repr(MESSAGES.decode(message).event()) == repr(decode(message))
