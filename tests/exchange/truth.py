"""What a client claims, and what the exchange holds, in the same words: accounts, books, answers, fills."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bulk_proto.account import Account
from bulk_proto.book import OrderBook
from bulk_proto.enums import OrderStatus, Side
from bulk_proto.events import Fill
from bulk_proto.exchange import SimulatedExchange
from bulk_proto.exchange.post_messages import Row
from bulk_proto.exchange.units import from_units
from bulk_proto.responses import OrderResponse

from .bad_days import MARKETS
from .believers import Believer
from .in_memory import Json

Facts = dict[tuple[str, ...], Any]  # by what they are about


def agree(claimed: Facts, held: Facts) -> None:
    differing = sorted(key for key in claimed.keys() | held.keys() if claimed.get(key) != held.get(key))
    lines = [f"{key}: claimed {claimed.get(key)}, but it is {held.get(key)}" for key in differing]
    if lines:
        raise AssertionError("\n".join(lines))


# An account


def claimed_of(account: Account, by: Believer) -> Facts:
    facts: Facts = {
        ("order", each.order_id): (
            *(each.symbol, each.side if each.size_orig else None, each.price),
            *(each.size_orig, each.size, each.size_done, each.vwap),
        )
        for each in account.open_orders.values()
        if each.status is not OrderStatus.TRIGGERED  # what it has placed stands in its stead
    }
    for (symbol, iso), row in account.positions.items():
        facts["position", symbol, iso or ""] = row.size, row.price, row.realized_pnl, row.fees
    for symbol, setting in account.leverage_settings.items():
        facts["leverage", symbol] = setting.leverage
    for scope, tier in account.fee_tiers.items():
        facts["fees", scope] = tier.tier_index, tier.maker_bps, tier.taker_bps
    assert account.margin is not None
    facts["margin",] = account.margin.realized_pnl, account.margin.fees, account.margin.funding
    if account.pubkey == by.account:
        for market in MARKETS:
            facts["inventory", market.symbol] = by.core.inventory.quantity_for(market.symbol)
    return facts


def held_by(key: str, served: SimulatedExchange, believer: Believer) -> Facts:
    account = served._ledger.look(key)
    snapshot: Any = served.account(key)
    conditional = [each.order for each in account.conditionals.values()]
    facts: Facts = {
        ("order", each.id): (
            *(each.symbol, (Side.BUY if each.is_buy else Side.SELL) if each.size else None),
            *map(from_units, (each.price, each.size, each.remaining, each.filled)),
            each.average_price,
        )
        for each in (*account.open_orders.values(), *conditional)
    }
    for row in snapshot["positions"]:
        figures = row["size"], row["price"], row["realizedPnl"], row["fees"]
        facts["position", row["symbol"], row.get("isoPubkey", "")] = figures
    for row in snapshot["leverageSettings"]:
        facts["leverage", row["symbol"]] = row["leverage"]
    for row in snapshot["feeTiers"]:
        facts["fees", row["symbol"]] = row["tierIndex"], row["makerBps"], row["takerBps"]
    margin = snapshot["margin"]
    facts["margin",] = margin["realizedPnl"], margin["fees"], margin["funding"]
    if key == believer.account:
        for market in MARKETS:
            sizes = [held.size for place, held in account.positions.items() if place.symbol == market.symbol]
            facts["inventory", market.symbol] = from_units(sum(sizes))
    return facts


# A book


def levels_claimed(book: OrderBook) -> Facts:
    sides = {"bid": book.bids, "ask": book.asks}
    return {(book.symbol, side, str(each.price)): each.size for side in sides for each in sides[side]}


def levels_held(served: SimulatedExchange, book: OrderBook) -> Facts:
    """As far down as the client claims to know them."""
    found: Any = served.book(book.symbol)["book"]
    bids, asks = found["levels"]
    seen = [("bid", row) for row in bids if row["px"] >= book._bids.reach]
    seen += [("ask", row) for row in asks if -row["px"] >= book._asks.reach]
    return {(book.symbol, side, str(row["px"])): row["sz"] for side, row in seen}


# An answer


def is_fate_of_order(response: OrderResponse, ids: tuple[str, ...], told: list[OrderStatus]) -> bool:
    if response.status is OrderStatus.PENDING:
        return True  # nothing is claimed
    is_told = response.order_id in ids and response.status in told
    return is_told and (not response.is_error() or all(status.is_error() for status in told))


def is_fate_of_cancel(response: OrderResponse, told: list[OrderStatus]) -> bool:
    if response.is_error():
        return OrderStatus.CANCEL_REJECT in told
    return not response.status.is_cancelled() or any(status.is_cancelled() for status in told)


def is_fate_of_other(response: OrderResponse, rows: list[Row], is_alone: bool) -> bool:
    failed = [is_failure(row) for row in rows]
    if response.is_error():
        return any(failed)
    says_nothing = response.status in (OrderStatus.UNKNOWN, OrderStatus.PENDING)
    return says_nothing or not is_alone or not rows or not all(failed)


def is_failure(row: Mapping[str, Json]) -> bool:
    ((kind, body),) = row.items()
    return OrderStatus.from_string(kind).is_error() or kind.endswith("Failed") or body.get("ok") is False


# Fills


def check_fills(believer: Believer, served: SimulatedExchange) -> None:
    """Each that was delivered was told once, in order, and its side is right or said to be a guess."""
    told = [each for each in believer.events if isinstance(each, Fill)]
    due: dict[tuple[object, ...], Side] = {}
    for key, row in believer.fills_delivered():
        is_reversed = row["maker"] and served.config.dialect.is_buy_of_taker
        side = Side.BUY if row["isBuy"] is not is_reversed else Side.SELL
        due.setdefault((key, row["tradeId"], row["orderId"], row["price"], row["size"]), side)
    facts = [(each.account, each.trade_id, each.order_id, each.price, each.size) for each in told]
    assert facts == list(due), f"{len(facts)} fills were told of {len(due)}"
    for fill, side in zip(told, due.values(), strict=True):
        assert fill.side_inferred or fill.side is side, f"told as {fill.side}: {fill}"
