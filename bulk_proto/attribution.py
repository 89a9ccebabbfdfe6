"""Which action each row of a reply answers: by order id and by kind of row, never by position.

The exchange sends one row per execution event, in no promised order: an action may get several rows or
none, and a failed action may be reported before its predecessors. So rows are handed out from the surest
sign to the weakest: an id that an action placed or named, a kind that only one action can cause, an id
that nobody knows, and at last elimination. What stays ambiguous is left over rather than guessed.

A transaction can change other orders too: end one that it crosses, or the sibling of one that fires. Such
a row answers nothing. It can only be told by the order's having been there before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from .actions import Action
from .enums import OrderStatus
from .replies import Row
from .responses import OrderResponse, OrderResponses
from .rows import ACKNOWLEDGED, causes_of, status_of
from .telling import RANK, Asked, Said, named_by

_REFUSALS = (
    OrderStatus.REJECTED,
    OrderStatus.REJECTED_RISKLIMIT,
    OrderStatus.REJECTED_INVALID,
    OrderStatus.REJECTED_CROSSING,
    OrderStatus.ERROR,
)
_LESS_PLAIN = (OrderStatus.CANCEL_REJECT, OrderStatus.ACKNOWLEDGED)


def attribute(
    rows: Sequence[Row],
    actions: Sequence[Action],
    order_ids: Sequence[tuple[str, ...]],
    was_there: Callable[[str], bool] = lambda order_id: False,
) -> OrderResponses:
    """The responses to one admitted transaction.

    ``order_ids`` has an entry for each action: the ids its order may have, as far as they could be
    computed. ``was_there`` tells which orders are older than the transaction: rows about those that no
    action names are left over. Nothing in ``rows`` raises; ``ValueError`` when the two other lists differ
    in length.
    """
    plain = _plainly(rows, actions, order_ids)
    if plain is not None:
        return plain
    asked = [Asked(action, ids) for action, ids in zip(actions, order_ids, strict=True)]
    said = [Said(position, row, status_of(row), causes_of(row)) for position, row in enumerate(rows)]
    said, others = _about_others(said, asked, was_there)
    lacking = _due_rows(said)
    if len(asked) == 1:
        asked[0].answers = said
        said = []
    # The order of the rows must not matter, so the most telling one has the first choice.
    said.sort(key=lambda one: RANK[one.status])
    said, contested = _by_id(said, asked)
    # A failure that names no order may be meant for any action that is not answered otherwise.
    failures = any(one.status.is_error() and _is_anonymous(one) for one in said)
    said = _by_kind(said, asked)
    said = _by_unknown_id(said, asked)
    said = _by_elimination(said, asked)
    in_doubt = failures or any(one.status.is_error() for one in said)
    left = sorted(said + contested + others, key=lambda one: one.position)
    return OrderResponses((one.response(in_doubt, lacking) for one in asked), (one.row for one in left))


def _plainly(
    rows: Sequence[Row], actions: Sequence[Action], order_ids: Sequence[tuple[str, ...]]
) -> OrderResponses | None:
    """The same for nearly every reply, where each action has one row, which names its order; else None."""
    if len(rows) != len(actions):
        return None
    places: dict[str, int] = {}
    for place, (action, own_ids) in enumerate(zip(actions, order_ids, strict=True)):
        for order_id in own_ids or named_by(action):
            if places.setdefault(order_id, place) != place:
                return None
    responses: dict[int, OrderResponse] = {}
    for row in rows:
        told, status = row.order_id, status_of(row)
        owner = places.get(told or "")
        if owner is None or status in _LESS_PLAIN:
            return None
        responses[owner] = OrderResponse(told, status, row.message, row.body)
    if len(responses) != len(rows):
        return None
    return OrderResponses([responses[place] for place in range(len(rows))])


def _about_others(
    said: list[Said], asked: Sequence[Asked], was_there: Callable[[str], bool]
) -> tuple[list[Said], list[Said]]:
    """Rows that may answer something, and those about older orders that nobody named.

    Cancelling all orders names each, but what else was asked may have ended one too. A duplicate is
    reported under the id of the older order.
    """
    named = {order_id for one in asked for order_id in one.ids}
    cancels_all = any(one.tag == "cxa" for one in asked)
    ours: list[Said] = []
    others: list[Said] = []
    for one in said:
        order_id = one.order_id
        is_answer = (
            order_id is None
            or order_id in named
            or one.status is OrderStatus.REJECTED_DUPLICATE
            or (cancels_all and ("cxa" in one.tags or (one.status.is_cancelled() and len(asked) == 1)))
            or not was_there(order_id)
        )
        (ours if is_answer else others).append(one)
    return ours, others


def _due_rows(said: Sequence[Said]) -> tuple[str, ...]:
    """Tags of actions that have a row of their own in this reply, if they were carried out.

    One without rows says that all was done. What cancelling all has ended may be told as the end of an order.
    """
    if not said:
        return ()
    return ("cx",) if any(told.status is OrderStatus.CANCELLED for told in said) else ("cx", "cxa")


def _by_id(said: list[Said], asked: Sequence[Asked]) -> tuple[list[Said], list[Said]]:
    """Rows whose id an action placed, cancels or modifies go to it. Returns others and contested ones."""
    placing: dict[str, list[Asked]] = {}
    naming: dict[tuple[str, str | None], list[Asked]] = {}
    for one in asked:
        for order_id in one.own_ids:
            placing.setdefault(order_id, []).append(one)
        naming.setdefault((one.tag, one.named_id), []).append(one)
    placed_ids = {told.order_id for told in said if told.status.is_placed()}
    left, contested = [], []
    for told in said:
        order_id = told.order_id or ""
        placed = placing.get(order_id, [])
        cancelled, modified = naming.get(("cx", order_id), []), naming.get(("mod", order_id), [])
        match told.status:
            case OrderStatus.CANCEL_REJECT:
                owners = cancelled  # no order is finished by a cancel that found nothing
            case OrderStatus.CANCELLED:
                owners = cancelled or placed or modified
            case OrderStatus.MODIFIED:
                owners = modified or placed or cancelled
            case status if status in _REFUSALS and order_id in placed_ids:
                owners = modified or placed or cancelled  # it was placed: the change was refused
            case _:
                owners = placed or modified or cancelled
        if not owners:
            left.append(told)
        elif owners is modified and _results_differ(said, order_id, modified):
            contested.append(told)
            for one in owners:
                one.is_contested = True
        else:  # of several cancels of one order, the first worked and the next found nothing
            min(owners, key=lambda one: len(one.answers)).answers.append(told)
    return left, contested


def _results_differ(said: list[Said], order_id: str, modified: Sequence[Asked]) -> bool:
    """Of several changes of one order, which had which of several results? Rows are in no promised order."""
    return len(modified) > 1 and len({told.status for told in said if told.order_id == order_id}) > 1


def _by_kind(said: list[Said], asked: Sequence[Asked]) -> list[Said]:
    """Rows that only one kind of action causes go to the only action of that kind."""
    groups: dict[tuple[str, ...], list[Said]] = {}
    for told in said:
        groups.setdefault(told.tags, []).append(told)
    left = groups.pop((), [])
    for tags, rows in groups.items():
        left += _give(rows, [one for one in asked if one.tag in tags and one.is_unanswered])
    return left


def _by_unknown_id(said: list[Said], asked: Sequence[Asked]) -> list[Said]:
    """Ids that nobody knows, and that did not only end, belong to the only order whose id is not computed."""
    ids = {told.order_id for told in said if told.status.is_placed() or told.status.is_error()} - {None}
    strangers = [told for told in said if told.order_id in ids and not told.tags]
    others = [told for told in said if told.order_id not in ids or told.tags]
    nameless = [one for one in asked if one.is_order and one.is_unanswered and not one.ids]
    return others + _give(strangers, nameless)


def _by_elimination(said: list[Said], asked: Sequence[Asked]) -> list[Said]:
    """Rows without an id that any action may cause belong to the only action that is unanswered.

    While a row tells of a placed order, any of those may have placed it.
    """
    anonymous = [told for told in said if _is_anonymous(told)]
    others = [told for told in said if not _is_anonymous(told)]
    if any(told.status.is_placed() for told in others):
        return said
    return others + _give(anonymous, [one for one in asked if one.is_unanswered])


def _is_anonymous(told: Said) -> bool:
    return told.order_id is None and told.tags in ((), ACKNOWLEDGED)


def _give(rows: list[Said], owners: Sequence[Asked]) -> list[Said]:
    """Give the rows to their only possible owner, or one and the same failure to each of as many owners.

    Returns the rows that could not be given to anyone.
    """
    if len(owners) == 1:
        owners[0].answers += rows
        return []
    if rows and len(rows) == len(owners) and _all_failed_alike(rows):
        failure = _common(rows)
        for one in owners:
            one.answers.append(failure)
        return []
    return rows


def _all_failed_alike(rows: Sequence[Said]) -> bool:
    return rows[0].status.is_error() and all(told.status is rows[0].status for told in rows)


def _common(rows: Sequence[Said]) -> Said:
    """What can be said of each of several actions that all failed, when it is unknown which failed how."""
    first = rows[0]
    if all(told.row == first.row for told in rows):
        return first
    messages = sorted({told.row.message for told in rows if told.row.message is not None})
    body = {"message": "; ".join(messages)} if messages else {}
    return replace(first, row=Row(first.row.kind, body))
