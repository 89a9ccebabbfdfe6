"""After a reconnection: what changed while nobody was listening, told in one event.

The gap begins when a link is lost and ends when everything wanted is served again on a later one. Orders
and positions are compared with what was known when the gap began; the exchange does not repeat what it
sent meanwhile, so fills inside the gap show as orders that are gone and positions that differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from .account import Account
from .books import Books
from .enums import OrderStatus
from .events import OrderState, PositionUpdate, Resynced
from .own_positions import closed_since, same_positions


class Resync:
    """Remembers how things stood when a link was lost."""

    def __init__(self, now: float, accounts: Mapping[str, Account]) -> None:
        self._lost_at = now
        self._orders = {
            (key, order_id): order
            for key, account in accounts.items()
            for order_id, order in account.open_orders.items()
        }
        self._positions = {key: account.positions.copy() for key, account in accounts.items()}

    def over(
        self, now: float, accounts: Mapping[str, Account], books: Books, unconfirmed: Sequence[str] = ()
    ) -> Resynced:
        """What is different, as far as it was sent again: an account that is not live says nothing."""
        live = {key: account for key, account in accounts.items() if account.live}
        known = [_as_known_now(live[key], order) for (key, _), order in self._orders.items() if key in live]
        return Resynced(
            gap=now - self._lost_at,
            orders_gone=[order for order in known if order.status.is_terminal()],
            positions_changed=self._changed(live),
            books=sorted(symbol for symbol, book in books.by_symbol.items() if book.ok),
            unconfirmed=list(unconfirmed),
        )

    def _changed(self, accounts: Mapping[str, Account]) -> list[PositionUpdate]:
        """Positions of another size than before; closed ones with size 0."""
        changed = []
        for name, account in accounts.items():
            before, now = self._positions.get(name, {}), account.positions
            known = same_positions(before, now)
            changed += [
                position
                for key, position in now.items()
                if key not in known or before[known[key]].size != position.size
            ]
            changed += closed_since(before, now)
        return changed


def _as_known_now(account: Account, order: OrderState) -> OrderState:
    """An order that a live account does not know any more ended so long ago that it was forgotten."""
    known = account.find_order(order.order_id)
    return replace(order, status=OrderStatus.GONE, size=0.0) if known is None else known
