"""Answers to requests as clients read them: confirmations, errors, and a row for each thing that happened."""

from __future__ import annotations

from bulk_proto.enums import OrderStatus

from .account_messages import status_word
from .config import Dialect
from .market_messages import Json
from .orders import Order
from .units import from_units

Row = dict[str, Json]

ACKNOWLEDGED: Row = {"ack": {"ok": True}}


def order_row(order: Order, dialect: Dialect) -> Row:
    """What became of an order, as one row."""
    body: Json = {"oid": order.id}
    match order.status:
        case OrderStatus.WORKING:
            body |= {
                "filledSz": from_units(order.sign * order.filled),
                "remainingSz": from_units(order.sign * order.remaining),
                "vwap": order.average_price,
            }
        case OrderStatus.FILLED | OrderStatus.PARTIALLY_FILLED:
            body |= {"totalSz": from_units(order.sign * order.filled), "avgPx": order.average_price}
        case OrderStatus.CANCELLED_IOC:
            body["filledSz"] = from_units(order.sign * order.filled)
        case _ if order.reason is not None:
            body["reason"] = order.reason
        case _:
            pass
    return {status_word(order.status, dialect): body}


def row(kind: str, **body: object) -> Row:
    return {kind: body}


def error_row(message: str) -> Row:
    return {"error": {"message": message}}


def post_reply(request: int, rows: list[Row], dialect: Dialect, *, ok: bool = True) -> Json:
    match rows:
        case [{"ack": acknowledged}] if dialect.ack_replies:
            return {"type": "post", "id": request, "data": {"type": "ack", **acknowledged}}
    payload = {
        "status": "ok" if ok else "error",
        "response": {"type": "order", "data": {"statuses": rows}},
    }
    return {"type": "post", "id": request, "data": {"type": "action", "payload": payload}}


def error_frame(message: str, request: int | None = None) -> Json:
    frame: Json = {"type": "error", "error": {"message": message}}
    return frame if request is None else frame | {"id": request}


def subscription_response(topics: list[str]) -> Json:
    return {"type": "subscriptionResponse", "topics": topics}


def unsubscribe_response(topic: str) -> Json:
    return {"type": "unsubscribeResponse", "topic": topic}
