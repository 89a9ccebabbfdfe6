"""The trading calls of ``BulkWebSocketClient``: orders, and what became of those without an answer."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Unpack

from bulk_proto import subscriptions as topics
from bulk_proto.actions import (
    Action,
    CancelAll,
    CancelOrder,
    LimitOrder,
    MarketOrder,
    ModifyOrder,
    OraclePrice,
    PythOracle,
)
from bulk_proto.enums import OrderStatus, Side, TimeInForce
from bulk_proto.errors import InvalidAction, OutcomeUnknown
from bulk_proto.responses import OrderResponse, OrderResponses
from bulk_proto.sending import Sending

from .asking import Asking


class Trading(Asking):
    """Orders at the market and on the book."""

    async def place_orders(
        self,
        actions: Sequence[Action],
        timeout: float | None = None,
        nonce: int | None = None,
        account: str | None = None,
    ) -> OrderResponses:
        """Sign the actions as one transaction, send it, and return one response for each, in their order.

        The exchange runs them in order, without others in between, but each may fail on its own: a
        failed cancel does not stop the order beside it. ``timeout`` is in seconds (default
        ``default_timeout``); ``nonce`` must be unique for the account (default: rising with the clock).

        Raises a ``NotSent`` (``NotConnected``, ``RateLimited``, ``Congested``) when nothing was sent, and so
        for a call that cannot work as made a ``UsageError`` (``SignerMissing``, ``InvalidAction``,
        ``InvalidKey`` for ``account``, ``NonceError``). ``TransactionRejected`` when the whole was refused.
        ``OutcomeUnknown`` when no clear answer came: ``RepetitionRefused`` under a ``nonce`` that was used
        before, ``RequestTimedOut`` or ``ConnectionDropped`` without any answer; the former of these is a
        ``TimeoutError`` (``asyncio.TimeoutError`` is the same class). Giving up the wait does not take back
        what was sent.
        """
        patience = self.default_timeout if timeout is None else timeout
        (responses,) = await self._do(
            lambda now: [self.core.place_orders(actions, now, timeout=patience, nonce=nonce, account=account)]
        )
        return responses

    async def _place(self, action: Action, sending: Sending) -> OrderResponse:
        responses = await self.place_orders([action], **sending)
        return responses[0]

    async def place_limit_order(
        self,
        symbol: str,
        side: Side,
        price: float | Decimal | str,
        size: float | Decimal | str,
        reduce_only: bool = False,
        time_in_force: TimeInForce = TimeInForce.GTC,
        timeout: float | None = None,
        nonce: int | None = None,
        account: str | None = None,
    ) -> OrderResponse:
        """One limit order; ``price`` in quote currency, ``size`` in base units. See :meth:`place_orders`."""
        order = LimitOrder(symbol, side, price, size, reduce_only, time_in_force)
        responses = await self.place_orders([order], timeout, nonce, account)
        return responses[0]

    async def place_market_order(
        self,
        symbol: str,
        side: Side,
        size: float | Decimal | str,
        reduce_only: bool = False,
        timeout: float | None = None,
        nonce: int | None = None,
        account: str | None = None,
    ) -> OrderResponse:
        """One market order; ``size`` in base units. See :meth:`place_orders`."""
        order = MarketOrder(symbol, side, size, reduce_only)
        responses = await self.place_orders([order], timeout, nonce, account)
        return responses[0]

    async def modify_order(
        self, symbol: str, order_id: str, size: float | Decimal | str, **sending: Unpack[Sending]
    ) -> OrderResponse:
        """Give an open order another ``size``, in base units; its price stays. See :meth:`place_orders`."""
        return await self._place(ModifyOrder(symbol, order_id, size), sending)

    async def cancel_order(
        self,
        side: Side,
        symbol: str,
        order_id: str,
        timeout: float | None = None,
        nonce: int | None = None,
        account: str | None = None,
    ) -> OrderResponse:
        """Cancel one order. ``side`` is part of the documented call; the exchange goes by ``order_id``."""
        responses = await self.place_orders([CancelOrder(symbol, order_id, side)], timeout, nonce, account)
        return responses[0]

    async def cancel_all(
        self,
        symbols: Sequence[str] | None = None,
        timeout: float | None = None,
        nonce: int | None = None,
        account: str | None = None,
    ) -> OrderResponse:
        """Cancel every open order, or those of ``symbols``.

        The response is about one of the cancelled orders, its ``events`` about each of the others; where
        no order is open it is an error, ``CANCEL_REJECT``.

        An empty list raises :class:`UsageError`: it names no market, and must not cancel in all of them.
        """
        cancel = CancelAll(topics.markets(symbols))
        responses = await self.place_orders([cancel], timeout, nonce, account)
        return responses[0]

    async def update_oracle(
        self,
        actions: Sequence[OraclePrice | PythOracle],
        timeout: float | None = None,
        nonce: int | None = None,
        account: str | None = None,
    ) -> OrderResponses:
        """Report oracle prices (needs an account with that right). See :meth:`place_orders`.

        Raises ``InvalidAction`` for actions of any other kind.
        """
        if not all(isinstance(action, OraclePrice | PythOracle) for action in actions):
            raise InvalidAction("update_oracle() takes OraclePrice and PythOracle: use place_orders()")
        return await self.place_orders(actions, timeout, nonce, account)

    async def settle(self, unknown: OutcomeUnknown, timeout: float | None = None) -> dict[str, OrderStatus]:
        """Find out what became of orders whose outcome is unknown, by order id.

        ``error.settle()`` asks the client that raised the error; another client of the same account can be
        asked as well. Waits for the whole account from the exchange, over the next connection if there is
        none. ``GONE`` means not open now: it has ended, or was not placed yet, and the account does not
        tell which; a transaction that is still on its way may be executed later. So :meth:`resend` first
        where the order is still wanted: the same bytes cannot execute twice. ``UNKNOWN`` means that the
        account is not subscribed. Raises ``RequestTimedOut`` when the account does not come in time, and
        ``NotConnected`` when none can come; asking again is harmless.

        Conditional orders are not in the result, since nobody can compute their ids, nor is what is no
        order: by then the account has been sent anew, so look at ``get_orders()``, ``leverage_settings`` or
        ``margin``.
        """
        patience = self.default_timeout if timeout is None else timeout
        (statuses,) = await self._do(lambda now: [self.core.settle(unknown, now, patience)])
        return statuses

    async def resend(self, unknown: OutcomeUnknown, timeout: float | None = None) -> OrderResponses:
        """Send the same signed bytes again: the one way to repeat that cannot double an order.

        An error of an order, ``rejected_duplicate`` for example, does not say that nothing was executed: ask
        :meth:`settle`. Nor does ``RepetitionRefused``, raised for what is refused as a whole. Apart from that
        it raises what :meth:`place_orders` does.
        """
        patience = self.default_timeout if timeout is None else timeout
        (responses,) = await self._do(lambda now: [self.core.resend(unknown, now, patience)])
        return responses
