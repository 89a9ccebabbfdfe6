"""Makes connections: straight or through a proxy, with TLS where the address says so, or your own way.

A connector is one function, so any other transport is as easy::

    def through_a_socket_file(config: Config, timeout: float) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect("/run/gateway.sock")
        return sock

    client = BulkWebSocketClient("ws://gateway", connector=through_a_socket_file)
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec

from bulk_proto.config import Config
from bulk_proto.errors import LinkError, ProxyError, UsageError
from bulk_proto.proxy_address import ProxyAddress, ProxyScheme

from .faults import reason_of
from .secured import SecuredSocket
from .tls import Tls

Made = socket.socket | SecuredSocket
"""A connection: a socket, with TLS or without, or what :func:`tcp_connector` makes for ``wss://``.

That is a :class:`bulk_sync.secured.SecuredSocket`: set options on its ``sock``.
"""

Connector = Callable[[Config, float], Made]
"""Makes the connection for a client: to a Unix socket, through a proxy, to an in-memory pipe.

It is called once per attempt, with the seconds it may take, and raises ``OSError`` or :class:`LinkError`
when there is no connection to be had; anything else it raises is logged and counts as that. For a
``wss://`` address it brings TLS itself, as an ``ssl.SSLSocket`` for example. It runs in a thread of its own;
a socket that comes too late is closed.
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
    is raised for one that does not. Of the addresses of a host the first that answers is taken, and none
    may use up the time of those after it.
    """
    tls = Tls(ssl_context)

    def connect(config: Config, timeout: float) -> Made:
        deadline = time.monotonic() + timeout
        try:
            sock = _dial(config.host, config.port, deadline)
        except OSError as fault:
            raise LinkError(f"cannot reach {config.host}:{config.port}: {reason_of(fault)}") from fault
        return _ready(sock, config, tls, deadline)

    return connect


def proxy_connector(proxy: str, ssl_context: ssl.SSLContext | None = None) -> Connector:
    """Through a proxy: ``http://``, ``socks5://`` or ``socks5h://``, with TLS inside.

    ``proxy`` is ``scheme://user:password@host:port``; it is never shown with user and password.
    ``socks5h`` and HTTP proxies look up the exchange's name themselves. ``ssl_context`` is used for
    the exchange. Needs the extra ``bulk-proto[proxy]``; raises :class:`UsageError` without it, for an
    address that is not a proxy's, and for ``https://``: TLS inside TLS needs the client of ``bulk_anyio``.
    No environment variable is read.
    """
    address = ProxyAddress(proxy)
    tls = Tls(ssl_context)
    if address.scheme is ProxyScheme.HTTPS:
        raise UsageError("the blocking client takes http://, socks5:// and socks5h:// proxies, not https://")
    if find_spec("python_socks") is None:
        raise UsageError("a proxy needs python-socks: pip install 'bulk-proto[proxy]'")

    def connect(config: Config, timeout: float) -> Made:
        deadline = time.monotonic() + timeout
        return _ready(_tunnel(address, config, timeout), config, tls, deadline)

    return connect


def _dial(host: str, port: int, deadline: float) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    fault: OSError | None = None
    for position, (family, kind, protocol, _, address) in enumerate(found):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(_left(deadline) / (len(found) - position))
            sock.connect(address)
        except OSError as error:
            sock.close()
            fault = error
        else:
            return sock
    raise fault or OSError("the host name has no address")


def _ready(sock: socket.socket, config: Config, tls: Tls, deadline: float) -> Made:
    """A connection on which small messages leave at once, with TLS if the address asks for it."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return tls.secure(sock, config.host, partial(_left, deadline)) if config.tls else sock


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _tunnel(address: ProxyAddress, config: Config, timeout: float) -> socket.socket:
    from python_socks import ProxyType
    from python_socks.sync import Proxy

    user, password = address.credentials or (None, None)
    kind = ProxyType.HTTP if address.scheme.is_http else ProxyType.SOCKS5
    look_up_there = address.scheme is not ProxyScheme.SOCKS5
    try:
        proxy = Proxy(kind, address.host, address.port, user, password, look_up_there)
        return proxy.connect(config.host, config.port, timeout)
    except Exception as fault:  # what python-socks makes of a proxy's rubbish is not documented
        problem = _problem(fault, address, config.host)
    # Not inside the handler: the frames of the fault, its context there, hold the password.
    raise ProxyError(f"no connection through the proxy {address}: {problem}")


def _problem(fault: Exception, address: ProxyAddress, host: str) -> str:
    """What to tell people. No word of an HTTP proxy's own answer: it may repeat the password."""
    import python_socks

    by_http = address.scheme.is_http
    match fault:
        case python_socks.ProxyConnectionError():
            return f"it cannot be reached: {reason_of(fault.__cause__ or fault)}"
        case python_socks.ProxyTimeoutError():
            return "it did not answer in time"
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
        case OSError():
            return reason_of(fault)
        case _:
            return f"it gave no proper answer ({type(fault).__name__})"
