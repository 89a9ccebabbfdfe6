"""Open transactions: what was sent, who waits for the answer, and what an answer does to an account.

An answer is matched by request id alone. A transaction without an answer has an unknown outcome; it is
remembered for a while, so that an answer that comes late still brings the account up to date.

The first answer is the outcome. Whether a request can get more than one is not documented; of a further
one the ends of known orders are believed, as of any answer, and the rest is left to the account stream.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from itertools import chain
from typing import Any, TypeGuard

from msgspec import Struct

from .account import Account
from .actions import Action, LimitOrder, MarketOrder
from .attribution import attribute
from .calls import Call, Deadlines
from .enums import OrderStatus, SignatureDomain
from .errors import (
    ConnectionDropped,
    OutcomeUnknown,
    RepetitionRefused,
    RequestTimedOut,
    TransactionRejected,
)
from .events import OrderState
from .redaction import brief
from .replies import PostReply, Row, UnclearReply
from .responses import OrderResponse, OrderResponses
from .rows import number_in, status_of, tells_of_time_out
from .settlement import unknown_outcome
from .signing.transaction import Transaction

_LATE_ANSWERS_KEPT = 256
_SAYS_NOTHING = (OrderStatus.PENDING, OrderStatus.UNKNOWN)


class Repetition(Enum):
    """Was a transaction sent before? Each nonce works once, so a refusal of the second proves nothing."""

    NO = auto()
    MAYBE = auto()  # its nonce is the caller's choice: an earlier process may have used it
    YES = auto()


class _Sent(Struct, frozen=True):
    """A transaction on its way; ``newcomers`` is how many orders the exchange alone had told of before."""

    call: Call[OrderResponses]
    transaction: Transaction
    repetition: Repetition
    newcomers: int

    def may_have_happened(self, text: str) -> bool:
        """Does a refusal with this text leave open whether the transaction was executed, sent before?"""
        if self.repetition is Repetition.MAYBE:
            return "nonce" in text.casefold()
        return self.repetition is Repetition.YES


class Posts:
    """The transactions in flight on one link and the numbers that name them."""

    def __init__(
        self, deadlines: Deadlines, accounts: Mapping[str, Account], domain: SignatureDomain
    ) -> None:
        self._domain = domain
        self._deadlines = deadlines
        self._accounts = accounts  # those whose stream is subscribed, now and later
        self._open: dict[int, _Sent] = {}
        self._overdue: OrderedDict[int, _Sent] = OrderedDict()
        self.last_id = 0

    def number_of(self, transaction: Transaction | None) -> int:
        """The latest request on this link that sent this transaction and got no answer; 0 without one."""
        return max(
            (number for number, sent in self._overdue.items() if sent.transaction is transaction), default=0
        )

    def knows(self, transaction: Transaction) -> bool:
        """Has an order of this transaction been sent before, or heard of?"""
        account = self._accounts.get(transaction.account)
        return account is not None and any(
            account.find_order(order_id) is not None
            for order_id in chain.from_iterable(transaction.order_ids)
        )

    def add(
        self,
        transaction: Transaction,
        deadline: float,
        send: Callable[[int], None],
        repetition: Repetition,
    ) -> Call[OrderResponses]:
        """Open a request; its orders count as pending, so that an update may overtake the answer.

        ``send`` gets its number. The orders are put down after it, while the bytes are on their way.
        A refusal of a repetition proves nothing about the first: it changes no order.
        """
        self.last_id += 1
        request_id = self.last_id
        call: Call[OrderResponses] = Call(deadline)
        account = self._accounts.get(transaction.account)
        newcomers = 0 if account is None else account.newcomers
        self._open[request_id] = _Sent(call, transaction, repetition, newcomers)
        self._deadlines.add(call, lambda: self._expire(request_id))
        send(request_id)
        self._register(transaction)
        return call

    def answer(self, reply: PostReply) -> None:
        """Apply an answer; one that nobody asked for changes nothing."""
        if _is_time_out(reply):
            self._leave_open(reply.id, f"the exchange answered that it timed out ({brief(reply.text or '')})")
            return
        sent = self._open.pop(reply.id, None) or self._overdue.pop(reply.id, None)
        if sent is not None:
            if _was_applied(reply):
                responses = self._attribute(reply, sent)
                self._apply(sent, responses)
                self._end(reply.rows)
                sent.call.resolve(responses)
            else:
                self._refused(reply, sent)
        elif reply.ok and 0 < reply.id <= self.last_id:
            self._end(reply.rows)

    def _attribute(self, reply: PostReply, sent: _Sent) -> OrderResponses:
        transaction = sent.transaction
        account = self._accounts.get(transaction.account)

        def was_there(order_id: str) -> bool:
            return account is not None and account.knew(order_id, sent.newcomers)

        return attribute(reply.rows, transaction.actions, transaction.order_ids, was_there)

    def _refused(self, reply: PostReply, sent: _Sent) -> None:
        text = brief(reply.text or "") or "the exchange refused the transaction without a reason"
        if "signature" in text.casefold():
            text += f" (it was signed for {self._domain.name.lower()}: is that the network of this exchange?)"
        if sent.may_have_happened(reply.text or ""):
            self._doubt(sent.transaction)
            sent.call.fail(
                unknown_outcome(RepetitionRefused, f"refused when repeated ({text})", sent.transaction)
            )
        else:
            self._drop(sent.transaction)
            sent.call.fail(TransactionRejected(text))

    def refuse(self, request_id: int, text: str) -> None:
        """An ``error`` frame named this request: nothing was applied."""
        self.answer(PostReply(id=request_id, ok=False, rows=[], text=text))

    def unclear(self, reply: UnclearReply) -> None:
        """An answer says neither yes nor no: the outcome is unknown at once. A later answer still
        brings the account up to date.
        """
        self._leave_open(reply.id, f"the answer cannot be understood ({brief(reply.problem)})")

    def link_lost(self, reason: str) -> None:
        """Nobody will answer any more: every open request has an unknown outcome, at once."""
        lost, self._open = self._open, {}
        self._overdue.clear()
        for sent in lost.values():
            sent.call.fail(
                unknown_outcome(ConnectionDropped, f"{reason} before the exchange answered", sent.transaction)
            )

    def _leave_open(self, request_id: int, why: str) -> None:
        if request_id in self._open:
            self._give_up(request_id, OutcomeUnknown, why)

    def _expire(self, request_id: int) -> None:
        self._give_up(request_id, RequestTimedOut, "no answer in time")

    def _give_up(self, request_id: int, kind: type[OutcomeUnknown], why: str) -> None:
        sent = self._open.pop(request_id)
        self._overdue[request_id] = sent
        if len(self._overdue) > _LATE_ANSWERS_KEPT:
            self._overdue.popitem(last=False)
        self._doubt(sent.transaction)
        sent.call.fail(unknown_outcome(kind, why, sent.transaction))

    def _doubt(self, transaction: Transaction) -> None:
        """Nobody has told what became of these orders: the next snapshot does."""
        if (account := self._accounts.get(transaction.account)) is not None:
            account.doubt(chain.from_iterable(transaction.order_ids))

    def _register(self, transaction: Transaction) -> None:
        account = self._accounts.get(transaction.account)
        if account is None:
            return
        for action, candidates in zip(transaction.actions, transaction.order_ids, strict=True):
            if isinstance(action, (LimitOrder, MarketOrder)):
                for order_id in candidates:
                    others = tuple(other for other in candidates if other != order_id)
                    account.register(_pending(transaction.account, order_id, action), others)

    def _drop(self, transaction: Transaction) -> None:
        account = self._accounts.get(transaction.account)
        if account is not None:
            for candidates in transaction.order_ids:
                for order_id in candidates:
                    account.answered(order_id, OrderStatus.REJECTED)

    def _apply(self, sent: _Sent, responses: OrderResponses) -> None:
        transaction = sent.transaction
        account = self._accounts.get(transaction.account)
        if account is None:
            return
        orders = zip(transaction.actions, responses, transaction.order_ids, strict=True)
        for action, response, candidates in orders:
            told = response.order_id
            if told is not None and _is_placed_unawaited(action, response, candidates, account):
                others = tuple(other for other in candidates if other != told)
                account.register(_pending(transaction.account, told, action), others)
                _tell_one_of(account, (told, *others), response)
            elif told in candidates and not _says_nothing(response, sent):
                _tell_one_of(account, candidates, response)
            else:
                account.unmentioned(candidates)

    def _end(self, rows: Iterable[Row]) -> None:
        """Known orders that have ended by these rows, whichever action was the cause."""
        for row in rows:
            status = status_of(row)
            if row.order_id is not None and status.is_terminal() and not status.is_error():
                for account in self._accounts.values():
                    known = account.find_order(row.order_id)
                    if known is not None and known.status is not status:
                        _tell(account, row.order_id, status, row.body, row.message)


def _was_applied(reply: PostReply) -> bool:
    """A refusal that tells of an order that was placed or cancelled is none.

    Who believed it would place the order twice.
    """
    return reply.ok or any(
        (status := status_of(row)).is_placed() or status.is_cancelled() for row in reply.rows
    )


def _is_time_out(reply: PostReply) -> bool:
    return tells_of_time_out(reply.text) and not _was_applied(reply)


def _is_placed_unawaited(
    action: Action, response: OrderResponse, candidates: tuple[str, ...], account: Account
) -> TypeGuard[LimitOrder | MarketOrder]:
    """True for an order that lives or was executed under an id that was not computed, or is known no more."""
    told = response.order_id or ""
    has_ids = isinstance(action, (LimitOrder, MarketOrder))
    is_awaited = told in candidates and account.find_order(told) is not None
    return has_ids and response.status.is_placed() and not is_awaited


def _says_nothing(response: OrderResponse, sent: _Sent) -> bool:
    """True when the order may live or not; a repetition may have failed because the first had landed.

    One that is refused as a duplicate has.
    """
    status = response.status
    if status in _SAYS_NOTHING:
        return True
    return (
        sent.repetition is Repetition.YES
        and status.is_error()
        and status is not OrderStatus.REJECTED_DUPLICATE
    )


def _tell_one_of(account: Account, order_ids: Iterable[str], response: OrderResponse) -> None:
    """Of several ids only the one that was told is real: the others were never orders."""
    for order_id in order_ids:
        status = response.status if order_id == response.order_id else OrderStatus.REJECTED
        _tell(account, order_id, status, response.meta, response.message)


def _tell(
    account: Account, order_id: str, status: OrderStatus, body: dict[str, Any], message: str | None
) -> None:
    account.answered(
        order_id,
        status,
        size_left=number_in(body, "remainingSz"),
        size_done=number_in(body, "totalSz", "filledSz"),
        vwap=number_in(body, "avgPx", "vwap"),
        error=message,
    )


def _pending(account: str, order_id: str, action: LimitOrder | MarketOrder) -> OrderState:
    limit = action if isinstance(action, LimitOrder) else None
    return OrderState(
        account=account,
        symbol=action.symbol,
        order_id=order_id,
        status=OrderStatus.PENDING,
        side=action.side,
        price=float(limit.price) if limit else 0.0,
        size=float(action.size),
        size_orig=float(action.size),
        size_done=0.0,
        vwap=0.0,
        timestamp=None,
        reduce_only=action.reduce_only,
        order_type="limit" if limit else "market",
        tif=limit.time_in_force if limit else None,
        iso=action.iso,
    )
