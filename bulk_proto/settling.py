"""Finding out what became of a transaction without an answer: by the account, sent anew after it."""

from __future__ import annotations

from .account import Account
from .calls import Call
from .enums import OrderStatus
from .errors import BulkError, OutcomeUnknown, UsageError
from .line import State
from .outgoing import Outgoing
from .settlement import is_open_question, settlement
from .subscriptions import Stream


class Settling(Outgoing):
    """The part of a :class:`~bulk_proto.core.ClientCore` that settles unknown outcomes."""

    def settle(
        self, unknown: OutcomeUnknown, now: float, timeout: float | None = None
    ) -> Call[dict[str, OrderStatus]]:
        """Find out what became of orders without an answer, by order id.

        The orders are those that were placed, and those that a cancel or a modification names. Resolves
        when the exchange has sent the whole account anew, after the next connection if there is none; at
        once when it has told the end of each order already. A status that lives or has ended is what the
        exchange said. ``GONE`` means not open: it has ended, or was never placed, and the account does not
        tell which. ``UNKNOWN`` means that the account is not subscribed, so that nothing can be known.
        Conditional orders are not in the result, since nobody can compute their ids: look at the account,
        which has been sent anew by then.

        On a link that stays open a ``GONE`` order may still be executed later: the transaction can wait
        in a queue of the exchange while the account is sent. So :meth:`resend` first, which brings an
        answer about the same bytes, and settle what stays unknown after that.

        Fails with ``RequestTimedOut`` when the account does not come in time; asking again is harmless.
        Raises ``NotConnected`` at once when there is something to wait for, but neither a connection nor
        one to come, and :class:`UsageError` for anything but an ``OutcomeUnknown``.
        """
        if not isinstance(unknown, OutcomeUnknown):
            raise UsageError("pass the OutcomeUnknown that place_orders() raised: only that can be settled")
        key = unknown.account or ""
        account = self.accounts.get(key)
        awaited = account is not None and is_open_question(unknown, account)
        if awaited:
            self._require_started()
        fresh = self._new_call(
            self._deadline(now, timeout), "the account was not sent in time: ask again, which is harmless"
        )
        if account is None or not awaited:
            fresh.resolve(None)
        else:
            self._wait_for_account(account, self._desk.posts.number_of(unknown._transaction), fresh, now)
        return fresh.then(lambda _: settlement(unknown, self.accounts.get(key)))

    def _wait_for_account(self, account: Account, request_id: int, fresh: Call[None], now: float) -> None:
        """Resolve ``fresh`` when the account has been sent as it stood after this request."""
        stream = ("account", account.pubkey)
        if self.state is State.OPEN and account.live:
            account.mark_stale()  # until then it is deaf, and whoever asks meanwhile waits for the same
            self._ask_again(stream, now)
            self._ask(now)
            self.subscriptions.expect(now)
        if not self._is_older(stream, request_id):
            self.subscriptions.wait(fresh, [stream])
            return
        older = self._new_call(fresh.deadline, "an account was asked for before the request, and not sent")

        def look() -> None:
            try:
                older.result()
            except BulkError as error:
                fresh.fail(error)
            else:
                if self._is_older(stream, request_id):
                    self._wait_for_account(account, request_id, fresh, now)
                else:
                    fresh.resolve(None)

        older.wake_with(look)
        self.subscriptions.wait(older, [stream])

    def _is_older(self, stream: Stream, request_id: int) -> bool:
        """Was a topic asked for before this request was sent, so that it may tell of the time before it?"""
        return stream in self.subscriptions.wanted and self._asked_after.get(stream, 0) < request_id
