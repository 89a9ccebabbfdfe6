"""Every number that shapes the client's behaviour, with its unit and its reason."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from msgspec import Struct

from .enums import SignatureDomain
from .errors import UsageError
from .signing.layouts import DEFAULT_PROFILE, PROFILES
from .signing.nonces import NonceMemory
from .upgrade import check_request

_DEFAULT_PORTS = {"ws": 80, "wss": 443}
_DURATIONS = (
    "opening_timeout",
    "ready_timeout",
    "request_timeout",
    "closing_timeout",
    "ping_interval",
    "silence_timeout",
    "backoff_base",
    "backoff_cap",
    "settled_after",
    "book_patience",
)
_COUNTS = ("max_message_size", "max_fragments", "max_posts_per_second", "max_subscriptions")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object, least: int) -> bool:
    return type(value) is int and value >= least


class Config(Struct, frozen=True, kw_only=True):
    """Fixed settings of one :class:`~bulk_proto.core.ClientCore`. All durations are in seconds.

    ``wall_clock`` gives nanoseconds since 1970 and is used for nonces alone; ``chance`` gives numbers
    from 0 to 1 and is used for jitter alone; ``mask`` gives four bytes that nobody can foresee, as
    ``os.urandom(4)`` does, for each text sent (RFC 6455 section 5.3). They come from outside so that any run
    can be repeated, but for what wsproto draws itself: the key of the handshake and masks of control frames.
    ``nonce_memory`` makes nonces rise across restarts too, whatever the clock does meanwhile.

    Raises :class:`UsageError` for an address that is not ``ws://`` or ``wss://`` with a host, for an unknown
    profile, for a duration that is not a finite number above 0 (``book_silence`` may be infinite, and
    ``ticker_silence`` too, which is 1 at least), and for a limit that is not a whole number from 1 (from 0:
    ``cancel_reserve`` and ``reconnect_attempts``).
    """

    url: str
    domain: SignatureDomain
    wall_clock: Callable[[], int]
    chance: Callable[[], float]
    mask: Callable[[], bytes]
    nonce_memory: NonceMemory | None = None
    signing_profile: str = DEFAULT_PROFILE  # how actions become signed bytes; servers differ by age

    opening_timeout: float = 10.0  # name look-up, TCP, TLS and handshake together
    ready_timeout: float = 10.0  # once it is open: topics confirmed and first account snapshot
    request_timeout: float = 10.0  # documented default of the client
    closing_timeout: float = 2.0  # answer to our close frame
    ping_interval: float = 20.0  # asked after this much silence; the server itself pings every 30 s
    silence_timeout: float = 60.0  # pongs later than 10 s occur under load, so be patient
    backoff_base: float = 1.0  # documented
    backoff_cap: float = 30.0  # documented
    reconnect_attempts: int | None = None  # in vain, one after the other: then it is given up; None: never
    settled_after: float = 60.0  # a link that lived this long resets the back-off
    book_patience: float = 2.0  # a subscribed book that stays empty or wrong this long is asked for again
    book_silence: float = 30.0  # a book that no message has touched for so long is asked for again
    ticker_silence: float = 10.0  # a ticker that stays away for so long is stale and asked for again
    max_message_size: int = 64 * 1024 * 1024  # bytes; initial candles and deep books are large
    max_fragments: int = 1024  # per message
    max_posts_per_second: int = 900  # the exchange disconnects beyond 1000 messages of any kind
    cancel_reserve: int = 50  # a second more, for transactions that only cancel: there is always a way out
    max_subscriptions: int = 100  # limit of the exchange per connection; beyond it disconnects

    def __post_init__(self) -> None:
        parts = urlsplit(self.url) if isinstance(self.url, str) else urlsplit("")
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise UsageError("not a WebSocket address: expected ws://host:port or wss://host")
        try:
            _ = parts.port
        except ValueError:
            raise UsageError("the port in the address is not a number from 0 to 65535") from None
        check_request(self.host_header, self.target)
        if self.signing_profile not in PROFILES:
            raise UsageError(f"unknown signing_profile: expected one of {', '.join(PROFILES)}")
        for name in _DURATIONS:
            seconds = getattr(self, name)  # 0 would be due again at once, for ever
            if not (_is_number(seconds) and 0 < seconds < float("inf")):
                raise UsageError(f"{name} must be a number of seconds above 0")
        if not (_is_number(self.book_silence) and self.book_silence > 0):
            raise UsageError("book_silence must be a number of seconds above 0; infinity turns it off")
        if not (_is_number(self.ticker_silence) and self.ticker_silence >= 1):
            raise UsageError("ticker_silence must be a number of seconds from 1; infinity turns it off")
        if not (self.reconnect_attempts is None or _is_count(self.reconnect_attempts, 0)):
            raise UsageError("reconnect_attempts must be a whole number from 0, or None for no end of them")
        if not _is_count(self.cancel_reserve, 0):
            raise UsageError("cancel_reserve must be a whole number from 0")
        for name in _COUNTS:
            if not _is_count(getattr(self, name), 1):
                raise UsageError(f"{name} must be a whole number from 1")

    @property
    def tls(self) -> bool:
        return urlsplit(self.url).scheme == "wss"

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or _DEFAULT_PORTS[parts.scheme]

    @property
    def host_header(self) -> str:
        """Host and, where it is not the default, port (RFC 6455 section 4.1, item 4)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[urlsplit(self.url).scheme] else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
