"""The exchange's end of a link, for tests of the core: wsproto's server half and a list of what it heard."""

from __future__ import annotations

import json
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto import events as ws

from bulk_proto import subscriptions as topics
from bulk_proto.config import Config
from bulk_proto.core import ClientCore
from bulk_proto.enums import SignatureDomain
from bulk_proto.events import Event
from bulk_proto.signing.signer import TransactionSigner

SEED = "1thX6LZfHDZZKUs92febYZhYRcXddmzfzF2NvTkPNE"  # of the published test key 00 01 .. 1f
KEY = "FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF"
OTHER_KEY = "GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB"


class Peer:
    """Feed it the client's bytes with :meth:`hear`; what it says goes straight into the client."""

    def __init__(self, core: ClientCore) -> None:
        self.core = core
        self.heard: list[dict[str, Any]] = []
        self.pings = 0
        self.close_code: int | None = None
        self._ws = WSConnection(ConnectionType.SERVER)

    def hear(self) -> list[dict[str, Any]]:
        """Take what the client wants to send; returns the new messages."""
        before = len(self.heard)
        told = self.core.has_data_to_send
        data = self.core.data_to_send()
        assert told == bool(data)
        if data:
            self._ws.receive_data(data)
        for event in self._ws.events():
            match event:
                case ws.TextMessage():
                    self.heard.append(json.loads(event.data))
                case ws.Ping():
                    self.pings += 1
                case ws.CloseConnection():
                    self.close_code = int(event.code)
                case _:
                    pass
        return self.heard[before:]

    def accept(self) -> bytes:
        self.hear()
        return self._ws.send(ws.AcceptConnection())

    def frame(self, *messages: Any) -> bytes:
        return b"".join(
            self._ws.send(ws.TextMessage(data=message if isinstance(message, str) else json.dumps(message)))
            for message in messages
        )

    def close_frame(self, code: int = 1000) -> bytes:
        return self._ws.send(ws.CloseConnection(code=code))

    def say(self, *messages: Any, now: float = 1.0) -> list[Event]:
        """Send messages; returns the events they caused."""
        self.core.events()
        self.core.receive_data(self.frame(*messages), now)
        return self.core.events()


def make_core(*, signed: bool = True, **settings: Any) -> ClientCore:
    config = Config(
        url="ws://exchange.test:9000",
        domain=SignatureDomain.DEVNET,
        wall_clock=lambda: 1_767_225_600_000_000_000,
        chance=lambda: 1.0,
        mask=lambda: b"mask",
        **settings,
    )
    return ClientCore(config, signer=TransactionSigner(SEED) if signed else None)


def connect(core: ClientCore, now: float = 0.0) -> Peer:
    """Bring the link up; the core must be CONNECTING."""
    core.connection_made(now)
    peer = Peer(core)
    core.receive_data(peer.accept(), now)
    return peer


def opened(*, signed: bool = True, **settings: Any) -> tuple[ClientCore, Peer]:
    """A core with an open link, its account subscribed and known (if it has a signer)."""
    core = make_core(signed=signed, **settings)
    if signed:
        core.want([topics.account(KEY)])
    core.start(0.0)
    peer = connect(core)
    if signed:
        peer.say(confirmation(f"account.{KEY}"), snapshot_of_account())
    peer.hear()
    core.events()
    return core, peer


def confirmation(*names: str) -> dict[str, Any]:
    return {"type": "subscriptionResponse", "topics": list(names)}


def ticker_message(symbol: str = "BTC-USD", mark: float | None = 64251.0) -> dict[str, Any]:
    return {
        "type": "ticker",
        "topic": f"ticker.{symbol}",
        "data": {"ticker": {"symbol": symbol, "markPrice": mark, "lastPrice": 64250.5}},
    }


def book_message(
    kind: str,
    bids: list[tuple[float, float]],
    asks: list[tuple[float, float]],
    *,
    stream: str = "l2Delta",
    symbol: str = "BTC-USD",
) -> dict[str, Any]:
    """A book message of ``kind`` snapshot or delta on one of the two streams."""
    levels = [[{"px": px, "sz": sz, "n": 1} for px, sz in side] for side in (bids, asks)]
    book = {"updateType": kind, "symbol": symbol, "levels": levels, "timestamp": 1767225600200}
    return {"type": stream, "topic": f"{stream.lower()}.{symbol}", "data": {"book": book}}


def account_message(data: dict[str, Any], key: str = KEY) -> dict[str, Any]:
    return {"type": "account", "topic": f"account.{key}", "data": data}


def order_row(order_id: str, size: float = 0.05, price: float = 64000.0) -> dict[str, Any]:
    """An open buy order as a snapshot lists it."""
    return {
        "symbol": "BTC-USD",
        "orderId": order_id,
        "price": price,
        "originalSize": size,
        "size": size,
        "filledSize": 0.0,
        "vwap": 0.0,
        "maker": True,
        "reduceOnly": False,
        "orderType": "limit",
        "trigger": None,
        "tif": "gtc",
        "status": "placed",
        "timestamp": 1767225600000000001,
        "iso": False,
    }


def order_update(order_id: str, status: str = "placed", **changes: Any) -> dict[str, Any]:
    """News of an own buy order, dated a second after what :func:`order_row` tells."""
    head = {"type": "orderUpdate", "ot": "limit", "status": status, "sym": "BTC-USD", "oid": order_id}
    sizes = {"px": 1.0, "origSz": 0.05, "sz": 0.05, "fillSz": 0.0, "vwap": 0.0, "ts": 1767225601 * 10**9}
    return account_message(head | sizes | changes)


def snapshot_of_account(*orders: dict[str, Any], key: str = KEY) -> dict[str, Any]:
    margin = {"totalMargin": 5200.5, "availableMargin": 4100.25, "marginUsed": 1100.25, "realizedPnl": 12.5}
    return account_message(
        {
            "type": "accountSnapshot",
            "kind": "MasterEOA",
            "margin": margin,
            "positions": [],
            "openOrders": list(orders),
            "leverageSettings": [{"symbol": "BTC-USD", "leverage": 5.0}],
        },
        key,
    )


def post_reply(request_id: int, *rows: dict[str, Any], status: str = "ok") -> dict[str, Any]:
    response = {"type": "order", "data": {"statuses": list(rows)}}
    return {
        "type": "post",
        "id": request_id,
        "data": {"type": "action", "payload": {"status": status, "response": response}},
    }
