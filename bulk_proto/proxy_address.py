"""The address of a proxy, which keeps its user and password to itself."""

from __future__ import annotations

from enum import Enum
from typing import NoReturn
from urllib.parse import SplitResult, unquote, urlsplit

from .errors import UsageError

_MAX_CREDENTIAL = 255  # bytes, for SOCKS5 (RFC 1929 section 2)


class ProxyScheme(Enum):
    """How to talk to the proxy, and who looks up the name of the exchange."""

    HTTP = "http"  # CONNECT; the proxy looks it up
    HTTPS = "https"  # the same inside TLS
    SOCKS5 = "socks5"  # this computer looks it up
    SOCKS5H = "socks5h"  # the proxy looks it up

    @property
    def is_http(self) -> bool:
        return self in (ProxyScheme.HTTP, ProxyScheme.HTTPS)


class ProxyAddress:
    """``scheme://user:password@host:port``, parsed; user and password are optional.

    Text and repr show scheme, host and port alone. It cannot be copied or pickled. Raises
    :class:`UsageError` for an address that cannot work; the text holds nothing of the address.
    """

    __slots__ = ("_credentials", "host", "port", "scheme")

    def __init__(self, url: str) -> None:
        parts = _split(url)
        port = _port(parts) if parts is not None else None
        if parts is None or port is None or not parts.hostname:
            raise UsageError(
                "not the address of a proxy: expected proxy='http://user:password@host:port' (or "
                "https, socks5, socks5h; special characters in user and password are percent-encoded)"
            )
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise UsageError("nothing may follow the port in the address of a proxy")
        self.scheme = _scheme(parts.scheme)
        self.host = parts.hostname
        self.port = port
        self._credentials = _credentials(parts, self.scheme)

    @property
    def credentials(self) -> tuple[str, str] | None:
        """User and password, for the proxy alone: never to be kept, shown or logged."""
        return self._credentials

    @property
    def location(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme.value}://{self.location}"

    def __repr__(self) -> str:
        return f"ProxyAddress({str(self)!r})"

    def __reduce__(self) -> NoReturn:
        # Both copy and pickle come this way.
        raise TypeError("the address of a proxy may hold a password: it cannot be copied or pickled")


def _split(url: str) -> SplitResult | None:
    """None instead of the standard library's errors: their texts hold the password."""
    try:
        return urlsplit(url)
    except ValueError:
        return None


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port or None
    except ValueError:
        return None


def _scheme(name: str) -> ProxyScheme:
    for scheme in ProxyScheme:
        if name == scheme.value:
            return scheme
    raise UsageError("a proxy is http://, https://, socks5:// or socks5h://")


def _credentials(parts: SplitResult, scheme: ProxyScheme) -> tuple[str, str] | None:
    if parts.username is None:
        return None
    user, password = unquote(parts.username), unquote(parts.password or "")
    if scheme.is_http:
        is_possible = bool(user) and ":" not in user and max(user + password) <= "\xff"
        rule = "for HTTP both are Latin-1 and the user, not empty, has no colon (RFC 7617 section 2)"
    else:
        is_possible = all(text.isascii() and 0 < len(text) <= _MAX_CREDENTIAL for text in (user, password))
        rule = f"for SOCKS5 both have 1 to {_MAX_CREDENTIAL} ASCII characters"
    if not is_possible:
        raise UsageError(f"a user or password that this kind of proxy cannot take: {rule}")
    return user, password
