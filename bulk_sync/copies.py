"""The view of a client whose state another thread changes: what could change is handed out as a copy."""

from __future__ import annotations

from bulk_proto.account import Account
from bulk_proto.book import OrderBook
from bulk_proto.inventory import Inventory
from bulk_proto.view import ClientView


class CopiedView(ClientView):
    """Reads as documented; a book, an account or an inventory is that of the moment it was asked for."""

    @property
    def order_books(self) -> dict[str, OrderBook]:
        """Copies of the books by symbol, of the symbols whose book is subscribed."""
        with self._guard:
            return {symbol: book.copy() for symbol, book in self.core.order_books.items()}

    def get_book(self, symbol: str) -> OrderBook | None:
        """A copy of the book of a subscribed symbol as it stands; see ``book.ok`` before trusting it."""
        with self._guard:
            book = self.core.order_books.get(symbol)
            return book.copy() if book is not None else None

    def account_state(self, public_key: str | None = None) -> Account | None:
        """A copy of everything known about a subscribed account (default: the client's own)."""
        with self._guard:
            account = self._account(public_key)
            return account.copy() if account is not None else None

    @property
    def inventory(self) -> Inventory:
        """A copy of positions and profit by symbol, reconciled to what the exchange reports."""
        with self._guard:
            return self.core.inventory.copy()
