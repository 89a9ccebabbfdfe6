"""Money and positions, conserved to the last unit.

Sizes are in units of 1e-8, money in units of 1e-16. Whatever one side of a trade pays, the other side
or the exchange receives: over all accounts, cash less the cost of open positions, plus the fees taken,
is exactly what was deposited.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .orders import Order

if TYPE_CHECKING:
    from .conditionals import Conditional


class PositionKey(NamedTuple):
    """A cross and an isolated position can share a market."""

    symbol: str
    iso: bool


class Position:
    """One position. ``cost`` is the signed sum of price times size of what is open."""

    __slots__ = ("cost", "fees", "funding", "realized", "size")

    def __init__(self) -> None:
        self.size = 0
        self.cost = 0
        self.realized = 0
        self.fees = 0  # paid
        self.funding = 0  # received

    def trade(self, size: int, price: int) -> int:
        """Add a signed execution; returns the profit that it realised.

        Closing releases cost in proportion, so the average entry stays where it was.
        """
        closed = 0 if self.size * size >= 0 else min(abs(self.size), abs(size))
        realized = 0
        if closed:
            released = self.cost * closed // abs(self.size)
            proceeds = closed * price if self.size > 0 else -closed * price
            realized = proceeds - released
            self.cost -= released
        self.cost += (size + closed if size < 0 else size - closed) * price
        self.size += size
        self.realized += realized
        return realized

    def unrealized(self, mark: int) -> int:
        return self.size * mark - self.cost


class RecentlyUsed:
    """Values that were used already; the oldest are forgotten beyond ``limit``, so memory stays flat."""

    __slots__ = ("_limit", "_values")

    def __init__(self, limit: int = 65_536) -> None:
        self._limit = limit
        self._values: OrderedDict[int | str, None] = OrderedDict()

    def __contains__(self, value: int | str) -> bool:
        return value in self._values

    def add(self, value: int | str) -> None:
        self._values[value] = None
        if len(self._values) > self._limit:
            self._values.popitem(last=False)


class Account:
    """Everything that belongs to one key."""

    __slots__ = (
        "agents",
        "builders",
        "cash",
        "claimed_at",
        "conditionals",
        "exposure",
        "fees",
        "funding",
        "internal",
        "key",
        "kind",
        "leverage",
        "multisigs",
        "name",
        "nonces",
        "on_fills",
        "open_orders",
        "order_ids",
        "parent",
        "positions",
        "realized",
        "reducing",
        "subs",
        "tier",
        "volume",
    )

    def __init__(self, key: str, cash: int, *, internal: bool = False) -> None:
        self.key = key
        self.cash = cash
        self.internal = internal  # background accounts have no limits
        self.fees = 0  # paid
        self.funding = 0  # received
        self.realized = 0
        self.volume = 0  # money traded, on either side
        self.tier = 0  # of fees, by volume
        self.parent: str | None = None  # of a sub-account
        self.name = ""  # of a sub-account
        self.subs: dict[str, None] = {}
        self.multisigs: dict[str, None] = {}  # of which it is a signer
        self.kind = "MasterEOA"
        self.positions: dict[PositionKey, Position] = {}
        self.open_orders: dict[str, Order] = {}
        self.conditionals: dict[str, Conditional] = {}
        self.on_fills: dict[str, list[Mapping[str, Any]]] = {}  # actions that wait for a fill, by order
        self.exposure: dict[str, list[int]] = {}  # resting sell and buy money by symbol, without reduce-only
        self.reducing = 0  # resting reduce-only orders
        self.leverage: dict[str, float] = {}
        self.agents: dict[str, None] = {}
        self.builders: dict[str, int] = {}  # approved recipients and their highest fee, bps
        self.nonces = RecentlyUsed()
        self.order_ids = RecentlyUsed()
        self.claimed_at: float | None = None  # last faucet claim

    def size_of(self, symbol: str, iso: bool) -> int:
        position = self.positions.get(PositionKey(symbol, iso))
        return 0 if position is None else position.size

    def reducible(self, order: Order) -> int:
        """How much of the position ``order`` could close."""
        return max(0, -order.sign * self.size_of(order.symbol, order.iso))

    def hold(self, order: Order) -> None:
        """Count a resting order."""
        self.open_orders[order.id] = order
        self.reducing += order.reduce_only
        self.expose(order, order.remaining)

    def expose(self, order: Order, size: int) -> None:
        """Count ``size`` more (less, if negative) of a resting order."""
        if not order.reduce_only:
            self.exposure.setdefault(order.symbol, [0, 0])[order.is_buy] += size * order.price

    def drop(self, order: Order) -> None:
        """Forget a resting order; what was filled must have been taken off before."""
        del self.open_orders[order.id]
        self.reducing -= order.reduce_only
        self.expose(order, -order.remaining)

    def settle(self, order: Order, size: int, price: int, fee: int) -> Position:
        """Book one execution of ``order`` and pay its fee."""
        position = self.positions.setdefault(PositionKey(order.symbol, order.iso), Position())
        realized = position.trade(order.sign * size, price)
        position.fees += fee
        self.realized += realized
        self.fees += fee
        self.cash += realized - fee
        return position


class Ledger:
    """All accounts, and what the exchange itself took."""

    def __init__(self, starting_balance: int) -> None:
        self._starting_balance = starting_balance
        self.accounts: dict[str, Account] = {}
        self.barred: set[str] = set()  # keys that must not use the faucet
        self.deposited = 0
        self.fees = 0

    def look(self, key: str) -> Account:
        """The account of ``key`` as a stranger sees it: a new key looks like an untouched account."""
        return self.accounts.get(key) or Account(key, self._starting_balance)

    def open(self, key: str) -> Account:
        """The account of ``key``, opened with the starting balance if it is new."""
        account = self.accounts.get(key)
        if account is None:
            account = self.accounts[key] = Account(key, self._starting_balance)
            self.deposited += self._starting_balance
        return account

    def open_sub(self, key: str, parent: str, name: str) -> Account:
        """A sub-account, empty at first."""
        account = self.accounts[key] = Account(key, 0)
        account.kind = "SubAccount"
        account.parent = parent
        account.name = name
        return account

    def open_multisig(self, key: str) -> Account:
        """An account of several signers, empty at first."""
        account = self.accounts[key] = Account(key, 0)
        account.kind = "Multisig"
        return account

    def open_internal(self, key: str) -> Account:
        """A background account without limits."""
        account = self.accounts[key] = Account(key, 0, internal=True)
        return account

    def deposit(self, account: Account, amount: int) -> None:
        account.cash += amount
        self.deposited += amount
