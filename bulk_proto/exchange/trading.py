"""Orders on their way through the rules, the book and the accounts.

An order is judged when it arrives, then matched, then rests or ends; its ``status`` and ``reason`` say
what became of it. Whoever would trade with himself loses the resting order (or the incoming one, as
configured). A resting order that may only reduce leaves as soon as there is nothing left to reduce.
"""

from __future__ import annotations

from collections.abc import Collection

from bulk_proto.enums import OrderStatus, TimeInForce

from .accounts import Account, Ledger
from .action_forms import BuilderCode
from .clock import ExchangeClock
from .config import ExchangeConfig, SelfTrade
from .fees import FeeSchedule, builder_fee
from .journal import Journal
from .margin import Markets, can_afford
from .markets import MarketState
from .orders import Order
from .units import to_money, to_units

Refusal = tuple[OrderStatus, str | None]  # what becomes of an order, and the reason


class Trading:
    """The one place that changes books and positions."""

    def __init__(
        self, config: ExchangeConfig, clock: ExchangeClock, markets: Markets, ledger: Ledger, journal: Journal
    ) -> None:
        self._config = config
        self._clock = clock
        self._markets = markets
        self._ledger = ledger
        self._journal = journal
        self._fees = FeeSchedule(config)

    def place(self, account: Account, order: Order, slippage_bps: float | None = None) -> None:
        """Judge, match and rest or end ``order``; its status tells the outcome.

        ``slippage_bps`` bounds a market order: it trades no further than that from the best price it
        meets on arrival.
        """
        market = self._markets[order.symbol]
        if order.id in account.order_ids:
            order.end(OrderStatus.REJECTED_DUPLICATE)  # no event: it would speak of the first order
            return
        if not account.internal:
            account.order_ids.add(order.id)
        refusal = self._refusal(account, order, market)
        if refusal is not None:
            order.end(*refusal)
            self._journal.order_changed(order)
            return
        self._match(account, order, market, _worst_price(order, market, slippage_bps))
        if order.remaining:
            self._leave(account, order, market)

    def match(self, account: Account, order: Order) -> None:
        """Trade an order that nobody judges, as far as the book goes."""
        self._match(account, order, self._markets[order.symbol], None)

    def cross(self, account: Account, order: Order, other: Account, counter: Order, price: int) -> None:
        """Let two orders trade with each other, past the book and without fees."""
        market = self._markets[order.symbol]
        size = min(order.remaining, counter.remaining)
        trade_id = self._clock.next_trade_id()
        for each in (counter, order):
            each.fill(size, price)
        market.traded(self._clock.wall_ms, price, size)
        self._journal.traded(counter, order, price, size)
        self._settle(other, counter, market, price, size, 0, trade_id, account.key)
        self._settle(account, order, market, price, size, 0, trade_id, other.key)

    def finish(self, account: Account, order: Order) -> None:
        """End what is left of a market order."""
        if order.remaining:
            self._leave(account, order, self._markets[order.symbol])

    def cancel(self, account: Account, order: Order, status: OrderStatus = OrderStatus.CANCELLED) -> None:
        """Take a resting order off the book."""
        self._markets[order.symbol].book.remove(order)
        account.drop(order)
        order.end(status)
        self._journal.order_changed(order)

    def cancel_all(self, account: Account, symbols: Collection[str]) -> list[Order]:
        """Cancel what the account has resting in ``symbols`` (everywhere if empty), oldest first."""
        orders = [order for order in account.open_orders.values() if not symbols or order.symbol in symbols]
        for order in orders:
            self.cancel(account, order)
        return orders

    def modify(self, account: Account, order: Order, size: int) -> Refusal | None:
        """Change the whole size of a resting order to ``size``, of which its fills are a part.

        Returns why that is not possible, or None when it was done.
        """
        remaining = size - order.filled
        more = remaining - order.remaining
        if remaining <= 0:
            return OrderStatus.REJECTED_INVALID, "size must be larger than what is filled"
        if more > 0 and not order.reduce_only and not self._affords(account, order, more):
            return OrderStatus.REJECTED_RISKLIMIT, "Insufficient margin"
        account.expose(order, more)
        self._markets[order.symbol].book.resize(order, remaining)
        order.size = size
        order.status = OrderStatus.MODIFIED
        self._journal.order_changed(order)
        return None

    def _affords(self, account: Account, order: Order, size: int) -> bool:
        return can_afford(account, order, size, self._markets, self._config.default_leverage)

    # Judging

    def _refusal(self, account: Account, order: Order, market: MarketState) -> Refusal | None:
        """Why the order goes no further, or None. A reduce-only order is cut to the position."""
        if (invalid := self._invalid(account, order, market)) is not None:
            return OrderStatus.REJECTED_INVALID, invalid
        if order.reduce_only:
            reducible = account.reducible(order)
            if not reducible:
                return OrderStatus.CANCELLED_REDUCEONLY, None
            order.size = order.remaining = min(order.size, reducible)
        if order.tif is TimeInForce.ALO and market.book.crosses(order.is_buy, order.price):
            return OrderStatus.REJECTED_CROSSING, None
        if not order.reduce_only and not self._affords(account, order, order.remaining):
            return OrderStatus.REJECTED_RISKLIMIT, "Insufficient margin"
        return None

    def _invalid(self, account: Account, order: Order, market: MarketState) -> str | None:
        rules = market.rules
        if not order.size:
            return "size must be positive"
        if not order.price and not order.is_market:
            return "price must be positive"
        if self._config.enforce_increments:
            if order.price % to_units(rules.tick):
                return f"price is not a multiple of the tick size {rules.tick}"
            if order.size % to_units(rules.lot):
                return f"size is not a multiple of the lot size {rules.lot}"
        if self._config.enforce_min_notional and not (order.reduce_only or account.internal):
            notional = order.size * (order.price or market.mark())
            if notional < to_money(rules.min_notional):
                return f"notional is below the minimum of {rules.min_notional}"
        if len(account.open_orders) >= self._config.max_open_orders and not account.internal:
            return f"more than {self._config.max_open_orders} open orders"
        return None

    # Matching

    def _match(self, account: Account, order: Order, market: MarketState, worst: int | None) -> None:
        while order.remaining and (maker := market.book.next_match(order.is_buy, worst)) is not None:
            if maker.account != order.account:
                self._execute(account, order, maker, market)
                self._check_rest(account, order)
            elif self._config.self_trade is SelfTrade.CANCEL_RESTING:
                self.cancel(account, maker, OrderStatus.CANCELLED_SELFCROSSING)
            else:
                order.end(OrderStatus.CANCELLED_SELFCROSSING)
                self._journal.order_changed(order)

    def _check_rest(self, account: Account, order: Order) -> None:
        """An execution far from the mark price costs margin that the rest of the order may need."""
        rest = 0 if order.reduce_only else order.remaining
        if rest and not self._affords(account, order, rest):
            order.end(OrderStatus.CANCELLED_RISKLIMIT, "Insufficient margin")
            self._journal.order_changed(order)

    def _execute(self, account: Account, taker: Order, maker: Order, market: MarketState) -> None:
        owner = self._ledger.accounts[maker.account]
        price = maker.price
        size = min(taker.remaining, maker.remaining)
        if maker.reduce_only:
            size = min(size, owner.reducible(maker))
        trade_id = self._clock.next_trade_id()
        market.book.fill(maker, size)
        owner.expose(maker, -size)
        if not maker.remaining:
            owner.drop(maker)
        taker.fill(size, price)
        market.traded(self._clock.wall_ms, price, size)
        self._journal.traded(maker, taker, price, size)
        notional = price * size
        for mine, order, other in ((owner, maker, taker.account), (account, taker, maker.account)):
            fee = self._fees.fee(mine, notional, maker=order is maker)
            self._settle(mine, order, market, price, size, fee, trade_id, other)
            if self._fees.count(mine, notional):
                self._journal.fee_tier_changed(mine)

    def _settle(
        self,
        account: Account,
        order: Order,
        market: MarketState,
        price: int,
        size: int,
        fee: int,
        trade_id: str,
        other: str,
    ) -> None:
        self._ledger.fees += fee
        if order.builder is not None:
            fee += self._pay_builder(order.builder, price * size)
        before = account.size_of(order.symbol, order.iso)
        position = account.settle(order, size, price, fee)
        market.position_changed(before, position.size)
        self._journal.executed(account, order, price, size, fee, trade_id, other)
        if account.reducing:
            self._sweep(account, order)

    def _pay_builder(self, code: BuilderCode, notional: int) -> int:
        """Credit the recipient; returns what the trader owes for it, on top of the fee of the exchange."""
        cut = builder_fee(code.fee, notional)
        recipient = self._ledger.open(code.to)
        recipient.cash += cut
        self._journal.margin_changed(recipient)
        return cut

    def _sweep(self, account: Account, executed: Order) -> None:
        """Cancel reduce-only orders that the new position leaves nothing to reduce."""
        for order in list(account.open_orders.values()):
            if (
                order.reduce_only
                and order.symbol == executed.symbol
                and order.iso == executed.iso
                and not account.reducible(order)
            ):
                self.cancel(account, order, OrderStatus.CANCELLED_REDUCEONLY)

    def _leave(self, account: Account, order: Order, market: MarketState) -> None:
        """Rest what was not filled, or end it."""
        if order.is_market:
            partial = self._config.dialect.partial_remainder == "partiallyFilled" and order.filled
            order.end(OrderStatus.PARTIALLY_FILLED if partial else OrderStatus.CANCELLED_IOC)
        elif order.tif is TimeInForce.IOC:
            order.end(OrderStatus.CANCELLED_IOC)
        else:
            order.status = OrderStatus.WORKING if order.filled else OrderStatus.RESTING
            order.rested = True
            market.book.rest(order)
            account.hold(order)
        self._journal.order_changed(order)


def _worst_price(order: Order, market: MarketState, slippage_bps: float | None) -> int | None:
    if not order.is_market:
        return order.price
    best = market.book.side(not order.is_buy).best_price()
    if slippage_bps is None or best is None:
        return None
    return best + order.sign * round(best * slippage_bps / 1e4)
