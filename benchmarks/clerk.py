"""An exchange that believes every order: it answers at once, so that a round trip is what the client takes.

``python -m benchmarks.clerk`` prints its port and serves one connection after the other until its input ends.
It checks no signature and knows no money: an order rests, a cancelled one is gone. Each is told twice, in the
answer and on the account's stream, in the words and the order of :mod:`bulk_proto.exchange`.
"""

from __future__ import annotations

import socket
from typing import Any

from msgspec.json import decode, encode

from bulk_proto.signing.order_id import order_id

from .other_end import serve_until_input_ends
from .server_bytes import account_snapshot, confirmation, frame, requests

_NOW = 1_767_225_600_000_000_000  # ns


class Clerk:
    """Knows the orders of the account that it serves."""

    def __init__(self) -> None:
        self._orders: dict[str, dict[str, Any]] = {}

    def serve(self, sock: socket.socket) -> None:
        for request in map(decode, requests(sock)):
            sock.sendall(b"".join(frame(text) for text in self._answers(request)))

    def _answers(self, request: dict[str, Any]) -> list[bytes]:
        if request["method"] == "subscribe":
            asked = request["subscription"]
            accounts = [account_snapshot(one["user"]) for one in asked if one["type"] == "account"]
            return [confirmation(asked), *accounts]
        transaction = request["request"]["payload"]
        told = [
            self._perform(action, seqno, transaction) for seqno, action in enumerate(transaction["actions"])
        ]
        rows = [{order["status"]: {"oid": order["oid"]}} for order in told]
        return [_reply(request["id"], rows), *(_update(transaction["account"], order) for order in told)]

    def _perform(self, action: dict[str, Any], seqno: int, transaction: dict[str, Any]) -> dict[str, Any]:
        if (cancel := action.get("cx")) is not None:
            return self._orders.pop(cancel["oid"]) | {"status": "cancelled", "sz": 0.0}
        oid = order_id(action, seqno, int(transaction["nonce"]), transaction["account"])
        assert oid is not None
        body = action["l"]
        size = float(body["sz"]) * (1.0 if body["b"] else -1.0)  # the released client sends numbers as text
        order = self._orders[oid] = {
            "type": "orderUpdate",
            "ot": "limit",
            "status": "resting",
            "sym": body["c"],
            "oid": oid,
            "px": float(body["px"]),
            "origSz": size,
            "sz": size,
            "fillSz": 0.0,
            "vwap": 0.0,
            "tif": "postOnly",
            "r": body["r"],
            "mk": True,
            "trigger": None,
            "ts": _NOW,
            "reason": None,
            "iso": False,
        }
        return order


def _reply(request_id: int, rows: list[dict[str, Any]]) -> bytes:
    payload = {"status": "ok", "response": {"type": "order", "data": {"statuses": rows}}}
    return encode({"type": "post", "id": request_id, "data": {"type": "action", "payload": payload}})


def _update(account: str, order: dict[str, Any]) -> bytes:
    return encode({"type": "account", "topic": f"account.{account}", "data": order})


if __name__ == "__main__":
    serve_until_input_ends(Clerk())
