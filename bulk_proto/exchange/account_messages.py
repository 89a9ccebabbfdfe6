"""Account events as clients read them: one function for each documented shape."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

from bulk_proto.enums import OrderStatus, TimeInForce
from bulk_proto.signing.base58 import encode as to_base58

from .accounts import Account, Position, PositionKey
from .config import Dialect, ExchangeConfig
from .fees import fee_tier_rows
from .margin import Markets, figures, leverage_of, maintenance_of
from .market_messages import Json
from .orders import REASONS, Order, Trigger
from .units import SCALE, from_money, from_units

_TIF = {TimeInForce.GTC: "gtc", TimeInForce.IOC: "ioc", TimeInForce.ALO: "postOnly"}
_BEGINS = frozenset({OrderStatus.RESTING, OrderStatus.WORKING})
_LONG_NAMES = {
    "sym": "symbol",
    "oid": "orderId",
    "ot": "orderType",
    "px": "price",
    "origSz": "originalSize",
    "sz": "size",
    "fillSz": "filledSize",
    "mk": "maker",
    "r": "reduceOnly",
    "ts": "timestamp",
}


def account_time(stamp: int, dialect: Dialect) -> int:
    return stamp // 1_000_000 if dialect.account_times_in_ms else stamp


def status_word(status: OrderStatus, dialect: Dialect) -> str:
    return dialect.cancelled_ioc if status is OrderStatus.CANCELLED_IOC else status.value


def order_update(order: Order, dialect: Dialect) -> Json:
    row = _order(order, dialect)
    if dialect.long_order_updates:
        row = _long(row)
    return {"type": "orderUpdate", **row}


def legacy_order(order: Order, dialect: Dialect) -> Json | None:
    """The older event beside an update, if the order begins or ends with it."""
    if order.status in _BEGINS:
        return {"type": "order", **_order(order, dialect), "status": "placed"}
    if order.status.is_cancelled():
        return {"type": "order", **_order(order, dialect), "status": "cancelled"}
    return None


def fill(order: Order, price: int, size: int, fee: int, trade_id: str, other: str, dialect: Dialect) -> Json:
    own_side_tells = not order.rested or not dialect.is_buy_of_taker
    row: Json = {
        "type": "fill",
        "symbol": order.symbol,
        "orderId": order.id,
        "price": from_units(price),
        "size": from_units(size),
        "fee": _fee(fee, dialect),
        "isBuy": order.is_buy if own_side_tells else not order.is_buy,
        "reasonCode": order.cause.value,
        "counterpartyHint": f"{other[:4]}..{other[-4:]}",
        "timestamp": account_time(order.stamp, dialect),
        "maker": order.rested,
        "tradeId": trade_id,
    }
    if order.cause in REASONS:
        row["reason"] = REASONS[order.cause]
    return row


def position(account: Account, key: PositionKey, config: ExchangeConfig, markets: Markets) -> Json:
    """One position; size 0 when it was closed."""
    held = account.positions[key]
    market = markets[key.symbol]
    mark = market.mark()
    maintenance = from_money(maintenance_of(held, market))
    row: Json = {
        "symbol": key.symbol,
        "size": from_units(held.size),
        "price": held.cost / (held.size * SCALE) if held.size else 0.0,
        "fairPrice": from_units(mark),
        "notional": from_money(held.size * mark),
        "realizedPnl": from_money(held.realized),
        "unrealizedPnl": from_money(held.unrealized(mark)),
        "leverage": leverage_of(account, market, config.default_leverage),
        "liquidationPrice": _liquidation_price(account, held, mark, config, markets),
        "fees": _fee(held.fees, config.dialect),
        "funding": from_money(held.funding),
        "maintenanceMargin": maintenance,
        "lambda": 0.0,
        "riskAllocation": maintenance,
        "iso": key.iso,
        "protection": _protection(account, key),
    }
    if key.iso:
        row["isoPubkey"] = isolated_key(account.key, key.symbol)
    return row


def _protection(account: Account, key: PositionKey) -> Json | None:
    """The orders that would close the position when they fire."""
    rows = [
        {
            "orderId": order.id,
            "orderType": order.order_type,
            "trigger": {
                "px": _optional(order.trigger.price),
                "lim": _optional(order.trigger.limit),
                "oco": order.trigger.sibling,
            },
        }
        for order in (conditional.order for conditional in account.conditionals.values())
        if order.reduce_only and order.trigger and (order.symbol, order.iso) == key
    ]
    return {"orders": rows} if rows else None


def margin(account: Account, config: ExchangeConfig, markets: Markets) -> Json:
    now = figures(account, markets, config.default_leverage)
    total, available = ("totalMargin", "availableMargin")
    if config.dialect.old_margin_names:
        total, available = ("totalBalance", "availableBalance")
    row: Json = {
        total: from_money(now.equity),
        available: from_money(now.equity - now.maintenance),
        "marginUsed": from_money(now.maintenance),
        "notional": from_money(now.notional),
        "realizedPnl": from_money(account.realized),
        "unrealizedPnl": from_money(now.unrealized),
        "fees": _fee(account.fees, config.dialect),
        "funding": from_money(account.funding),
    }
    if not config.dialect.old_margin_names:
        row |= {
            "executionImpact": 0.0,
            "transferableBalance": from_money(max(0, now.equity - max(now.initial, now.maintenance))),
            "marginBufferRate": 0.0,
            "bufferedMargin": from_money(now.maintenance),
        }
    return row


def account_snapshot(account: Account, config: ExchangeConfig, markets: Markets) -> Json:
    """Everything about one account."""
    return {
        "type": "accountSnapshot",
        "kind": account.kind,
        "parent": account.parent,
        "name": account.name or None,
        "subAccounts": [{"pubkey": key} for key in account.subs],
        "multisigAccounts": list(account.multisigs),
        "authorizedAgentWallets": list(account.agents),
        "builderCodeApprovals": [{"recipient": to, "maxFee": fee} for to, fee in account.builders.items()],
        "margin": margin(account, config, markets),
        "positions": [
            position(account, key, config, markets) for key, held in account.positions.items() if held.size
        ],
        "openOrders": [_open_order(order, config.dialect) for order in _open_orders(account)],
        "pendingOnFill": [
            {"parentOrderId": parent, "actions": actions} for parent, actions in account.on_fills.items()
        ],
        "leverageSettings": leverage_rows(account),
        "feeTiers": fee_tier_rows(account, config),
    }


def _open_orders(account: Account) -> Iterator[Order]:
    yield from account.open_orders.values()
    for conditional in account.conditionals.values():
        yield conditional.order


def leverage_rows(account: Account) -> list[Json]:
    return [{"symbol": symbol, "leverage": chosen} for symbol, chosen in account.leverage.items()]


def isolated_key(owner: str, symbol: str) -> str:
    """A made-up key for the isolated account of ``owner`` in one market."""
    return to_base58(sha256(f"isolated {owner} {symbol}".encode()).digest())


def _order(order: Order, dialect: Dialect) -> Json:
    return {
        "ot": order.order_type,
        "status": status_word(order.status, dialect),
        "sym": order.symbol,
        "oid": order.id,
        "px": from_units(order.price),
        "origSz": from_units(order.sign * order.size),
        "sz": from_units(order.sign * order.remaining),
        "fillSz": from_units(order.filled),
        "vwap": order.average_price,
        "tif": _TIF[order.tif],
        "r": order.reduce_only,
        "mk": order.rested,
        "trigger": None if order.trigger is None else _trigger(order.trigger),
        "ts": account_time(order.stamp, dialect),
        "reason": order.reason,
        "iso": order.iso,
    }


def _trigger(trigger: Trigger) -> Json:
    return {
        "isAbove": trigger.is_above,
        "px": _optional(trigger.price),
        "lim": _optional(trigger.limit),
        "oco": trigger.sibling,
        "trb": trigger.trail_bps,
        "stb": trigger.step_bps,
    }


def _optional(units: int | None) -> float | None:
    return None if units is None else from_units(units)


def _open_order(order: Order, dialect: Dialect) -> Json:
    status = "working" if order.filled else "resting" if order.trigger else "placed"
    row = _order(order, dialect) | {"status": status}
    return row if dialect.short_open_orders else _long(row)


def _long(row: Json) -> Json:
    return {_LONG_NAMES.get(name, name): value for name, value in row.items()}


def _fee(paid: int, dialect: Dialect) -> float:
    return from_money(paid if dialect.fees_positive else -paid)


def _liquidation_price(
    account: Account, held: Position, mark: int, config: ExchangeConfig, markets: Markets
) -> float:
    """Where equity would meet maintenance if this market alone moved; 0 when it never would."""
    if not held.size:
        return 0.0
    now = figures(account, markets, config.default_leverage)
    return max(0.0, from_units(mark) - (now.equity - now.maintenance) / (held.size * SCALE))
