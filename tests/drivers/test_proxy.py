"""Proxies: the client through them, their refusals, and where the password must never be seen."""

from __future__ import annotations

import base64
import logging
import re
import ssl
import sys
import traceback
from typing import Any

import anyio
import pytest
import trustme

from bulk_anyio import BulkWebSocketClient, proxy_connector
from bulk_anyio.exchange import ExchangeServer
from bulk_proto import (
    Config,
    LinkError,
    ProxyError,
    Side,
    SignatureDomain,
    TlsError,
    TransactionSigner,
    UsageError,
)

from .proxies import HttpProxy, Mood, Proxy, SocksProxy, proxying
from .servers import LOOPBACK, a_port_where_nobody_listens, listening_with_tls, resolve_names

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

AUTHORITY = trustme.CA()
HOST = "exchange.test"  # known to the proxies alone
USER = "made-up-user"
PASSWORD = "made-up-canary"
CREDENTIALS = (USER, PASSWORD)
SCHEMES: list[tuple[str, type[Proxy]]] = [("http", HttpProxy), ("socks5h", SocksProxy)]
EVERY_SCHEME = pytest.mark.parametrize(("scheme", "kind"), SCHEMES, ids=[name for name, _ in SCHEMES])


def address(scheme: str, port: int, credentials: tuple[str, str] | None = None) -> str:
    return f"{scheme}://{':'.join(credentials) + '@' if credentials else ''}{LOOPBACK}:{port}"


def config(url: str = f"ws://{HOST}:9") -> Config:
    return Config(
        url=url, domain=SignatureDomain.DEVNET, wall_clock=lambda: 0, chance=lambda: 0.5, mask=lambda: b"mask"
    )


def serving(*hosts: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*hosts).configure_cert(context)
    return context


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    return context


@EVERY_SCHEME
@pytest.mark.parametrize("credentials", [None, CREDENTIALS], ids=["open", "with password"])
async def test_a_client_trades_with_tls_inside_the_tunnel(
    exchange: ExchangeServer, scheme: str, kind: type[Proxy], credentials: tuple[str, str] | None
) -> None:
    async with (
        listening_with_tls(exchange.serve, serving(HOST)) as port,
        proxying(kind, port, credentials=credentials) as (proxy, proxy_port),
        BulkWebSocketClient(
            f"wss://{HOST}:4443",
            signer=TransactionSigner.generate_account(),
            proxy=address(scheme, proxy_port, credentials),
            ssl_context=trusting(),
        ) as client,
    ):
        order = await client.place_limit_order("BTC-USD", Side.BUY, 50_000.0, 0.1)
        assert not order.is_error()
        assert proxy.asked == [(HOST, 4443)]  # the name, for the proxy to look up


@EVERY_SCHEME
async def test_a_plain_address_goes_through_the_proxy_as_well(
    exchange: ExchangeServer, scheme: str, kind: type[Proxy]
) -> None:
    async with proxying(kind, exchange.port) as (proxy, port):
        async with BulkWebSocketClient(f"ws://{HOST}", proxy=address(scheme, port)) as client:
            assert client.is_connected
        assert proxy.asked == [(HOST, 80)]


async def test_socks5_without_h_looks_the_name_up_here(
    exchange: ExchangeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_names(monkeypatch, {HOST: ["192.0.2.7"], "nowhere.test": []})
    async with proxying(SocksProxy, exchange.port) as (proxy, port):
        connect = proxy_connector(address("socks5", port))
        async with await connect(config()):
            assert proxy.asked == [("192.0.2.7", 9)]
        with pytest.raises(ProxyError, match=r"nowhere\.test cannot be resolved here .*; with socks5h:// "):
            await connect(config("ws://nowhere.test"))


async def test_a_proxy_may_itself_be_reached_by_tls(exchange: ExchangeServer) -> None:
    async with listening_with_tls(exchange.serve, serving(HOST)) as port:
        proxy = HttpProxy(port, CREDENTIALS, Mood.HELPFUL)
        async with listening_with_tls(proxy.serve, serving(LOOPBACK)) as proxy_port:
            url = address("https", proxy_port, CREDENTIALS)
            client = BulkWebSocketClient(f"wss://{HOST}", proxy=url, ssl_context=trusting())
            async with client:
                assert proxy.asked == [(HOST, 443)]


async def test_a_proxy_reached_by_tls_must_prove_who_it_is(exchange: ExchangeServer) -> None:
    proxy = HttpProxy(exchange.port, CREDENTIALS, Mood.HELPFUL)
    async with listening_with_tls(proxy.serve, serving("other.test")) as port:
        connect = proxy_connector(address("https", port, CREDENTIALS), trusting())
        with pytest.raises(
            ProxyError, match=rf"no TLS with {LOOPBACK}: .*is for 'other\.test', not for this"
        ):
            await connect(config())
    assert proxy.connections == 0


@EVERY_SCHEME
async def test_a_wrong_certificate_inside_the_tunnel_is_refused(
    exchange: ExchangeServer, scheme: str, kind: type[Proxy]
) -> None:
    async with (
        listening_with_tls(exchange.serve, serving("other.test")) as port,
        proxying(kind, port) as (_, proxy_port),
    ):
        connect = proxy_connector(address(scheme, proxy_port), trusting())
        with pytest.raises(
            TlsError, match=rf"no TLS with {HOST}: .* is for 'other\.test', not for this host"
        ):
            await connect(config(f"wss://{HOST}"))
    assert not exchange.exchange.sessions


PROBLEMS: list[tuple[str, type[Proxy], Mood, str]] = [
    ("http", HttpProxy, Mood.REFUSING, rf"it answered HTTP 403 when asked for {HOST}$"),
    ("http", HttpProxy, Mood.HANGING_UP, "it hung up, or its answer is not HTTP$"),
    ("http", HttpProxy, Mood.RAVING, "it hung up, or its answer is not HTTP$"),
    ("http", SocksProxy, Mood.HELPFUL, "it hung up, or its answer is not HTTP$"),
    ("http", HttpProxy, Mood.RESETTING, "Connection reset by peer$"),
    ("socks5h", SocksProxy, Mood.RESETTING, "Connection reset by peer$"),
    ("socks5h", SocksProxy, Mood.REFUSING, "Connection refused by destination host$"),
    ("socks5h", SocksProxy, Mood.HANGING_UP, "closed unexpectedly$"),
    ("socks5h", SocksProxy, Mood.RAVING, r"it gave no proper answer \(UnicodeDecodeError\)$"),
]


@pytest.mark.parametrize(
    ("scheme", "kind", "mood", "problem"),
    PROBLEMS,
    ids=[f"{p[0]} {p[1].__name__} {p[2].name}" for p in PROBLEMS],
)
async def test_what_a_proxy_does_wrong_is_told_in_one_line(
    exchange: ExchangeServer, scheme: str, kind: type[Proxy], mood: Mood, problem: str
) -> None:
    async with proxying(kind, exchange.port, mood=mood) as (proxy, port):
        with pytest.raises(ProxyError, match=problem) as caught:
            await proxy_connector(address(scheme, port))(config())
        with anyio.fail_after(5):
            await proxy.left.wait()
    assert str(caught.value).startswith(f"no connection through the proxy {scheme}://{LOOPBACK}:{port}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("scheme", "kind", "given", "problem"),
    [
        ("http", HttpProxy, None, r"it asks for a user and password \(HTTP 407\)"),
        ("http", HttpProxy, (USER, "wrong"), r"it asks for another user and password \(HTTP 407\)"),
        ("socks5", SocksProxy, None, "No acceptable authentication methods were offered"),
        ("socks5h", SocksProxy, (USER, "wrong"), "Username and password authentication failure"),
    ],
)
async def test_a_proxy_that_wants_other_credentials_says_so(
    exchange: ExchangeServer, scheme: str, kind: type[Proxy], given: tuple[str, str] | None, problem: str
) -> None:
    async with proxying(kind, exchange.port, credentials=CREDENTIALS) as (proxy, port):
        with pytest.raises(ProxyError, match=problem):
            await proxy_connector(address(scheme, port, given))(config("ws://127.0.0.1"))
    assert proxy.connections == 1


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h"])
async def test_a_proxy_that_is_not_there_is_named(scheme: str) -> None:
    port = await a_port_where_nobody_listens()
    client = BulkWebSocketClient(f"ws://{HOST}", proxy=address(scheme, port))
    assert await client.connect() is False
    assert isinstance(client.last_error, LinkError)
    expected = f"through the proxy {scheme}://{LOOPBACK}:{port}: it cannot be reached: Connection refused"
    assert expected in str(client.last_error)


async def test_a_proxy_whose_name_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_names(monkeypatch, {"proxy.test": []})
    with pytest.raises(
        ProxyError, match=r"http://proxy\.test:3128: it cannot be reached: the host name cannot"
    ):
        await proxy_connector("http://proxy.test:3128")(config())


@EVERY_SCHEME
async def test_a_proxy_that_stalls_costs_the_opening_timeout(
    exchange: ExchangeServer, scheme: str, kind: type[Proxy]
) -> None:
    async with proxying(kind, exchange.port, mood=Mood.STALLING) as (proxy, port):
        client = BulkWebSocketClient(f"ws://{HOST}", proxy=address(scheme, port), opening_timeout=0.2)
        started = anyio.current_time()
        assert await client.connect() is False
        assert 0.2 <= anyio.current_time() - started < 2
        with anyio.fail_after(5):
            await proxy.left.wait()


async def test_a_client_comes_back_through_the_proxy(exchange: ExchangeServer) -> None:
    async with proxying(HttpProxy, exchange.port, credentials=CREDENTIALS) as (proxy, port):
        url = address("http", port, CREDENTIALS)
        async with BulkWebSocketClient(f"ws://{HOST}", proxy=url, backoff_base=0.02) as client:
            exchange.exchange.sessions[0].close(1001)
            with anyio.fail_after(10):
                while proxy.connections < 2 or not client.is_connected:
                    await anyio.sleep(0.005)


# Secrets -------------------------------------------------------------------------------------------------


def all_of(value: object, depth: int = 6) -> str:
    """The repr of an object, of its attributes, of theirs."""
    if depth == 0 or not hasattr(value, "__dict__"):
        return repr(value)
    return repr(value) + "".join(name + all_of(each, depth - 1) for name, each in vars(value).items())


def assert_no_secret_in(text: str) -> None:
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    for secret in (PASSWORD, USER, basic):
        assert secret not in text


@EVERY_SCHEME
@pytest.mark.parametrize("mood", [Mood.HELPFUL, Mood.REFUSING, Mood.RAVING])
@pytest.mark.parametrize("accepted", [True, False])
async def test_user_and_password_are_seen_nowhere(
    exchange: ExchangeServer,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
    kind: type[Proxy],
    mood: Mood,
    accepted: bool,
) -> None:
    caplog.set_level(logging.DEBUG)
    credentials = CREDENTIALS if accepted else ("another", "one")
    async with proxying(kind, exchange.port, credentials=credentials, mood=mood) as (proxy, port):
        url = address(scheme, port, CREDENTIALS)
        client = BulkWebSocketClient(f"ws://{HOST}", proxy=url, debug=True)
        is_connected = await client.connect()
        assert is_connected is (accepted and mood is Mood.HELPFUL)
        assert_no_secret_in(all_of(client) + all_of(client._driver) + all_of(client._driver._connector))
        await client.disconnect()
        assert_no_secret_in(caplog.text + all_of(client) + repr(client.last_error))
        assert proxy.connections == 1


@EVERY_SCHEME
@pytest.mark.parametrize("mood", [Mood.REFUSING, Mood.RAVING, Mood.HANGING_UP])
async def test_a_traceback_with_all_its_locals_shows_no_password(
    exchange: ExchangeServer, scheme: str, kind: type[Proxy], mood: Mood
) -> None:
    async with proxying(kind, exchange.port, credentials=CREDENTIALS, mood=mood) as (_, port):
        connect = proxy_connector(address(scheme, port, CREDENTIALS))
        with pytest.raises(ProxyError) as caught:
            await connect(config())
    assert caught.value.__context__ is None
    trace = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "bulk_anyio" in "".join(trace.format())
    assert_no_secret_in("".join(trace.format()))


# Settings ------------------------------------------------------------------------------------------------


def test_without_the_extra_the_constructor_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_socks", None)
    with pytest.raises(UsageError, match=re.escape("pip install 'bulk-proto[proxy]'")):
        BulkWebSocketClient(proxy="http://127.0.0.1:3128")
    assert BulkWebSocketClient().is_connected is False


async def test_no_environment_variable_chooses_a_proxy(
    monkeypatch: pytest.MonkeyPatch, exchange: ExchangeServer
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with BulkWebSocketClient(exchange.url) as client:
        assert client.is_connected


async def nowhere(config: Config) -> Any:
    raise OSError("nowhere")


@pytest.mark.parametrize(
    "more", [{"proxy": "http://127.0.0.1:1"}, {"ssl_context": ssl.create_default_context()}]
)
def test_a_connector_beside_a_proxy_or_a_trust_store_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="a connector brings its own proxy and TLS"):
        BulkWebSocketClient(connector=nowhere, **more)


def test_a_bad_address_is_refused_by_the_constructor_without_its_text() -> None:
    with pytest.raises(UsageError) as caught:
        BulkWebSocketClient(proxy=f"http://{USER}:{PASSWORD}/@127.0.0.1:1")
    assert_no_secret_in(str(caught.value))
    assert caught.value.__context__ is None
