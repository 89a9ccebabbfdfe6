"""Makes connections: straight or through a proxy, with TLS where the address says so, or your own way.

A connector is one function, so any other transport is as easy::

    async def through_a_socket_file(config: Config) -> ByteStream:
        return await anyio.connect_unix("/run/gateway.sock")

    client = BulkWebSocketClient("ws://gateway", connector=through_a_socket_file)
"""

from __future__ import annotations

import math
import socket
import ssl
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import anyio
from anyio.abc import ByteStream

from bulk_proto.config import Config
from bulk_proto.errors import LinkError, ProxyError, UsageError
from bulk_proto.proxy_address import ProxyAddress, ProxyScheme

from .faults import reason_of
from .host import in_trio
from .push_stream import PushStream
from .tls import Handshake, Tls

if TYPE_CHECKING:
    from python_socks.async_.anyio.v2 import Proxy

Connector = Callable[[Config], Awaitable[ByteStream]]
"""Makes the connection for a client: to a Unix socket, through a proxy, to an in-memory pipe.

It is awaited once per attempt, is cancelled when the attempt takes too long, and raises ``OSError`` or
:class:`LinkError` when there is no connection to be had; anything else it raises is logged and counts as
that. For a ``wss://`` address it brings TLS itself.
"""


def choose_connector(
    connector: Connector | None, proxy: str | None, ssl_context: ssl.SSLContext | None
) -> Connector:
    """The one that a client's settings ask for. Raises :class:`UsageError` when they contradict."""
    if connector is None:
        return tcp_connector(ssl_context) if proxy is None else proxy_connector(proxy, ssl_context)
    if proxy is not None or ssl_context is not None:
        raise UsageError("a connector brings its own proxy and TLS: leave proxy= and ssl_context= out")
    return connector


def tcp_connector(ssl_context: ssl.SSLContext | None = None) -> Connector:
    """The connector used unless the caller brings another: TCP, and TLS verified by certifi's roots.

    ``ssl_context`` brings other roots. It must verify certificate and host name; :class:`UsageError`
    is raised for one that does not. Of the addresses of a host the first that answers is taken, and a
    slow one delays the next by a quarter of a second only.
    """
    tls = Tls(ssl_context)

    async def connect(config: Config) -> ByteStream:
        stream = await _dial(config.host, config.port)
        return await tls.secure(stream, config.host) if config.tls else stream

    return connect


def proxy_connector(proxy: str, ssl_context: ssl.SSLContext | None = None) -> Connector:
    """Through a proxy: ``http://``, ``https://``, ``socks5://`` or ``socks5h://``, with TLS inside.

    ``proxy`` is ``scheme://user:password@host:port``; it is never shown with user and password.
    ``socks5h`` and HTTP proxies look up the exchange's name themselves. ``ssl_context`` is used for
    the exchange, and for the proxy when that is ``https://``. Needs the extra ``bulk-proto[proxy]``;
    raises :class:`UsageError` without it, and for an address that is not a proxy's. No environment
    variable is read.
    """
    address = ProxyAddress(proxy)
    tls = Tls(ssl_context)
    if find_spec("python_socks") is None:
        raise UsageError("a proxy needs python-socks: pip install 'bulk-proto[proxy]'")

    async def connect(config: Config) -> ByteStream:
        stream = await _tunnel(address, tls, config)
        return await tls.secure(stream, config.host) if config.tls else stream

    return connect


async def _dial(host: str, port: int) -> PushStream:
    try:
        if in_trio():
            from .trio_stream import TrioStream

            return TrioStream(await anyio.connect_tcp(host, port))
        from .asyncio_stream import dial

        return await dial(host, port)
    except (OSError, ValueError) as fault:  # ValueError: a name that cannot be one
        raise LinkError(f"cannot reach {host}:{port}: {reason_of(fault)}") from fault


async def _tunnel(address: ProxyAddress, tls: Tls, config: Config) -> ByteStream:
    handshake = tls.handshake() if address.scheme is ProxyScheme.HTTPS else None
    try:
        # The core's own timer ends an attempt that takes too long.
        tunnel = await _proxy(address, handshake).connect(config.host, config.port, timeout=math.inf)
        return tunnel.anyio_stream
    except Exception as fault:  # what python-socks makes of a proxy's rubbish is not documented
        problem = _problem(fault, address, handshake, config.host)
    # Not inside the handler: the frames of the fault, its context there, hold the password.
    raise ProxyError(f"no connection through the proxy {address}: {problem}")


def _proxy(address: ProxyAddress, handshake: Handshake | None) -> Proxy:
    from python_socks import ProxyType
    from python_socks.async_.anyio.v2 import Proxy

    user, password = address.credentials or (None, None)
    return Proxy(
        ProxyType.HTTP if address.scheme.is_http else ProxyType.SOCKS5,
        address.host,
        address.port,
        user,
        password,
        rdns=address.scheme is not ProxyScheme.SOCKS5,
        proxy_ssl=None if handshake is None else handshake.as_context,
    )


def _problem(fault: Exception, address: ProxyAddress, handshake: Handshake | None, host: str) -> str:
    """What to tell people. No word of an HTTP proxy's own answer: it may repeat the password."""
    import python_socks

    by_http = address.scheme.is_http
    match fault:
        case python_socks.ProxyConnectionError():
            return f"it cannot be reached: {reason_of(fault)}"
        case python_socks.ProxyError(error_code=407) if by_http:
            return f"it asks for {'another' if address.credentials else 'a'} user and password (HTTP 407)"
        case python_socks.ProxyError(error_code=int(status)) if by_http:
            return f"it answered HTTP {status} when asked for {host}"
        case python_socks.ProxyError() if by_http:
            return "it hung up, or its answer is not HTTP"
        case python_socks.ProxyError():
            return str(fault)  # constants of python-socks and numbers
        case socket.gaierror():
            return f"{host} cannot be resolved here ({fault.strerror}); with socks5h:// the proxy does it"
        case ssl.SSLError() if handshake is not None:
            return str(handshake.error(fault, address.host))
        case OSError() | anyio.BrokenResourceError():
            return reason_of(fault)
        case _:
            return f"it gave no proper answer ({type(fault).__name__})"
