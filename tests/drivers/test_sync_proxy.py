"""The blocking client through HTTP and SOCKS5 proxies: same outcomes, same words, no password shown."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import python_socks

from bulk_proto import UsageError
from bulk_proto.proxy_address import ProxyAddress
from bulk_sync import BulkWebSocketClient, proxy_connector
from bulk_sync.connectors import _problem, tcp_connector

from .blocking import BTC, Exchange, served, until
from .proxies import HttpProxy, Mood, Proxy, SocksProxy, proxying

pytestmark = pytest.mark.timeout(60)
CREDENTIALS = ("someone", "made-up")
SCHEMES: dict[str, type[Proxy]] = {"http": HttpProxy, "socks5h": SocksProxy}


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with served() as exchange:
        yield exchange


@contextmanager
def through(
    exchange: Exchange, scheme: str, mood: Mood = Mood.HELPFUL, user: str = "someone"
) -> Iterator[BulkWebSocketClient]:
    proxying_it = proxying(SCHEMES[scheme], exchange.server.port, credentials=CREDENTIALS, mood=mood)
    with exchange.portal.wrap_async_context_manager(proxying_it) as (_, port):
        address = f"{scheme}://{user}:made-up@127.0.0.1:{port}"
        yield BulkWebSocketClient("ws://exchange.invalid", [BTC], proxy=address, opening_timeout=2.0)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_exchange_is_reached_through_a_proxy_that_looks_up_its_name(
    exchange: Exchange, scheme: str
) -> None:
    with through(exchange, scheme) as client, client:
        until(lambda: client.get_ticker(BTC))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("mood", [Mood.REFUSING, Mood.HANGING_UP, Mood.RAVING])
def test_a_proxy_that_does_not_help_is_named_without_its_password(
    exchange: Exchange, scheme: str, mood: Mood
) -> None:
    with through(exchange, scheme, mood) as client:
        assert client.connect() is False
        assert f"no connection through the proxy {scheme}://127.0.0.1" in str(client.last_error)
        assert "made-up" not in str(client.last_error)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_wrong_user_is_told_so(exchange: Exchange, scheme: str) -> None:
    with through(exchange, scheme, user="nobody") as client:
        assert client.connect() is False
        assert "proxy" in str(client.last_error)


def test_a_proxy_that_is_not_there_is_named() -> None:
    client = BulkWebSocketClient("ws://exchange.invalid", [BTC], proxy="http://127.0.0.1:9")
    assert client.connect() is False
    assert "it cannot be reached: Connection refused" in str(client.last_error)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), "with socks5h:// the proxy does it"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "Connection reset by peer"),
        (python_socks.ProxyTimeoutError("late"), "it did not answer in time"),
        (python_socks.ProxyError("Not allowed", error_code=2), "Not allowed"),
        (UnicodeDecodeError("ascii", b"made-up", 0, 1, "bad"), "no proper answer (UnicodeDecodeError)"),
    ],
)
def test_every_fault_on_the_way_has_words_for_it(fault: Exception, words: str) -> None:
    assert words in _problem(fault, ProxyAddress("socks5://127.0.0.1:9"), "exchange.invalid")


def test_settings_that_cannot_work_raise_at_once() -> None:
    with pytest.raises(UsageError, match="not https://"):
        proxy_connector("https://127.0.0.1:9")
    with pytest.raises(UsageError, match="brings its own"):
        BulkWebSocketClient(connector=tcp_connector(), proxy="http://127.0.0.1:9")
    careless = ssl.create_default_context()
    careless.check_hostname = False
    with pytest.raises(UsageError, match="must verify"):
        BulkWebSocketClient(ssl_context=careless)
