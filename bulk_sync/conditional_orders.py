"""The calls of ``BulkWebSocketClient`` for orders that wait for a price, or for another order's fill.

Prices are in quote currency, sizes in base units, slippages in basis points. Each call signs and sends one
action and raises as ``place_orders`` does; :class:`bulk_proto.sending.Sending` is what all of them take.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Unpack

from bulk_proto.actions import (
    Action,
    BuilderCode,
    LimitOrder,
    MarketOrder,
    OnFill,
    Range,
    Stop,
    TakeProfit,
    TrailingStop,
    TriggerBasket,
)
from bulk_proto.enums import Side
from bulk_proto.responses import OrderResponse
from bulk_proto.sending import Sending

from .trading import Trading


class ConditionalOrders(Trading):
    """Stops, take-profits, ranges, trailing stops, baskets and orders on a fill."""

    def place_stop(
        self,
        symbol: str,
        is_above: bool,
        size: float | Decimal | str,
        threshold: float | Decimal | str,
        limit: float | Decimal | str | None = None,
        iso: bool = False,
        slippage: float | Decimal | str | None = None,
        builder_code: BuilderCode | None = None,
        **sending: Unpack[Sending],
    ) -> OrderResponse:
        """Leave a position when the price reaches ``threshold`` from below (``is_above``) or from above.

        ``limit`` is the price of the order that is then placed; without it, a market order.
        """
        stop = Stop(symbol, is_above, size, threshold, limit, iso, slippage, builder_code)
        return self._place(stop, sending)

    def place_take_profit(
        self,
        symbol: str,
        is_above: bool,
        size: float | Decimal | str,
        threshold: float | Decimal | str,
        limit: float | Decimal | str | None = None,
        iso: bool = False,
        slippage: float | Decimal | str | None = None,
        builder_code: BuilderCode | None = None,
        **sending: Unpack[Sending],
    ) -> OrderResponse:
        """As :meth:`place_stop`, on the winning side of the position."""
        target = TakeProfit(symbol, is_above, size, threshold, limit, iso, slippage, builder_code)
        return self._place(target, sending)

    def place_range(
        self,
        symbol: str,
        is_long: bool,
        size: float | Decimal | str,
        price_min: float | Decimal | str,
        price_max: float | Decimal | str,
        limit_min: float | Decimal | str | None = None,
        limit_max: float | Decimal | str | None = None,
        iso: bool = False,
        stop_loss_slippage: float | Decimal | str | None = None,
        take_profit_slippage: float | Decimal | str | None = None,
        builder_code: BuilderCode | None = None,
        **sending: Unpack[Sending],
    ) -> OrderResponse:
        """A collar around a position: an order at each end, of which one cancels the other.

        ``is_long`` tells which position it protects; ``limit_min`` and ``limit_max`` are the prices of the
        orders then placed, market orders without.
        """
        collar = Range(
            symbol,
            is_long,
            size,
            price_min,
            price_max,
            limit_min,
            limit_max,
            iso,
            stop_loss_slippage,
            take_profit_slippage,
            builder_code,
        )
        return self._place(collar, sending)

    def place_trailing_stop(
        self,
        symbol: str,
        side: Side,
        size: float | Decimal | str,
        trail_bps: int,
        step_bps: int,
        limit: float | Decimal | str | None = None,
        iso: bool = False,
        slippage: float | Decimal | str | None = None,
        builder_code: BuilderCode | None = None,
        **sending: Unpack[Sending],
    ) -> OrderResponse:
        """A stop that follows the price at a distance of ``trail_bps``, in steps of ``step_bps`` (both bps).

        ``side`` is the side of the protected position: ``Side.BUY`` protects a long one.
        """
        stop = TrailingStop(symbol, side, size, trail_bps, step_bps, limit, iso, slippage, builder_code)
        return self._place(stop, sending)

    def place_trigger_basket(
        self,
        symbol: str,
        is_above: bool,
        threshold: float | Decimal | str,
        actions: Sequence[Action],
        **sending: Unpack[Sending],
    ) -> OrderResponse:
        """Do all ``actions`` when the price reaches ``threshold`` from below (``is_above``) or from above."""
        return self._place(TriggerBasket(symbol, is_above, threshold, actions), sending)

    def place_on_fill(
        self, trigger: LimitOrder | MarketOrder, actions: Sequence[Action], **sending: Unpack[Sending]
    ) -> OrderResponse:
        """Place the order ``trigger``, and do all ``actions`` once it is filled."""
        return self._place(OnFill(trigger, actions), sending)
