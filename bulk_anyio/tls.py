"""TLS for connectors: certificate and host name are always verified, and a refusal explains itself."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import cast

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

from bulk_proto.certificates import TrustStore, refusal
from bulk_proto.errors import TlsError, UsageError

from .faults import reason_of, tls_words
from .push_stream import PushStream
from .tls_stream import TlsPushStream, TlsStream


class Tls:
    """Verifies servers by certifi's roots, or by those of the caller's ``ssl_context``.

    Raises :class:`UsageError` for a context that would take any certificate or any host name, or is none.
    """

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        if ssl_context is not None and not (
            isinstance(ssl_context, ssl.SSLContext)
            and ssl_context.check_hostname
            and ssl_context.verify_mode is ssl.CERT_REQUIRED
        ):
            raise UsageError(
                "ssl_context must verify certificate and host name, as ssl.create_default_context() makes it"
            )
        self._context = ssl_context
        self._store = TrustStore.of_the_caller()

    def handshake(self) -> Handshake:
        """One for each connection. The roots are read for the first one, and kept."""
        if self._context is None:
            import certifi  # only now: it brings half of importlib along

            self._context = ssl.create_default_context(cafile=certifi.where())
            self._store = TrustStore.of_certifi(certifi.__version__)
        return Handshake(self._context, self._store)

    async def secure(self, stream: ByteStream, host: str) -> ByteStream:
        """Shake hands with ``host`` over ``stream``, which is closed when that fails.

        Raises :class:`TlsError`.
        """
        handshake = self.handshake()
        try:
            secured = await TLSStream.wrap(
                stream, hostname=host, ssl_context=handshake.as_context, standard_compatible=False
            )
        except (OSError, ValueError, anyio.BrokenResourceError, anyio.EndOfStream) as fault:
            await anyio.aclose_forcefully(stream)
            raise handshake.error(fault, host) from fault
        except BaseException:
            await anyio.aclose_forcefully(stream)
            raise
        if isinstance(stream, PushStream):
            return TlsPushStream(secured, stream, *handshake.buffers)
        return TlsStream(secured, stream, *handshake.buffers)


class Handshake:
    """Stands in for the context, to keep hold of what it makes.

    After a refusal the session has the certificates; after a success ``buffers`` are those through which
    it reads and writes.
    """

    def __init__(self, context: ssl.SSLContext, store: TrustStore) -> None:
        self._context = context
        self._store = store
        self._session: ssl.SSLObject | None = None
        self.buffers = ssl.MemoryBIO(), ssl.MemoryBIO()

    @property
    def as_context(self) -> ssl.SSLContext:
        """anyio needs nothing of a context but ``wrap_bio``, and allows for other makes of it."""
        return cast(ssl.SSLContext, self)

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        self.buffers = incoming, outgoing
        self._session = self._context.wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        return self._session

    def error(self, fault: BaseException, host: str) -> TlsError:
        """Why there is no TLS with ``host``, which ``fault`` ended."""
        match fault:
            case ssl.SSLCertVerificationError():
                chain = _certificates(self._session)
                now = datetime.now(UTC)
                return refusal(host, fault.verify_code, fault.verify_message, chain, self._store, now)
            case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE"):
                return TlsError(f"no TLS with {host}: what it answers on this port is not TLS")
            case ssl.SSLError():
                return TlsError(f"no TLS with {host}: {tls_words(fault)}")
            case anyio.EndOfStream():
                return TlsError(f"no TLS with {host}: it hung up during the handshake")
            case _:
                return TlsError(f"no TLS with {host}: {reason_of(fault)}")


def _certificates(session: ssl.SSLObject | None) -> list[bytes]:
    """The certificates that the server sent, DER, its own first; none when they cannot be had."""
    # Before Python 3.13 the public object offers them only after a success.
    ask = getattr(getattr(session, "_sslobj", None), "get_unverified_chain", None)
    offered = ask() if ask is not None else None
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in offered or ()]
