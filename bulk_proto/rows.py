"""What one row of a reply says: a status, and which actions can have caused it.

Rows that tell the state of an order say nothing of their cause: it is told by their id.
"""

from __future__ import annotations

import re
from typing import Any

from .enums import OrderStatus
from .replies import Row
from .wire.values import number

# Rows that are no states of an order, by kind in lower case, and the tags of the actions that cause them.
_PROPOSAL = ("msp", "msa", "msr", "msc", "mse")
_DONE = {
    "deposit": ("faucet",),
    "agentwallet": ("agentWalletCreation",),
    "transfer": ("transfer",),
    "createsubaccount": ("createSubAccount",),
    "removesubaccount": ("removeSubAccount",),
    "renamesubaccount": ("renameSubAccount",),
    "multisigcreated": ("createMultisig",),
    "proposalcreated": _PROPOSAL,
    "proposalapproved": _PROPOSAL,
    "proposalreadyforexecution": _PROPOSAL,
    "proposalexecuted": _PROPOSAL,
    "proposalcancelled": _PROPOSAL,
    "proposalrejected": _PROPOSAL,
}
_FAILED = {f"{kind}failed": tags for kind, tags in _DONE.items()} | {
    "proposalfailed": _PROPOSAL,
    "proposalexpired": _PROPOSAL,
}
# Actions that have no row of their own and are answered by a bare "ack".
ACKNOWLEDGED = ("abc", "rbc", "of", "updateUserSettings", "whitelistFaucet", "px", "o", "mod")

_TIME_OUT = re.compile(r"tim(?:e|ed)[\s_-]?out", re.IGNORECASE)


def tells_of_time_out(text: str | None) -> bool:
    """True for the exchange's own time-out: its gateway waits 2 s for what executes the transaction.

    A failure with such a text is none: nobody waited long enough to see what became of the order.
    """
    return text is not None and _TIME_OUT.search(text) is not None


def status_of(row: Row) -> OrderStatus:
    """What the row says of its order or action.

    UNKNOWN for a word this version does not know, and for an error that is a time-out of the exchange.
    """
    kind = _kind_of(row)
    if kind in _DONE:
        return OrderStatus.ACKNOWLEDGED
    status = OrderStatus.ERROR if kind in _FAILED else OrderStatus.from_string(kind)
    if status is OrderStatus.ACKNOWLEDGED and row.body.get("ok") is False:
        status = OrderStatus.ERROR
    if status is OrderStatus.ERROR and tells_of_time_out(row.message):
        return OrderStatus.UNKNOWN
    return status


def causes_of(row: Row) -> tuple[str, ...]:
    """The tags of the only actions that cause such rows; () when any may."""
    match _kind_of(row):
        case "ack":
            return ACKNOWLEDGED
        case "cancelonerejected":
            return ("cx",)
        case "cancelallrejected" | "cancelled":
            return ("cxa",)
        case kind:
            return _DONE.get(kind) or _FAILED.get(kind, ())


def number_in(body: dict[str, Any], *names: str) -> float | None:
    """The first of these fields that is a number, without its sign: sizes of a reply are signed."""
    for name in names:
        value = number(body.get(name))
        if value is not None:
            return abs(value)
    return None


def _kind_of(row: Row) -> str:
    return row.kind.casefold().replace("canceled", "cancelled")
