"""Days on which everything goes wrong that may: markets, spellings, faults, and what traders think of."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from bulk_proto import subscriptions as topics
from bulk_proto.account import Account
from bulk_proto.actions import (
    Action,
    CancelAll,
    CancelOrder,
    LimitOrder,
    MarketOrder,
    ModifyOrder,
    OnFill,
    Range,
    Stop,
    TakeProfit,
    TrailingStop,
    TriggerBasket,
    UserSettings,
)
from bulk_proto.enums import Side, TimeInForce
from bulk_proto.exchange import Dialect, ExchangeConfig, InitialState, Market, SelfTrade, SimulatedExchange
from bulk_proto.exchange.config import FeeTier
from bulk_proto.exchange.faults import (
    AnyFault,
    Close,
    Delay,
    Double,
    Drop,
    Error,
    HalfOpen,
    Insert,
    NoRows,
    ReplayFills,
    ReverseRows,
    Stall,
    Swap,
    Truncate,
    WrongAccount,
)

CALM = 10.0  # seconds after which nothing goes wrong any more

BTC = Market(
    symbol="BTC-USD",
    start_price=100.0,
    tick=0.5,
    lot=0.001,
    min_notional=0.0,
    typical_size=2.0,
    volatility=2e-3,
)
ETH = Market(
    symbol="ETH-USD",
    start_price=10.0,
    tick=0.05,
    lot=0.01,
    min_notional=0.0,
    max_leverage=20.0,
    spread=0.1,
    typical_size=5.0,
    volatility=2e-3,
)
MARKETS = (BTC, ETH)


def some_topics(chance: Random, symbol: str) -> list[topics.Subscription]:
    kinds = chance.choice(["deltas", "snapshots", "both"])
    found = [topics.ticker(symbol), topics.trades(symbol)]
    if kinds != "snapshots":
        found.append(topics.l2_delta(symbol))
    if kinds != "deltas":
        found.append(topics.l2_snapshot(symbol, chance.choice([None, 1, 3, 20])))
    return found


def some_exchange(chance: Random, faults: Sequence[AnyFault]) -> SimulatedExchange:
    config = ExchangeConfig(
        markets=MARKETS,
        faults=tuple(faults),
        dialect=some_dialect(chance),
        flow_rate=chance.choice([0.0, 3.0]),
        starting_balance=chance.choice([3_000.0, 100_000.0]),
        funding_interval=chance.choice([3.0, 3600.0]),
        further_fee_tiers=(FeeTier(threshold=1_000.0, maker_bps=1.0, taker_bps=3.0),),
        slippage_tag_in_order_id=chance.random() < 0.5,
        self_trade=chance.choice(list(SelfTrade)),
        refuse_repeated_nonce=chance.random() < 0.7,
        candle_interval=100.0,
        context_interval=100.0,
    )
    return SimulatedExchange(config, Random(chance.random()), now=0.0)


def some_dialect(chance: Random) -> Dialect:
    def perhaps(likelihood: float = 0.2) -> bool:
        return chance.random() < likelihood

    return Dialect(
        initial_state=chance.choice([InitialState.AFTER_REPLY, InitialState.BEFORE_REPLY]),
        events_before_reply=perhaps(0.4),
        fill_after_order_update=perhaps(0.4),
        camel_case_topics=perhaps(),
        delta_begins_as_snapshot=perhaps(),
        long_order_updates=perhaps(),
        short_open_orders=perhaps(),
        legacy_order_events=perhaps(),
        old_margin_names=perhaps(),
        cancelled_ioc=chance.choice(["cancelledIoc", "cancelledIOC"]),
        partial_remainder=chance.choice(["cancelledIoc", "partiallyFilled"]),
        fees_positive=perhaps(),
        is_buy_of_taker=perhaps(0.3),
        null_prices=perhaps(),
        market_times_in_ns=perhaps(0.3),
        unknown_fields=perhaps(),
    )


def some_faults(chance: Random) -> list[AnyFault]:
    """About a third of what may go wrong with requests, replies, streams and lines.

    No single event of an account is lost, since nobody could notice: the exchange sends no sequence numbers.
    """

    def often() -> dict[str, Any]:
        return {"times": 0, "until": CALM, "chance": chance.choice([0.02, 0.1, 0.3])}

    def seldom(likelihood: float = 0.02) -> dict[str, Any]:
        return {"times": 0, "until": CALM, "chance": likelihood}

    all_of_them: list[AnyFault] = [
        Drop(on="reply", **often()),
        Delay(on="reply", seconds=chance.choice([0.05, 1.0, 2.5]), **often()),
        Double(on="reply", **often()),
        Swap(on="reply", **often()),
        ReverseRows(on="reply", **often()),
        NoRows(on="reply", **often()),
        Error(on="reply", **seldom(0.05)),
        Drop(on="post", **often()),
        Delay(on="post", seconds=chance.choice([0.05, 1.0]), **often()),
        Stall(on="post", seconds=1.0, **seldom()),
        HalfOpen(on="post", seconds=2.0, **seldom(0.01)),
        Drop(on="subscribe", **often()),
        Delay(on="subscribe", seconds=chance.choice([0.3, 1.0]), **often() | {"chance": 0.5}),
        Drop(on="unsubscribe", **often()),
        Drop(on="confirmation", **often()),
        Delay(on="confirmation", seconds=0.5, **often()),
        Double(on="confirmation", **often()),
        Drop(on="accountSnapshot", **often()),
        Delay(on="accountSnapshot", seconds=chance.choice([0.05, 1.0]), **often()),
        ReplayFills(on="accountSnapshot", count=5, **seldom(0.5)),
        Double(on="fill", **often()),
        Swap(on="fill", **often()),
        Double(on="orderUpdate", **often()),
        WrongAccount(on="liquidation", **seldom(0.5)),
        Insert(on="account", **seldom(0.05)),
        Truncate(on=chance.choice(["reply", "fill", "account", "l2Delta"]), **seldom(0.01)),
        *(
            Close(
                on=chance.choice(["reply", "post", "fill", "orderUpdate", "account"]), code=code, **seldom()
            )
            for code in (1000, 1006, 1011)
        ),
    ]
    return [fault for fault in all_of_them if chance.random() < 0.35]


def describe(fault: AnyFault) -> str:
    """The fault without what is the same for all of them."""
    found = {name: getattr(fault, name, None) for name in ("chance", "seconds", "code")}
    figures = [f"{name} {value}" for name, value in found.items() if value is not None]
    return f"{type(fault).__name__} on {fault.on} ({', '.join(figures)})"


def some_action(chance: Random, account: Account) -> Action:
    """Anything that an account can ask for, about orders that it knows where it takes one."""
    market = chance.choice(MARKETS)
    symbol, side, is_above = market.symbol, chance.choice(list(Side)), chance.random() < 0.5
    step = chance.choice([-0.05, -0.02, -0.01, 0.0, 0.0, 0.01, 0.02, 0.05])
    price = round(market.start_price * (1 + step) / market.tick) * market.tick
    size = chance.choice([0.1, 0.3, 1, 2, 3, 5, 7]) * (1 if market is BTC else 5)
    order = LimitOrder(
        symbol,
        side,
        price,
        size,
        reduce_only=chance.random() < 0.15,
        time_in_force=chance.choice([*TimeInForce, TimeInForce.GTC, TimeInForce.GTC]),
        iso=chance.random() < 0.15,
    )
    at_market = MarketOrder(
        symbol,
        side,
        size,
        reduce_only=chance.random() < 0.2,
        iso=chance.random() < 0.1,
        slippage=chance.choice([None, None, 5.0, 100.0, 0]),
    )
    stop = Stop(symbol, is_above, size, price, limit=chance.choice([None, price]), iso=chance.random() < 0.1)
    weighed: list[tuple[int, Action]] = [
        (45, order),
        (12, at_market),
        (4, CancelAll() if chance.random() < 0.5 else CancelAll([symbol])),
        (4, stop),
        (3, TakeProfit(symbol, is_above, size, price)),
        (3, TrailingStop(symbol, side, size, 100, 10)),
        (2, Range(symbol, is_above, size, price * 0.9, price * 1.1)),
        (2, OnFill(order, [stop])),
        (2, TriggerBasket(symbol, is_above, price, [order])),
        (3, UserSettings({symbol: float(chance.choice([2, 5, 10, 20]))})),
    ]
    known = [*list(account.open_orders.values())[:10], *list(account.finished.values())[-2:]]
    if known:
        one = chance.choice(known)
        where = symbol if chance.random() < 0.05 else one.symbol
        weighed += [(10, CancelOrder(where, one.order_id)), (10, ModifyOrder(one.symbol, one.order_id, size))]
    (chosen,) = chance.choices(weighed, [weight for weight, _ in weighed])
    return chosen[1]
