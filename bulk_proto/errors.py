"""Every exception this library raises on purpose, sorted by what the caller may do next.

* :class:`UsageError`: the call cannot work as made; nothing was sent. Fix the call.
* :class:`NotSent`: nothing left this process. Safe to try again.
* :class:`Rejected`: the exchange said no. Nothing happened.
* :class:`OutcomeUnknown`: no clear answer came. It may have happened: look before trying again.
* :class:`LinkError`: the connection could not be made or kept.

All of them can be pickled and copied, so they come out of the workers of a pool as they were raised there.
No message contains a private key, a signature or a whole order; of public keys it shows four letters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .signing.transaction import Transaction


class BulkError(Exception):
    """Root of the tree: ``except BulkError`` catches all that is raised here."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Both copy and pickle come this way, past __init__, which may take something else than args.
        return _rebuilt, (type(self), self.args), self.__getstate__()


def _rebuilt(kind: type[BulkError], args: tuple[Any, ...]) -> BulkError:
    error = kind.__new__(kind)
    error.args = args
    return error


class UsageError(BulkError):
    """The caller asked for what cannot be done. Nothing was sent."""


class InvalidAction(UsageError, ValueError):
    """An action carries a value the exchange cannot accept (NaN, negative size, bad key, ...)."""


class InvalidKey(UsageError, ValueError):
    """A key, order id or signature is not what it should be. The text never contains the key."""


class NonceError(UsageError, ValueError):
    """A nonce outside 0 to 2**64 - 1, or no larger one left. Numbers used up do not come back."""


class SignerMissing(UsageError, RuntimeError):
    """A trading call on a client that was made without a signer."""

    def __init__(self) -> None:
        super().__init__(
            "trading needs a signer: pass signer=TransactionSigner(<base58 private key>) to the client"
        )


class SubscriptionLimit(UsageError):
    """More topics than the exchange allows on one connection (100)."""


class NotSent(BulkError):
    """The request did not leave this process: it certainly had no effect."""


class NotConnected(NotSent, RuntimeError):
    """A request was made while no WebSocket was open."""


class RateLimited(NotSent):
    """The exchange's limit of messages per second is reached: try again in ``retry_after`` seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(
            "nothing was sent: one more message this second could make the exchange disconnect; "
            f"put several orders into one place_orders(), or try again in {retry_after:.3f} s"
        )
        self.retry_after = retry_after


class Congested(NotSent):
    """The exchange takes no bytes on this connection: an order would wait here and be sent too late."""


class RequestError(BulkError):
    """A request left this process and did not succeed."""


class Rejected(RequestError):
    """The exchange answered, and the answer was no: nothing was applied."""


class TransactionRejected(Rejected, RuntimeError):
    """The exchange refused a whole transaction, for its signature, nonce or shape."""


class SubscriptionRefused(Rejected, RuntimeError):
    """The exchange refused a subscription; the message names the topic."""


class OutcomeUnknown(RequestError):
    """No answer came, or none that tells: the request may or may not have taken effect.

    An answer tells nothing when it cannot be understood, or is a time-out of the exchange itself.

    For transactions, ``nonce``, ``account`` and ``order_ids`` (one per action: the order it places, cancels
    or modifies; None where nobody can compute its id, as for conditional orders, or where it concerns no
    single order) tell what to look for in the account. They are None and empty for other requests.
    :meth:`settle` finds out what became of the orders with ids and has the account sent anew, which shows
    the rest; a client's ``resend(error)`` sends the same bytes again.

    A copy, pickled or not, holds neither the signed bytes nor the client: pass it to ``client.settle(error)``
    of any client, which goes by ``order_ids``. It cannot be resent.
    """

    def __init__(
        self,
        message: str,
        *,
        nonce: int | None = None,
        account: str | None = None,
        order_ids: Sequence[str | None] = (),
        transaction: Transaction | None = None,
    ) -> None:
        super().__init__(message)
        self.nonce = nonce
        self.account = account
        self.order_ids = tuple(order_ids)
        self._transaction = transaction
        self._settle: Callable[[OutcomeUnknown, float | None], Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_transaction": None, "_settle": None}

    def settle(self, timeout: float | None = None) -> Any:
        """What became of the orders: a dict of ``OrderStatus`` by order id, from the client that raised this.

        ``await error.settle()`` on asyncio and trio, plain ``error.settle()`` in the blocking client; see
        the client's method of this name, which takes the error and so can be another client's. Raises
        :class:`UsageError` when no client raised this error.
        """
        if self._settle is None:
            raise UsageError("no client raised this error: ask a client or a core of yours to settle(error)")
        return self._settle(self, timeout)

    def settle_with(self, settle: Callable[[OutcomeUnknown, float | None], Any]) -> None:
        """For clients: who answers :meth:`settle`."""
        self._settle = settle


class RequestTimedOut(OutcomeUnknown, TimeoutError):
    """The deadline passed without an answer. It is a ``TimeoutError``, as documented."""


class ConnectionDropped(OutcomeUnknown):
    """The connection ended before the answer came."""


class RepetitionRefused(OutcomeUnknown):
    """A transaction that was sent before was refused this time, for its nonce perhaps.

    That says nothing about the first time, which may have been what used the nonce up: :meth:`settle` it.
    """


class LinkError(BulkError):
    """The connection could not be established or kept; told by ``last_error`` of a client."""


class TlsError(LinkError):
    """No TLS: the certificate was not accepted, or the handshake failed. The text says why and what to do."""


class ProxyError(LinkError):
    """The proxy could not be reached or would not connect. The text holds neither user nor password."""


class HandshakeRejected(LinkError):
    """The server answered the WebSocket upgrade with something else than 101."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the server refused the WebSocket handshake with HTTP {status}: {_remedy(status)}")
        self.status = status


def _remedy(status: int) -> str:
    match status:
        case 401 | 403:
            return "this address wants credentials, or does not serve you"
        case 429:
            return "too many connections from here, try again later"
        case _ if status >= 500:
            return "it is not ready, try again later"
        case _:
            return "is the address that of the exchange's WebSocket?"
