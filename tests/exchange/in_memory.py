"""A client of the simulated exchange without a network: wsproto's client half and real signatures."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, Event, Message, Ping, Request, TextMessage
from wsproto.extensions import Extension

from bulk_proto.enums import SignatureDomain
from bulk_proto.exchange import Dialect, ExchangeConfig, Market, SimulatedExchange
from bulk_proto.signing.base58 import encode
from bulk_proto.signing.encoding import preimage
from bulk_proto.signing.layouts import DEFAULT_PROFILE

Json = dict[str, Any]

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: exchange.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TICKERS: Json = {"type": "ticker", "symbol": "BTC-USD"}

BTC = Market(symbol="BTC-USD", start_price=100.0, tick=0.5, lot=0.001, min_notional=0.0, max_leverage=50.0)
ETH = Market(symbol="ETH-USD", start_price=10.0, tick=0.05, lot=0.01, min_notional=0.0, max_leverage=20.0)


def quiet(**settings: Any) -> ExchangeConfig:
    """Two markets in which nothing happens by itself."""
    settings.setdefault("markets", (BTC, ETH))
    settings.setdefault("flow_rate", 0.0)
    return ExchangeConfig(**settings)


def exchange(config: ExchangeConfig | None = None, seed: int = 1) -> SimulatedExchange:
    return SimulatedExchange(config or quiet(), random.Random(seed), now=0.0)


def speaking(**dialect: Any) -> ExchangeConfig:
    return quiet(dialect=Dialect(**dialect), candle_interval=1.0)


class Trader:
    """A made-up key that signs transactions, each with a nonce of its own."""

    def __init__(self, number: int) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        self.key = encode(self._private.public_key().public_bytes_raw())
        self._nonce = 0

    def transaction(
        self,
        *actions: Json,
        account: str | None = None,
        nonce: int | None = None,
        domain: SignatureDomain | None = SignatureDomain.DEVNET,
        profile: str = DEFAULT_PROFILE,
    ) -> Json:
        if nonce is None:
            self._nonce += 1
            nonce = self._nonce
        account = account or self.key
        return {
            "actions": list(actions),
            "nonce": str(nonce),
            "account": account,
            "signer": self.key,
            "signature": encode(self._private.sign(preimage(actions, nonce, account, domain, profile))),
        }


class Client:
    """One connection. Messages that arrived are kept until somebody takes them."""

    def __init__(
        self, served: SimulatedExchange, now: float = 0.0, extensions: Sequence[Extension] = ()
    ) -> None:
        self.session = served.open_session(now)
        self.now = now
        self.ws = WSConnection(ConnectionType.CLIENT)
        self.events: list[Event] = []
        self._text = ""
        self._messages: list[Json] = []
        self._requests = 0
        self.send(self.ws.send(Request(host="exchange.test", target="/", extensions=list(extensions))))
        self.read()

    def send(self, data: bytes) -> None:
        self.session.receive_data(data, self.now)

    def send_text(self, text: str) -> None:
        self.send(self.ws.send(TextMessage(data=text)))

    def read(self) -> None:
        """Take in what the exchange has to say."""
        if data := self.session.data_to_send():
            self.ws.receive_data(data)
            for event in self.ws.events():
                if isinstance(event, TextMessage):
                    self._text += event.data
                    if event.message_finished:
                        self._messages.append(json.loads(self._text))
                        self._text = ""
                else:
                    assert not isinstance(event, Message)
                    self.events.append(event)

    def messages(self) -> list[Json]:
        """All messages since the last call."""
        self.read()
        messages, self._messages = self._messages, []
        return messages

    def close_code(self) -> int | None:
        self.read()
        return next((event.code for event in self.events if isinstance(event, CloseConnection)), None)

    def pings(self) -> int:
        self.read()
        return sum(isinstance(event, Ping) for event in self.events)

    def ask(self, request: Json) -> list[Json]:
        """Send a request; returns what arrives at once."""
        self.messages()
        self.send_text(json.dumps(request))
        return self.messages()

    def subscribe(self, *entries: Json) -> list[Json]:
        return self.ask({"method": "subscribe", "subscription": list(entries)})

    def post(self, transaction: object) -> list[Json]:
        self.messages()
        self.send_text(self.text_of(transaction))
        return self.messages()

    def text_of(self, transaction: object) -> str:
        """The request for a transaction, with the next id."""
        self._requests += 1
        request = {"type": "action", "payload": transaction}
        return json.dumps({"method": "post", "id": self._requests, "request": request})

    def rows(self, transaction: object) -> list[Json]:
        """The status rows of an admitted transaction."""
        payload = self.reply(transaction)
        assert payload["status"] == "ok", payload
        rows: list[Json] = payload["response"]["data"]["statuses"]
        return rows

    def refusal(self, transaction: object) -> str:
        """The reason for which a transaction was not admitted."""
        payload = self.reply(transaction)
        assert payload["status"] == "error", payload
        (row,) = payload["response"]["data"]["statuses"]
        message: str = row["error"]["message"]
        return message

    def reply(self, transaction: object) -> Json:
        (reply,) = of_type(self.post(transaction), "post")
        assert reply["id"] == self._requests
        payload: Json = reply["data"]["payload"]
        return payload


def of_type(messages: Iterable[Json], kind: str) -> list[Json]:
    return [message for message in messages if message["type"] == kind]


def account_events(messages: Iterable[Json], kind: str | None = None) -> list[Json]:
    """The data of account messages, of one kind if given."""
    events = [message["data"] for message in of_type(messages, "account")]
    return [event for event in events if kind is None or event["type"] == kind]


def limit(
    side: str, price: float, size: float, symbol: str = "BTC-USD", tif: str = "GTC", **more: object
) -> Json:
    body = {"c": symbol, "b": side == "buy", "px": price, "sz": size, "tif": tif, "r": False, "i": False}
    return {"l": body | more}


def market(side: str, size: float, symbol: str = "BTC-USD", **more: object) -> Json:
    return {"m": {"c": symbol, "b": side == "buy", "sz": size, "r": False, "i": False} | more}


def cancel(oid: str, symbol: str = "BTC-USD") -> Json:
    return {"cx": {"c": symbol, "oid": oid}}


def cancel_all(*symbols: str) -> Json:
    return {"cxa": {"c": list(symbols)}}


def oid_of(row: Json) -> str:
    (body,) = row.values()
    oid: str = body["oid"]
    return oid


def stream(kind: str, **more: object) -> Json:
    return {"type": kind, "symbol": "BTC-USD", **more}


def types(messages: list[Json]) -> list[str]:
    return [message["type"] for message in messages]


def levels(message: Json) -> list[list[tuple[float, float, int]]]:
    return [[(row["px"], row["sz"], row["n"]) for row in side] for side in message["data"]["book"]["levels"]]


def masked(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A frame as clients send it, masked with zeros."""
    head = bytes([(0x80 if fin else 0) | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 1 << 16:
        head += struct.pack("!BH", 0x80 | 126, len(payload))
    else:
        head += struct.pack("!BQ", 0x80 | 127, len(payload))
    return head + bytes(4) + payload


def still_answers(client: Client) -> bool:
    return [m["type"] for m in client.subscribe(TICKERS)] == ["subscriptionResponse"]


ANNA, BERT = Trader(1), Trader(2)


def trade(client: Client, price: float = 100.0, size: float = 1.0) -> list[Json]:
    """Anna sells to Bert."""
    client.rows(ANNA.transaction(limit("sell", price, size)))
    return client.post(BERT.transaction(market("buy", size)))
