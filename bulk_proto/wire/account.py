"""Events of account streams in every spelling that servers have used, from plain JSON values.

Which account an event belongs to is told by its topic and by nothing else, so an event without such a
topic is refused and never applied to anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from bulk_proto.events import (
    AccountSnapshot,
    Event,
    FeeTier,
    FeeTierUpdate,
    LeverageSetting,
    LeverageUpdate,
    MarginUpdate,
    OrderState,
    PositionUpdate,
    ProtectiveOrder,
)

from . import orders
from .topics import account_of
from .values import Fields, Unreadable, as_sent, flag, integer, mapping, number, or_nan, sequence, text

R = TypeVar("R")

_MARGIN_NUMBERS = {
    "total_balance": ("totalMargin", "totalBalance"),
    "available_balance": ("availableMargin", "availableBalance"),
    "margin_used": ("marginUsed",),
    "notional": ("notional",),
    "realized_pnl": ("realizedPnl",),
    "unrealized_pnl": ("unrealizedPnl",),
    "fees": ("fees",),
    "funding": ("funding",),
}
_MARGIN = _MARGIN_NUMBERS | {
    "execution_impact": ("executionImpact",),
    "transferable_balance": ("transferableBalance",),
    "margin_buffer_rate": ("marginBufferRate",),
    "buffered_margin": ("bufferedMargin",),
}
_POSITION_NUMBERS = {
    "price": ("price",),
    "fair_price": ("fairPrice",),
    "notional": ("notional",),
    "realized_pnl": ("realizedPnl",),
    "unrealized_pnl": ("unrealizedPnl",),
    "leverage": ("leverage",),
    "liquidation_price": ("liquidationPrice",),
    "fees": ("fees",),
    "funding": ("funding",),
    "maintenance_margin": ("maintenanceMargin",),
    "lambda_": ("lambda",),
    "risk_allocation": ("riskAllocation",),
}
_POSITION = _POSITION_NUMBERS | {
    "symbol": ("symbol", "coin"),
    "alloc_margin": ("allocMargin",),
    "iso_pubkey": ("isoPubkey",),
}
_ATTACHED = {"order_id": ("orderId", "oid"), "order_type": ("orderType", "ot")}
_LEVERAGE = {"symbol": ("symbol", "coin")}
_FEE_TIER_NUMBERS = {
    "rolling_volume": ("rollingVolume",),
    "tier_threshold": ("tierThreshold",),
    "maker_bps": ("makerBps",),
    "taker_bps": ("takerBps",),
    "window_days": ("windowDays",),
}
_FEE_TIER = _FEE_TIER_NUMBERS | {"tier_index": ("tierIndex",)}


def event(message: dict[str, Any], topic: str) -> Event | None:
    """One account event; None when it is of a kind that this version does not apply.

    Among those is ``order``, an older duplicate of ``orderUpdate``.
    """
    data = mapping(message.get("data"))
    if data is None:
        raise Unreadable("account event without data")
    read = _READERS.get((text(data.get("type")) or "").casefold())
    if read is None:
        return None
    account = account_of(topic)
    if not account:
        raise Unreadable("account event whose topic names no account")
    return read(data, account)


def snapshot(data: dict[str, Any], account: str) -> AccountSnapshot:
    """Everything about one account.

    What it does not list is gone, so it is refused as a whole when a position or an order in it cannot
    be told apart or measured, and when either list is not there at all. The other lists are
    information: a row that cannot be read is left out.
    """
    row = Fields(data, "account snapshot", {})
    on_fill = dict(_readable(row, "pendingOnFill", _parent_and_actions))
    return AccountSnapshot(
        account=account,
        margin=_margin(row.checked("margin", mapping) or {}, account),
        positions=[position(entry, account, False) for entry in row.required("positions", sequence)],
        open_orders=[_open_order(entry, account, on_fill) for entry in row.required("openOrders", sequence)],
        leverage_settings=_readable(row, "leverageSettings", _leverage_setting),
        fee_tiers=_readable(row, "feeTiers", _fee_tier),
        kind=row.optional("kind", text),
        parent=row.optional("parent", text),
        name=row.optional("name", text),
        sub_accounts=_readable(row, "subAccounts", _public_key),
        multisig_accounts=_readable(row, "multisigAccounts", _public_key),
        agent_wallets=_readable(row, "authorizedAgentWallets", _public_key),
        builder_approvals=dict(_readable(row, "builderCodeApprovals", _approval)),
    )


def margin_update(data: dict[str, Any], account: str) -> MarginUpdate:
    """New margin figures; refused when there is none, since it would wipe out the known ones."""
    row = Fields(data, "margin update", _MARGIN)
    if all(row.optional(name, number) is None for name in _MARGIN_NUMBERS):
        raise Unreadable("margin update without a number")
    return _margin(data, account)


def _margin(data: dict[str, Any], account: str) -> MarginUpdate:
    row = Fields(data, "margin", _MARGIN)
    return MarginUpdate(
        account=account,
        execution_impact=row.optional("execution_impact", number),
        transferable_balance=row.optional("transferable_balance", number),
        margin_buffer_rate=row.optional("margin_buffer_rate", number),
        buffered_margin=row.optional("buffered_margin", number),
        **{name: or_nan(row.optional(name, number)) for name in _MARGIN_NUMBERS},
    )


def position(value: object, account: str, unsaid: bool | None = None) -> PositionUpdate:
    """``unsaid``: what a row without the flag is, cross or isolated; None: that cannot be told from the row.

    Updates are documented without it, rows of a snapshot with it.
    """
    row = Fields(value, "position", _POSITION)
    iso_pubkey = row.optional("iso_pubkey", text)
    iso = row.optional("iso", flag)
    if iso is None:
        iso = unsaid if iso_pubkey is None else True
    protection = row.optional("protection", mapping)
    return PositionUpdate(
        account=account,
        symbol=row.required("symbol", text),
        size=row.required("size", number),
        alloc_margin=row.optional("alloc_margin", number),
        iso=iso,
        # An isolated row of an unnamed account must not pass for the cross row of its market.
        iso_pubkey=(iso_pubkey or "") if iso else None,
        protection=protection,
        protective_orders=_protective_orders(protection),
        **{name: or_nan(row.optional(name, number)) for name in _POSITION_NUMBERS},
    )


def _protective_orders(protection: dict[str, Any] | None) -> tuple[ProtectiveOrder, ...]:
    """Those that can be read: what protects a position changes nothing about it."""
    listed = sequence((protection or {}).get("orders")) or []
    rows = [Fields(row, "attached order", _ATTACHED) for row in listed if isinstance(row, dict)]
    return tuple(
        ProtectiveOrder(
            order_id=row.optional("order_id", text),
            order_type=row.optional("order_type", text),
            trigger=orders.order_trigger(row.optional("trigger", mapping)),
        )
        for row in rows
    )


def _open_order(value: object, account: str, on_fill: dict[str, object]) -> OrderState:
    order = orders.order_state(value, account)
    if order.pending_on_fill is None and order.order_id in on_fill:
        return msgspec.structs.replace(order, pending_on_fill=on_fill[order.order_id])
    return order


def leverage_update(data: dict[str, Any], account: str) -> LeverageUpdate:
    """Changed leverage, of the rows that can be read: each is about its own market."""
    row = Fields(data, "leverage update", {})
    return LeverageUpdate(account=account, settings=_told(row, "leverage", _leverage_setting))


def fee_tier_update(data: dict[str, Any], account: str) -> FeeTierUpdate:
    """Changed fee tiers, of the rows that can be read: each is about its own scope."""
    row = Fields(data, "fee tier update", {"timestamp": ("ts", "timestamp")})
    return FeeTierUpdate(
        account=account,
        tiers=_told(row, "feeTiers", _fee_tier),
        timestamp=row.optional("timestamp", integer),
    )


def _leverage_setting(value: object) -> LeverageSetting:
    row = Fields(value, "leverage setting", _LEVERAGE)
    return LeverageSetting(row.required("symbol", text), row.required("leverage", number))


def _fee_tier(value: object) -> FeeTier:
    row = Fields(value, "fee tier", _FEE_TIER)
    return FeeTier(
        symbol=row.required("symbol", text),
        tier_index=row.optional("tier_index", integer),
        **{name: or_nan(row.optional(name, number)) for name in _FEE_TIER_NUMBERS},
    )


def _public_key(value: object) -> str:
    """A key, bare or in an object that may also name the account."""
    if isinstance(value, str):
        return value
    return Fields(value, "account", {}).required("pubkey", text)


def _approval(value: object) -> tuple[str, int]:
    row = Fields(value, "builder approval", {})
    return row.required("recipient", text), row.required("maxFee", integer)


def _parent_and_actions(value: object) -> tuple[str, object]:
    row = Fields(value, "actions on fill", {})
    return row.required("parentOrderId", text), row.required("actions", as_sent)


def _told(row: Fields, name: str, read: Callable[[object], R]) -> list[R]:
    """The readable rows of a list that a message is about: refused when that leaves nothing of it."""
    listed, found = row.required(name, sequence), _readable(row, name, read)
    if listed and not found:
        raise Unreadable(f"{name} without a readable row")
    return found


def _readable(row: Fields, name: str, read: Callable[[object], R]) -> list[R]:
    """The rows of a list that can be read."""
    found = []
    for value in row.optional(name, sequence) or ():
        try:
            found.append(read(value))
        except Unreadable:
            continue
    return found


_READERS: Mapping[str, Callable[[dict[str, Any], str], Event]] = {
    "accountsnapshot": snapshot,
    "marginupdate": margin_update,
    "positionupdate": position,
    "orderupdate": orders.order_state,
    "fill": orders.fill,
    "leverageupdate": leverage_update,
    "feetierupdate": fee_tier_update,
    "liquidation": orders.liquidation,
    "adl": orders.auto_deleveraging,
    "cancelonerejected": orders.cancel_rejected,
    "cancelallrejected": orders.cancel_all_rejected,
}
