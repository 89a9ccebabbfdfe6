"""Orders and executions of one account, from plain JSON values, long and short names in any mixture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from bulk_proto.enums import OrderStatus, Side, TimeInForce
from bulk_proto.events import AutoDeleveraging, CancelRejected, Fill, Liquidation, OrderState, OrderTrigger

from .values import (
    Fields,
    Unreadable,
    as_sent,
    flag,
    identifier,
    integer,
    mapping,
    number,
    or_nan,
    text,
)

Closed = TypeVar("Closed", bound=Liquidation)

_ORDER = {
    "symbol": ("sym", "symbol", "coin"),
    "order_id": ("oid", "orderId"),
    "order_type": ("ot", "orderType"),
    "price": ("px", "price"),
    "size_orig": ("origSz", "originalSize"),
    "size": ("sz", "size"),
    "size_done": ("fillSz", "filledSize"),
    "reduce_only": ("r", "reduceOnly"),
    "is_maker": ("mk", "maker"),
    "is_buy": ("isBuy",),
    "timestamp": ("ts", "timestamp"),
}
_TRIGGER = {
    "is_above": ("isAbove",),
    "price": ("px",),
    "limit": ("lim",),
    "price_high": ("pxHi",),
    "limit_high": ("limHi",),
    "trail_bps": ("trb",),
    "step_bps": ("stb",),
}
_EXECUTION = {
    "symbol": ("symbol", "sym", "coin"),
    "order_id": ("orderId", "oid"),
    "price": ("price", "px"),
    "size": ("size", "sz", "amount"),
    "is_buy": ("isBuy", "b"),
    "is_maker": ("maker", "mk"),
    "reason_code": ("reasonCode",),
    "counterparty": ("counterpartyHint",),
    "timestamp": ("timestamp", "ts"),
    "trade_id": ("tradeId", "tid"),
    "margin_prior": ("marginPrior",),
    "margin_after": ("marginAfter",),
}
# By themselves, because finding a member in its Enum costs more than all that asks for it.
_BUY, _SELL = Side.BUY, Side.SELL
_TIME_IN_FORCE = {
    "gtc": TimeInForce.GTC,
    "ioc": TimeInForce.IOC,
    "alo": TimeInForce.ALO,
    "postonly": TimeInForce.ALO,
    "postOnly": TimeInForce.ALO,
}
_REASONS: Mapping[int, str | None] = {0: None, 1: "liquidation", 2: "adl", 3: "liquidation_sweep"}


def side_of(is_buy: bool | None) -> Side | None:
    """The side that a wire flag names; None where the server did not say."""
    return None if is_buy is None else _BUY if is_buy else _SELL


def order_side(original: float, remaining: float, is_buy: bool | None = None) -> Side | None:
    """The side of an order, from the sign of its original size first: a filled order has no remainder.

    Servers that send ``isBuy`` send unsigned sizes beside it, so there a positive size tells nothing.
    None means that the message does not tell.
    """
    signed = original or remaining
    if signed < 0:
        return _SELL
    if is_buy is not None:
        return side_of(is_buy)
    return _BUY if signed > 0 else None


def time_in_force(word: str | None) -> TimeInForce | None:
    if word is None:
        return None
    return _TIME_IN_FORCE.get(word) or _TIME_IN_FORCE.get(word.casefold())


def execution_reason(code: int | None, label: str | None) -> str | None:
    """Why an execution happened; None for a normal one. Codes of the future are passed on as text."""
    if code is None:
        return label
    return _REASONS[code] if code in _REASONS else label or str(code)


def order_state(value: object, account: str) -> OrderState:
    """An order, which may come without any size if it is finished or a basket: it has none then.

    An open order of another kind is refused without: of unknown size, it must not look empty.
    """
    row = Fields(value, "order", _ORDER)
    status_text = row.optional("status", text) or ""
    status = OrderStatus.of_order(status_text)
    original, remaining = row.checked("size_orig", number), row.checked("size", number)
    size_done = abs(row.checked("size_done", number) or 0.0)
    order_type = row.optional("order_type", text)
    if original is None and remaining is None and not (status.is_terminal() or _is_basket(order_type)):
        raise Unreadable("order without size")
    size_orig, size = _sizes(original, remaining, size_done, status)
    return OrderState(
        account=account,
        symbol=row.required("symbol", text),
        order_id=row.required("order_id", text),
        status=status,
        status_text=status_text,
        side=order_side(original or 0.0, remaining or 0.0, row.optional("is_buy", flag)),
        price=_or_zero(row.optional("price", number)),
        size=size,
        size_orig=size_orig,
        size_done=size_done,
        vwap=_or_zero(row.optional("vwap", number)),
        timestamp=row.optional("timestamp", integer),
        is_maker=row.optional("is_maker", flag) or False,
        reduce_only=row.optional("reduce_only", flag) or False,
        order_type=order_type,
        tif=time_in_force(row.optional("tif", text)),
        trigger=order_trigger(row.optional("trigger", mapping)),
        iso=row.optional("iso", flag) or False,
        error=row.optional("reason", text),
        pending_on_fill=row.optional("pendingOnFill", as_sent),
    )


def _sizes(
    original: float | None, remaining: float | None, done: float, status: OrderStatus
) -> tuple[float, float]:
    """Original and remaining size, unsigned; one that was not sent follows from the other."""
    size_orig = abs(remaining or 0.0) + done if original is None else abs(original)
    if remaining is None:
        return size_orig, 0.0 if status.is_terminal() else max(0.0, size_orig - done)
    return size_orig, abs(remaining)


def _is_basket(order_type: str | None) -> bool:
    """Whether this order is a price with actions that wait for it, which have the sizes."""
    return order_type is not None and order_type.casefold() == "trigger"


def _or_zero(value: float | None) -> float:
    return 0.0 if value is None else value


def order_trigger(value: dict[str, Any] | None) -> OrderTrigger | None:
    if value is None:
        return None
    row = Fields(value, "trigger", _TRIGGER)
    return OrderTrigger(
        is_above=row.optional("is_above", flag),
        price=row.optional("price", number),
        limit=row.optional("limit", number),
        oco=row.optional("oco", text),
        price_high=row.optional("price_high", number),
        limit_high=row.optional("limit_high", number),
        trail_bps=row.optional("trail_bps", number),
        step_bps=row.optional("step_bps", number),
    )


def fill(value: dict[str, Any], account: str) -> Fill:
    row = Fields(value, "fill", _EXECUTION)
    side = side_of(row.optional("is_buy", flag))
    return Fill(
        account=account,
        symbol=row.required("symbol", text),
        order_id=row.required("order_id", text),
        price=row.required("price", number),
        size=abs(row.required("size", number)),
        side=side,
        timestamp=row.optional("timestamp", integer),
        is_maker=row.optional("is_maker", flag),
        fee=row.optional("fee", number),
        trade_id=_trade_id(row),
        reason=execution_reason(row.optional("reason_code", integer), row.optional("reason", text)),
        counterparty=row.optional("counterparty", text),
        side_inferred=side is not None,
    )


def _trade_id(row: Fields) -> str | None:
    """The id of an execution; some servers send its two halves."""
    if (known := row.optional("trade_id", identifier)) is not None:
        return known
    slot, place = row.optional("slot", identifier), row.optional("sequence", identifier)
    return None if slot is None or place is None else f"{slot}:{place}"


def liquidation(value: dict[str, Any], account: str) -> Liquidation:
    return _closed_by_exchange(Liquidation, Fields(value, "liquidation", _EXECUTION), account)


def auto_deleveraging(value: dict[str, Any], account: str) -> AutoDeleveraging:
    return _closed_by_exchange(AutoDeleveraging, Fields(value, "adl", _EXECUTION), account)


def _closed_by_exchange(kind: type[Closed], row: Fields, account: str) -> Closed:
    """News of what other events move, so that it is told although figures are missing."""
    return kind(
        account=account,
        symbol=row.required("symbol", text),
        price=or_nan(row.optional("price", number)),
        size=abs(or_nan(row.optional("size", number))),
        side=side_of(row.optional("is_buy", flag)),
        timestamp=row.optional("timestamp", integer),
        reason=row.optional("reason", text),
        margin_prior=row.optional("margin_prior", number),
        margin_after=row.optional("margin_after", number),
    )


def cancel_rejected(value: dict[str, Any], account: str) -> CancelRejected:
    """A refused cancel of one order, which therefore must name it."""
    row = Fields(value, "refused cancel", _EXECUTION)
    return _cancel_rejected(row, account, row.required("order_id", text))


def cancel_all_rejected(value: dict[str, Any], account: str) -> CancelRejected:
    return _cancel_rejected(Fields(value, "refused cancel", _EXECUTION), account, None)


def _cancel_rejected(row: Fields, account: str, order_id: str | None) -> CancelRejected:
    return CancelRejected(
        account=account,
        symbol=row.optional("symbol", text),
        order_id=order_id,
        reason=row.optional("reason", text),
        timestamp=row.optional("timestamp", integer),
    )
