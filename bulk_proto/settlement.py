"""What became of a transaction without an answer, as far as the account tells.

A transaction concerns the orders that it places and those that it names to cancel or modify. One that
cancels all orders concerns any of the account, and nobody can compute the ids of conditional orders: such a
transaction is settled by the account sent anew, where the application looks. Where the exchange may give an
order one of two ids, either may be the real one; both are spoken of by the first.
"""

from __future__ import annotations

from .account import Account
from .actions import (
    CancelAll,
    CancelOrder,
    ModifyOrder,
    OnFill,
    Range,
    Stop,
    TakeProfit,
    TrailingStop,
    TriggerBasket,
)
from .enums import OrderStatus
from .errors import OutcomeUnknown
from .signing.transaction import Transaction

# Actions about orders whose ids cannot be computed: only the account tells what became of those.
_OF_UNKNOWN_ORDERS = (CancelAll, Stop, TakeProfit, Range, TrailingStop, TriggerBasket, OnFill)


def concerned(transaction: Transaction) -> list[tuple[str, ...]]:
    """For each action the ids its order may have; empty where it has none or names none."""
    return [
        (action.oid,) if isinstance(action, (CancelOrder, ModifyOrder)) else candidates
        for action, candidates in zip(transaction.actions, transaction.order_ids, strict=True)
    ]


def unknown_outcome(kind: type[OutcomeUnknown], why: str, transaction: Transaction) -> OutcomeUnknown:
    """The error that a transaction without a clear answer ends with; ``why`` is for people."""
    ids = [candidates[0] if candidates else None for candidates in concerned(transaction)]
    finds_out = "after error.settle() the account shows it" if None in ids else "error.settle() finds out"
    return kind(
        f"{why}: the transaction may or may not have been executed; {finds_out}, and only "
        "client.resend(error) repeats it without doubling anything",
        nonce=transaction.nonce,
        account=transaction.account,
        order_ids=ids,
        transaction=transaction,
    )


def is_open_question(unknown: OutcomeUnknown, account: Account) -> bool:
    """False when the exchange has told the end of every order concerned."""
    transaction = unknown._transaction
    if transaction is None:  # a copy from another process, which may hide such an action behind a None
        asks_for_all = None in unknown.order_ids
    else:
        asks_for_all = any(isinstance(action, _OF_UNKNOWN_ORDERS) for action in transaction.actions)
    return asks_for_all or not all(_status(account, ids).is_terminal() for ids in _ids(unknown))


def settlement(unknown: OutcomeUnknown, account: Account | None) -> dict[str, OrderStatus]:
    """The status of each order concerned; UNKNOWN where nobody can tell."""
    if account is None:
        return {ids[0]: OrderStatus.UNKNOWN for ids in _ids(unknown)}
    return {ids[0]: _after_snapshot(account, ids) for ids in _ids(unknown)}


def _after_snapshot(account: Account, ids: tuple[str, ...]) -> OrderStatus:
    """A fresh snapshot lists what is open, so what is not known at all is not open."""
    known = [order.status for order_id in ids if (order := account.find_order(order_id)) is not None]
    return min(known, key=_least_telling, default=OrderStatus.GONE)


def _status(account: Account, ids: tuple[str, ...]) -> OrderStatus:
    """As the exchange told it: our own guess that an order is gone is no knowledge."""
    status = _after_snapshot(account, ids)
    return OrderStatus.UNKNOWN if status is OrderStatus.GONE else status


def _least_telling(status: OrderStatus) -> int:
    """0 for what the exchange said, more for what we assume."""
    match status:
        case OrderStatus.PENDING:
            return 1
        case OrderStatus.GONE:
            return 2
        case _:
            return 0


def _ids(unknown: OutcomeUnknown) -> list[tuple[str, ...]]:
    if unknown._transaction is not None:
        return [ids for ids in concerned(unknown._transaction) if ids]
    return [(order_id,) for order_id in unknown.order_ids if order_id is not None]
