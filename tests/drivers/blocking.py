"""The simulated exchange and the line to it for tests without async: served by a loop in another thread."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal

from bulk_anyio.exchange import ExchangeServer, serve_exchange
from bulk_proto import OrderStatus, Side, TransactionSigner
from bulk_proto.exchange import ExchangeConfig
from bulk_sync import BulkWebSocketClient
from bulk_sync.conversation import Conversation

from .line import Line, lay_line
from .servers import LOOPBACK, listening_with_tls

BTC = "BTC-USD"


class Exchange:
    """An exchange with a line that can be cut; ``url`` is the direct way to it."""

    def __init__(self, portal: BlockingPortal, server: ExchangeServer, line: Line) -> None:
        self.portal = portal
        self.server = server
        self.line = line
        self.url = server.url

    def cut(self) -> None:
        self.portal.call(self.line.cut)


@contextmanager
def served(**settings: Any) -> Iterator[Exchange]:
    """Serve an exchange while the block runs; settings are those of ``ExchangeConfig``."""
    config = ExchangeConfig(epoch_ns=time.time_ns(), **settings)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(serve_exchange(config, seed=7)) as server,
        portal.wrap_async_context_manager(lay_line(server.port)) as line,
    ):
        yield Exchange(portal, server, line)


@contextmanager
def behind_tls(exchange: Exchange, context: ssl.SSLContext) -> Iterator[Exchange]:
    """The same exchange through TLS, with a line of its own."""
    server = listening_with_tls(exchange.server.serve, context)
    with (
        exchange.portal.wrap_async_context_manager(server) as port,
        exchange.portal.wrap_async_context_manager(lay_line(port, "wss")) as line,
    ):
        secured = Exchange(exchange.portal, exchange.server, line)
        secured.url = f"wss://{LOOPBACK}:{port}"
        yield secured


def trader(url: str, symbols: tuple[str, ...] = (BTC,), **settings: Any) -> BulkWebSocketClient:
    settings.setdefault("backoff_base", 0.02)
    return BulkWebSocketClient(url, symbols, TransactionSigner.generate_account(), **settings)


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for a condition, with an end."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.005)


def in_time(act: Callable[[], object], seconds: float = 10.0) -> Any:
    """What comes of it: returned, or raised; a call that hangs fails the test."""
    came: list[Any] = []

    def run() -> None:
        try:
            came.append(act())
        except BaseException as error:
            came.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert came, "it hangs"
    return came[0]


def place(client: BulkWebSocketClient) -> OrderStatus:
    return client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01).status


def until_deaf(client: BulkWebSocketClient) -> Conversation:
    """Wait until the reader hears nothing but the exchange."""
    reader = client._driver._reader
    assert reader._lookout is not None
    lookout = reader._lookout
    until(lambda: lookout.is_deaf or place(client) is not OrderStatus.RESTING)
    assert reader._conversation is not None
    return reader._conversation
