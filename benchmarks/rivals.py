"""What users would pick instead, on the same feed: the released client and two hand-rolled ones.

This module is imported by the peers' interpreter, so it needs the standard library only until one of
its functions is called. Hand-rolled means: frames, JSON, books, tickers and a list of messages for
whoever wants them, and none of the checks that a library owes its users.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from importlib import import_module
from typing import Any

from . import feed
from .server_bytes import accept, cut_into_reads
from .stage import Exercise, Outcome, Round

Message = dict[str, Any]
Touches = list[list[float]]


def released(variant: str, messages: int, whole_frames: bool, level: str = "WARNING") -> Exercise:
    """The released client with its own receiving loop, its frames cut by the library it uses."""
    texts = feed.payloads(feed.recipe(variant, messages=messages, released_spelling=True))
    reads = cut_into_reads(texts, whole_frames=whole_frames)

    def ready() -> Round:
        protocol = opened_protocol()
        return released_round(level, len(texts), lambda: texts_of(protocol, reads))

    return ready


def released_texts(variant: str, messages: int, whole_frames: bool) -> Exercise:
    """The same without the cost of its frames: it gets finished texts, so this flatters it."""
    wanted = feed.recipe(variant, messages=messages, released_spelling=True)
    texts = [text.decode() for text in feed.payloads(wanted)]
    return lambda: released_round("WARNING", len(texts), lambda: iter(texts))


def released_round(level: str, messages: int, texts: Callable[[], Iterator[str]]) -> Round:
    """The released client's receiving loop over ``texts``."""
    client = released_client(level)

    class Connection:
        async def __aiter__(self) -> AsyncIterator[str]:
            for text in texts():
                yield text

    client.ws = Connection()

    def run() -> Outcome:
        asyncio.run(client._receive_loop())
        books = [client.order_books[symbol] for symbol in feed.SYMBOLS]
        return Outcome(messages, [[book.get_best_bid().price, book.get_best_ask().price] for book in books])

    return run


def released_client(level: str = "WARNING", **settings: Any) -> Any:
    """A released client that logs at ``level`` to nowhere, as a service without a terminal would."""
    log = logging.getLogger()
    log.handlers = [logging.StreamHandler(open(os.devnull, "w"))]  # noqa: SIM115 (lives as long as the log)
    log.setLevel(level)
    logging.getLogger("websockets").setLevel(logging.WARNING)
    return import_module("bulk_api").BulkWebSocketClient(**settings)


def websockets(variant: str, messages: int, whole_frames: bool) -> Exercise:
    """``websockets`` without I/O, ``json``, and a dict per side whose best price is looked for when asked."""
    texts = feed.payloads(feed.recipe(variant, messages=messages))
    reads = cut_into_reads(texts, whole_frames=whole_frames)

    def ready() -> Round:
        protocol = opened_protocol()

        def run() -> Outcome:
            state = PlainState()
            for text in texts_of(protocol, reads):
                state.take(json.loads(text))
            return Outcome(len(texts), state.touches())

        return run

    return ready


def picows(variant: str, messages: int, whole_frames: bool) -> Exercise:
    """``picows`` in C, ``orjson`` and ``SortedDict``. Its parser is handed the reads as a socket would."""
    library, loads = import_module("picows"), import_module("orjson").loads
    sorted_dict = import_module("sortedcontainers").SortedDict
    texts = feed.payloads(feed.recipe(variant, messages=messages))
    reads = cut_into_reads(texts, whole_frames=whole_frames)
    text_frame = library.WSMsgType.TEXT

    class Listener(library.WSListener):  # type: ignore[misc,name-defined]
        def on_ws_connected(self, transport: Any) -> None:
            self.state = SortedState(sorted_dict)

        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            if frame.msg_type is text_frame or frame.msg_type == text_frame:
                self.state.take(loads(frame.get_payload_as_memoryview()))

    def ready() -> Round:
        protocol, listener = _opened_picows(library, Listener)

        def run() -> Outcome:
            for data in reads:
                rest = memoryview(data)
                while rest:
                    room = protocol.get_buffer(len(rest))
                    size = min(len(room), len(rest))
                    room[:size] = rest[:size]
                    protocol.buffer_updated(size)
                    rest = rest[size:]
            return Outcome(len(texts), listener.state.touches())

        return run

    return ready


class PlainState:
    """Prices and sizes in a dict per side; the best price costs a pass over all of them."""

    def __init__(self) -> None:
        self.tickers: dict[str, Message] = {}
        self.orders: dict[str, Message] = {}
        self.books: dict[str, tuple[dict[float, float], dict[float, float]]] = {}
        self.news: list[Message] = []

    def take(self, message: Message) -> None:
        kind, data = message["type"], message["data"]
        if kind == "l2Delta" or kind == "l2Snapshot":
            book = data["book"]
            if book["updateType"] == "snapshot":
                self.books[book["symbol"]] = ({}, {})
            for side, levels in zip(self.books[book["symbol"]], book["levels"], strict=True):
                for level in levels:
                    if level["sz"]:
                        side[level["px"]] = level["sz"]
                    else:
                        side.pop(level["px"], None)
        elif kind == "ticker":
            self.tickers[data["ticker"]["symbol"]] = data["ticker"]
        elif kind == "account":
            _follow_order(self.orders, data)
        _keep(self.news, message)

    def touches(self) -> Touches:
        return [[max(bids), min(asks)] for bids, asks in map(self.books.__getitem__, feed.SYMBOLS)]


class SortedState:
    """Prices and sizes in a sorted dict per side, bids under negated prices."""

    def __init__(self, sorted_dict: Any) -> None:
        self.tickers: dict[str, Message] = {}
        self.orders: dict[str, Message] = {}
        self.books: dict[str, tuple[Any, Any]] = {}
        self.news: list[Message] = []
        self._sorted_dict = sorted_dict

    def take(self, message: Message) -> None:
        kind, data = message["type"], message["data"]
        if kind == "l2Delta" or kind == "l2Snapshot":
            book = data["book"]
            bids, asks = book["levels"]
            if book["updateType"] == "snapshot":
                self.books[book["symbol"]] = (self._sorted_dict(), self._sorted_dict())
            bid_side, ask_side = self.books[book["symbol"]]
            for level in bids:
                if level["sz"]:
                    bid_side[-level["px"]] = level["sz"]
                else:
                    bid_side.pop(-level["px"], None)
            for level in asks:
                if level["sz"]:
                    ask_side[level["px"]] = level["sz"]
                else:
                    ask_side.pop(level["px"], None)
        elif kind == "ticker":
            self.tickers[data["ticker"]["symbol"]] = data["ticker"]
        elif kind == "account":
            _follow_order(self.orders, data)
        _keep(self.news, message)

    def touches(self) -> Touches:
        books = [self.books[name] for name in feed.SYMBOLS]
        return [[-bids.peekitem(0)[0], asks.peekitem(0)[0]] for bids, asks in books]


def touches_of(texts: Iterable[bytes]) -> Touches:
    """Best bid and best ask of each symbol after these messages: what everybody must come to."""
    state = PlainState()
    for text in texts:
        if b'"book"' in text:
            state.take(json.loads(text))
    return state.touches()


def _follow_order(orders: dict[str, Message], data: Message) -> None:
    if data["type"] == "orderUpdate":
        if data["status"] == "resting":
            orders[data["oid"]] = data
        else:
            orders.pop(data["oid"], None)


def _keep(news: list[Message], message: Message) -> None:
    """Hand a message on, as an event would be: whoever reads takes a few hundred at a time."""
    news.append(message)
    if len(news) == 256:
        news.clear()


def opened_protocol() -> Any:
    """The client half of ``websockets`` without I/O, past its handshake."""
    protocol = import_module("websockets.client").ClientProtocol(
        import_module("websockets.uri").parse_uri("ws://exchange.test/"), max_size=2**24
    )
    protocol.send_request(protocol.connect())
    protocol.receive_data(accept(b"".join(protocol.data_to_send())))
    protocol.events_received()
    return protocol


def texts_of(protocol: Any, reads: Iterable[bytes]) -> Iterator[str]:
    for data in reads:
        protocol.receive_data(data)
        for frame in protocol.events_received():
            yield frame.data.decode()


def _opened_picows(library: Any, listener_type: Any) -> tuple[Any, Any]:
    """The protocol object of a real connection, no longer reading from its socket."""
    loop = asyncio.new_event_loop()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept(await reader.readuntil(b"\r\n\r\n")))

    async def connect() -> tuple[Any, Any]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport, listener = await library.ws_connect(listener_type, f"ws://127.0.0.1:{port}/")
        transport.underlying_transport.pause_reading()
        _LOOPS.append((loop, server))
        return transport.underlying_transport.get_protocol(), listener

    return loop.run_until_complete(connect())


_LOOPS: list[Any] = []  # a loop that is collected would close the connection under the protocol
