"""TLS: who is let in, who is not, and whether people learn why."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from datetime import timedelta

import anyio
import certifi
import pytest
import trustme
from anyio.abc import ByteStream

from bulk_anyio import BulkWebSocketClient, tcp_connector
from bulk_anyio.exchange import ExchangeServer
from bulk_anyio.faults import reason_of
from bulk_anyio.tls import Tls
from bulk_proto import Config, LinkError, SignatureDomain, TlsError, UsageError
from bulk_sync import BulkWebSocketClient as BlockingClient
from tests.made_certificates import DAY, NOW, certificate, pem, server_context

from .servers import LOOPBACK, listening, listening_with_tls, reset_when_closed

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

HOST = "localhost"
LAST_WEEK = NOW - timedelta(days=7)
AUTHORITY = trustme.CA()

Server = Callable[[], ssl.SSLContext]
Trust = Callable[[], ssl.SSLContext | None]


def config(port: int, host: str = HOST) -> Config:
    return Config(
        url=f"wss://{host}:{port}",
        domain=SignatureDomain.DEVNET,
        wall_clock=lambda: 0,
        chance=lambda: 0.5,
        mask=lambda: b"mask",
    )


def issued(*hosts: str) -> ssl.SSLContext:
    """A server with a certificate of AUTHORITY for these hosts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*hosts).configure_cert(context)
    return context


def issued_last_year() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old = AUTHORITY.issue_cert(HOST, not_before=NOW - 400 * DAY, not_after=LAST_WEEK)
    old.configure_cert(context)
    return context


def trusting_authority() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    AUTHORITY.configure_trust(context)
    return context


def trusting_an_expired_root() -> ssl.SSLContext:
    root = certificate("Old Root", begins=LAST_WEEK - DAY, ends=LAST_WEEK, authority=True)
    return ssl.create_default_context(cadata=pem(root).decode())


REFUSED: list[tuple[str, Server, Trust, list[str]]] = [
    (
        "an issuer that certifi does not know",
        lambda: issued(HOST),
        lambda: None,
        ["the issuer", "trustme", f"certifi {certifi.__version__}", "ssl_context=", "system's"],
    ),
    (
        "an issuer that the own store does not know",
        lambda: issued(HOST),
        lambda: ssl.create_default_context(cafile=certifi.where()),
        ["the issuer", "trustme", "your ssl_context", "certifi's roots"],
    ),
    (
        "another host",
        lambda: issued("other.example", "third.example"),
        trusting_authority,
        ["'other.example', 'third.example'", "not for this host", "Check the address"],
    ),
    (
        "an expired certificate",
        issued_last_year,
        trusting_authority,
        [f"the server's certificate expired on {LAST_WEEK:%Y-%m-%d}", "renew"],
    ),
    (
        "an expired root in the store",
        lambda: server_context(certificate(HOST, "Old Root", hosts=(HOST,))),
        trusting_an_expired_root,
        ["a root", "has expired", "your ssl_context", "Leave ssl_context= out to use certifi's roots"],
    ),
    (
        "a certificate from the future",
        lambda: server_context(
            certificate(HOST, "Root", hosts=(HOST,), begins=NOW + DAY, ends=NOW + 2 * DAY)
        ),
        lambda: ssl.create_default_context(cadata=pem(certificate("Root", authority=True)).decode()),
        [f"not valid before {NOW + DAY:%Y-%m-%d}", "date of this computer"],
    ),
    (
        "a self-signed certificate",
        lambda: server_context(certificate(HOST, hosts=(HOST,))),
        lambda: None,
        ["self-signed", "certifi", "ssl_context="],
    ),
]
EACH_REFUSED = pytest.mark.parametrize(
    ("server", "trust", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)


@pytest.mark.parametrize("host", [HOST, LOOPBACK])
async def test_a_client_trades_over_tls_when_the_certificate_fits(
    exchange: ExchangeServer, host: str
) -> None:
    async with listening_with_tls(exchange.serve, issued(HOST, LOOPBACK)) as port:
        client = BulkWebSocketClient(f"wss://{host}:{port}", ssl_context=trusting_authority())
        async with client:
            await client.subscribe_orderbook_snapshot("BTC-USD", nlevels=3)
            assert client.get_book("BTC-USD") is not None


@EACH_REFUSED
async def test_a_certificate_that_does_not_fit_is_refused_and_the_error_says_why(
    exchange: ExchangeServer, server: Server, trust: Trust, words: list[str]
) -> None:
    async with listening_with_tls(exchange.serve, server()) as port:
        with pytest.raises(TlsError) as caught:
            await tcp_connector(trust())(config(port))
    text = str(caught.value)
    assert text.startswith(f"no TLS with {HOST}: ")
    for word in words:
        assert word in text
    assert "verified against the roots of" in text
    assert "\n" not in text
    assert not exchange.exchange.sessions


@EACH_REFUSED
async def test_no_advice_weakens_the_verification(
    exchange: ExchangeServer, server: Server, trust: Trust, words: list[str]
) -> None:
    async with listening_with_tls(exchange.serve, server()) as port:
        with pytest.raises(TlsError) as caught:
            await tcp_connector(trust())(config(port))
    for word in ("CERT_NONE", "check_hostname", "verify_mode", "disable", "switch", " off"):
        assert word not in str(caught.value)


async def test_the_client_keeps_and_logs_the_reason(
    exchange: ExchangeServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening_with_tls(exchange.serve, issued_last_year()) as port:
        client = BulkWebSocketClient(f"wss://{HOST}:{port}", ssl_context=trusting_authority())
        with caplog.at_level(logging.ERROR, "bulk_proto"):
            assert await client.connect() is False
    day = f"the server's certificate expired on {LAST_WEEK:%Y-%m-%d}"
    assert isinstance(client.last_error, LinkError)
    assert day in str(client.last_error)
    assert day in caplog.text


async def test_a_server_that_hangs_up_in_the_handshake_is_a_failed_attempt() -> None:
    async def hang_up(stream: ByteStream) -> None:
        await stream.receive()

    async with listening(hang_up) as port:
        client = BulkWebSocketClient(f"wss://{HOST}:{port}")
        assert await client.connect() is False
    assert f"no TLS with {HOST}: it hung up during the handshake" in str(client.last_error)


async def test_a_server_that_resets_in_the_handshake_is_a_failed_attempt() -> None:
    async def reset(stream: ByteStream) -> None:
        await stream.receive()
        reset_when_closed(stream)

    async with listening(reset) as port:
        with pytest.raises(TlsError, match=f"no TLS with {HOST}: Connection reset by peer"):
            await tcp_connector()(config(port))


async def test_a_server_without_tls_is_named_as_such(exchange: ExchangeServer) -> None:
    with pytest.raises(TlsError, match=f"no TLS with {HOST}: what it answers on this port is not TLS"):
        await tcp_connector()(config(exchange.port))


async def test_a_handshake_that_the_server_refuses_gives_its_reason() -> None:
    async def refuse(stream: ByteStream) -> None:
        await stream.send(b"\x15\x03\x03\x00\x02\x02\x28")  # alert, fatal, 40: RFC 8446 section 6
        await stream.receive()

    async with listening(refuse) as port:
        with pytest.raises(TlsError, match=f"no TLS with {HOST}: .*handshake failure"):
            await tcp_connector()(config(port))


async def test_a_certificate_asked_of_the_client_after_the_handshake_ends_the_attempt(
    exchange: ExchangeServer,
) -> None:
    context = issued(HOST)
    context.verify_mode = ssl.CERT_REQUIRED
    async with listening_with_tls(exchange.serve, context) as port:
        client = BulkWebSocketClient(f"wss://{HOST}:{port}", ssl_context=trusting_authority())
        assert await client.connect() is False
    assert isinstance(client.last_error, LinkError)


async def test_a_server_that_never_answers_the_handshake_costs_the_opening_timeout() -> None:
    hung_up = anyio.Event()

    async def be_silent(stream: ByteStream) -> None:
        async for _ in stream:
            pass
        hung_up.set()

    async with listening(be_silent) as port:
        client = BulkWebSocketClient(f"wss://{HOST}:{port}", opening_timeout=0.2)
        started = anyio.current_time()
        assert await client.connect() is False
        assert 0.2 <= anyio.current_time() - started < 2
        with anyio.fail_after(5):
            await hung_up.wait()


async def test_a_name_that_cannot_have_a_certificate_is_a_failed_attempt(exchange: ExchangeServer) -> None:
    connection = await anyio.connect_tcp(LOOPBACK, exchange.port)
    with pytest.raises(TlsError, match=r"no TLS with \.example: "):
        await Tls().secure(connection, ".example")


def without(check_hostname: bool, verify_mode: ssl.VerifyMode) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = check_hostname
    context.verify_mode = verify_mode
    return context


@pytest.mark.parametrize(
    "context",
    [
        without(False, ssl.CERT_NONE),
        without(False, ssl.CERT_REQUIRED),
        without(False, ssl.CERT_OPTIONAL),
        without(True, ssl.CERT_OPTIONAL),
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
    ],
    ids=["nothing", "no host name", "optional", "optional with host name", "for servers"],
)
def test_a_context_that_would_take_anybody_is_refused_at_once(context: ssl.SSLContext) -> None:
    with pytest.raises(UsageError, match="must verify certificate and host name"):
        BulkWebSocketClient(ssl_context=context)


@pytest.mark.parametrize("make", [BulkWebSocketClient, BlockingClient])
def test_what_is_no_context_at_all_is_refused_at_once(make: Callable[..., object]) -> None:
    with pytest.raises(UsageError, match="must verify certificate and host name"):
        make(ssl_context=True)


def test_a_fault_of_tls_in_mid_connection_is_told_without_numbers() -> None:
    fault = ssl.SSLError(1, "[SSL: BAD] bad (_ssl.c:2580)")
    fault.reason = "DECRYPTION_FAILED_OR_BAD_RECORD_MAC"
    assert reason_of(fault) == "TLS failed (decryption failed or bad record mac)"
    assert reason_of(ssl.SSLError("its own words")) == "TLS failed (('its own words',))"
