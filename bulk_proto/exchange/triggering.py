"""Conditional orders at work: placed, watched, fired and cancelled.

They watch the mark price, after every transaction and every background order. A stop, a take-profit,
either half of a range and a trailing stop close the position they find, up to their size, with a
reduce-only order of its own id; without a position they fail. They are cancelled when the position they
protected is gone. A basket does its actions one after the other. Actions that wait for a fill are done
once their order has been filled, or has ended after being filled in part.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from bulk_proto.enums import OrderStatus, TimeInForce

from .accounts import Account
from .action_forms import ActionForm
from .conditionals import Afterwards, Conditional, Signed, Step, child_id
from .config import ExchangeConfig
from .journal import Journal
from .margin import Markets
from .orders import Order
from .post_messages import Row, order_row, row
from .trading import Trading

Perform = Callable[[ActionForm, Callable[[], str], Signed], list[Row]]
_REJECTIONS = frozenset(
    {OrderStatus.REJECTED_INVALID, OrderStatus.REJECTED_RISKLIMIT, OrderStatus.CANCELLED_REDUCEONLY}
)


class Triggers:
    """All conditional orders of one exchange. ``perform`` carries out what is inside of baskets."""

    def __init__(
        self,
        config: ExchangeConfig,
        markets: Markets,
        trading: Trading,
        journal: Journal,
        perform: Perform,
    ) -> None:
        self._config = config
        self._markets = markets
        self._trading = trading
        self._journal = journal
        self._perform = perform
        self._waiting: dict[Conditional, None] = {}
        self._afterwards: dict[Afterwards, None] = {}

    def place(self, conditional: Conditional) -> list[Row]:
        """Let a checked conditional order wait, or fire if it is time already."""
        order, account = conditional.order, conditional.signed.account
        if order.id in account.order_ids:
            order.end(OrderStatus.REJECTED_DUPLICATE)
            return [self._row(order)]
        account.order_ids.add(order.id)
        account.conditionals[order.id] = conditional
        self._waiting[conditional] = None
        order.status = OrderStatus.RESTING
        self._journal.order_changed(order)
        if conditional.reached(self._markets[order.symbol].mark()):
            return self._fire(conditional)
        return [self._row(order)]

    def await_fill(self, afterwards: Afterwards) -> list[Row]:
        """Do the steps once their order is filled; the rows are of what could be done at once."""
        account = afterwards.signed.account
        actions = account.on_fills.setdefault(afterwards.parent.id, [])
        actions += [step.action for step in afterwards.steps]
        self._afterwards[afterwards] = None
        return self._follow_up(afterwards)

    def resize(self, conditional: Conditional, size: int) -> Row:
        """Let a protective order, and its other half, close another size than it was placed for."""
        oid = conditional.order.id
        if conditional.steps is not None:
            return row("rejectedInvalid", oid=oid, reason="a basket has no size")
        if not size:
            return row("rejectedInvalid", oid=oid, reason="size must be positive")
        for half in (conditional, conditional.sibling):
            if half is not None:
                half.order.size = half.order.remaining = size
                half.order.status = OrderStatus.MODIFIED
                self._journal.order_changed(half.order)
        return row("resting", oid=oid)

    def cancel(self, conditional: Conditional) -> list[Row]:
        """The rows are of this order and, if it has one, of its other half."""
        rows = [self._end(conditional, OrderStatus.CANCELLED)]
        return rows + self._cancel_sibling(conditional)

    def cancel_all(self, account: Account, symbols: Collection[str]) -> list[Row]:
        rows: list[Row] = []
        for conditional in list(account.conditionals.values()):
            if (not symbols or conditional.order.symbol in symbols) and conditional in self._waiting:
                rows += self.cancel(conditional)
        return rows

    def fire_due(self) -> None:
        """Do everything that the latest prices and fills call for, and what that calls for in turn."""
        busy = bool(self._waiting or self._afterwards)
        while busy:
            due = [conditional for conditional in self._waiting if self._is_due(conditional)]
            for conditional in due:
                if conditional in self._waiting:
                    self._fire(conditional)
            done = [each for afterwards in list(self._afterwards) for each in self._follow_up(afterwards)]
            busy = bool(due or done)
        for conditional in list(self._waiting):
            self._drop_leftover(conditional)

    def _is_due(self, conditional: Conditional) -> bool:
        return conditional.reached(self._markets[conditional.order.symbol].mark())

    # Firing

    def _fire(self, conditional: Conditional) -> list[Row]:
        order, account = conditional.order, conditional.signed.account
        self._forget(conditional)
        if conditional.steps is not None:
            rows = [self._tell(order, OrderStatus.TRIGGERED)]
            return rows + self._take_steps(order.id, 0, conditional.steps, conditional.signed)
        held = account.size_of(order.symbol, order.iso)
        if held:
            rows = self._close(conditional, account, held)
        else:
            rows = [self._end(conditional, OrderStatus.TRIGGER_FAILED, "there is no position to close")]
        return rows + self._cancel_sibling(conditional)

    def _close(self, conditional: Conditional, account: Account, held: int) -> list[Row]:
        root = conditional.order
        order = Order(
            id=child_id(root.id, 0),
            account=account.key,
            symbol=root.symbol,
            is_buy=held < 0,
            price=conditional.limit or 0,
            size=root.size,  # reduce-only cuts it to the position
            tif=TimeInForce.IOC if conditional.limit is None else TimeInForce.GTC,
            is_market=conditional.limit is None,
            reduce_only=True,
            iso=root.iso,
            builder=root.builder,
        )
        triggered = self._tell(root, OrderStatus.TRIGGERED)
        self._trading.place(account, order, conditional.slippage_bps)
        if order.status in _REJECTIONS:
            return [triggered, self._end(conditional, OrderStatus.TRIGGER_FAILED, order.reason)]
        return [triggered, self._row(order)]

    def _follow_up(self, afterwards: Afterwards) -> list[Row]:
        parent, account = afterwards.parent, afterwards.signed.account
        if parent.remaining:
            return []
        del self._afterwards[afterwards]
        account.on_fills.pop(parent.id, None)  # the first of several takes them all off
        if not parent.filled:
            return []
        return self._take_steps(parent.id, afterwards.first, afterwards.steps, afterwards.signed)

    def _take_steps(self, parent: str, first: int, steps: list[Step], signed: Signed) -> list[Row]:
        rows = []
        for index, step in enumerate(steps, first):
            rows += self._perform(step.form, partial(child_id, parent, index), signed)
        return rows

    # Ending

    def _drop_leftover(self, conditional: Conditional) -> None:
        """A protective order goes with the position that it protected."""
        order = conditional.order
        if conditional.steps is None and conditional in self._waiting:
            has_position = bool(conditional.signed.account.size_of(order.symbol, order.iso))
            if conditional.protects and not has_position:
                self._end(conditional, OrderStatus.CANCELLED_REDUCEONLY)
            conditional.protects = has_position

    def _cancel_sibling(self, conditional: Conditional) -> list[Row]:
        sibling = conditional.sibling
        if sibling is None or sibling not in self._waiting:
            return []
        return [self._end(sibling, OrderStatus.SIBLING_CANCELLED)]

    def _end(self, conditional: Conditional, status: OrderStatus, reason: str | None = None) -> Row:
        self._forget(conditional)
        conditional.order.reason = reason
        return self._tell(conditional.order, status)

    def _forget(self, conditional: Conditional) -> None:
        self._waiting.pop(conditional, None)
        conditional.signed.account.conditionals.pop(conditional.order.id, None)

    def _tell(self, order: Order, status: OrderStatus) -> Row:
        order.end(status, order.reason)
        self._journal.order_changed(order)
        return self._row(order)

    def _row(self, order: Order) -> Row:
        return order_row(order, self._config.dialect)
