"""After a reconnection: what changed while nobody was listening, told in one event.

The gap begins when a link is lost and ends when everything wanted is served again on a later one. Orders
and positions are compared with what was known when the gap began; the exchange does not repeat what it
sent meanwhile, so fills inside the gap show as orders that are gone and positions that differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .account import Account
from .books import Books
from .enums import OrderStatus
from .events import OrderState, PositionUpdate, Resynced

_PositionKey = tuple[str, str, str | None]


class Resync:
    """Remembers how things stood when a link was lost."""

    def __init__(self, now: float, accounts: Mapping[str, Account]) -> None:
        self._lost_at = now
        self._orders = {
            (key, order_id): order
            for key, account in accounts.items()
            for order_id, order in account.open_orders.items()
        }
        self._positions = _positions(accounts)

    def over(self, now: float, accounts: Mapping[str, Account], books: Books) -> Resynced:
        """Everything is served again: what is different."""
        return Resynced(
            gap=now - self._lost_at,
            orders_gone=[
                _as_known_now(accounts.get(key), order)
                for (key, order_id), order in self._orders.items()
                if key not in accounts or order_id not in accounts[key].open_orders
            ],
            positions_changed=self._changed(_positions(accounts)),
            books=sorted(symbol for symbol, book in books.by_symbol.items() if book.ok),
        )

    def _changed(self, current: Mapping[_PositionKey, PositionUpdate]) -> list[PositionUpdate]:
        """Positions of another size than before; closed ones with size 0."""
        changed = [
            position
            for key, position in current.items()
            if key not in self._positions or self._positions[key].size != position.size
        ]
        closed = [position for key, position in self._positions.items() if key not in current]
        return changed + [
            PositionUpdate(
                account=position.account,
                symbol=position.symbol,
                size=0.0,
                iso=position.iso,
                iso_pubkey=position.iso_pubkey,
            )
            for position in closed
        ]


def settlement(account: Account | None, order_ids: Sequence[str | None]) -> dict[str, OrderStatus]:
    """What an account says of orders whose outcome was unknown; UNKNOWN where it cannot tell."""
    found = {}
    for order_id in order_ids:
        if order_id is not None:
            order = account.find_order(order_id) if account is not None else None
            found[order_id] = OrderStatus.UNKNOWN if order is None else order.status
    return found


def _positions(accounts: Mapping[str, Account]) -> dict[_PositionKey, PositionUpdate]:
    return {
        (key, *position_key): position
        for key, account in accounts.items()
        for position_key, position in account.positions.items()
    }


def _as_known_now(account: Account | None, order: OrderState) -> OrderState:
    known = account.find_order(order.order_id) if account is not None else None
    return order if known is None else known
