"""TLS for connectors: certificate and host name are always verified, and a refusal explains itself."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from bulk_proto.certificates import TrustStore, refusal
from bulk_proto.errors import TlsError, UsageError

from .conversation import READ_SIZE
from .faults import reason_of, tls_words
from .secured import SecuredSocket


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

    def secure(self, sock: socket.socket, host: str, patience: Callable[[], float]) -> SecuredSocket:
        """Shake hands with ``host`` over ``sock``, which is closed when that fails.

        ``patience`` tells how many seconds are left, or raises ``TimeoutError``. The roots are read for the
        first connection, and kept. Raises :class:`TlsError`.
        """
        if self._context is None:
            import certifi  # only now: it brings half of importlib along

            self._context = ssl.create_default_context(cafile=certifi.where())
            self._store = TrustStore.of_certifi(certifi.__version__)
        session: ssl.SSLObject | None = None
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try:
            session = self._context.wrap_bio(incoming, outgoing, server_hostname=host)
            secured = SecuredSocket(sock, session, incoming, outgoing)
            _shake_hands(secured, patience)
        except (OSError, ValueError) as fault:
            error = self._error(fault, host, session)
            sock.close()
            raise error from fault
        except BaseException:
            sock.close()
            raise
        return secured

    def _error(self, fault: Exception, host: str, session: ssl.SSLObject | None) -> TlsError:
        match fault:
            case ssl.SSLCertVerificationError():
                chain = _certificates(session)
                now = datetime.now(UTC)
                return refusal(host, fault.verify_code, fault.verify_message, chain, self._store, now)
            case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE"):
                return TlsError(f"no TLS with {host}: what it answers on this port is not TLS")
            case ssl.SSLEOFError():
                return TlsError(f"no TLS with {host}: it hung up during the handshake")
            case ssl.SSLError():
                return TlsError(f"no TLS with {host}: {tls_words(fault)}")
            case _:
                return TlsError(f"no TLS with {host}: {reason_of(fault)}")


def _shake_hands(secured: SecuredSocket, patience: Callable[[], float]) -> None:
    sock, outgoing = secured.sock, secured.outgoing
    done = False
    while not done:
        sock.settimeout(patience())
        try:
            secured.session.do_handshake()
            done = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            with suppress(OSError):
                sock.sendall(outgoing.read())  # the alert that tells the server why
            raise
        if outgoing.pending:
            sock.sendall(outgoing.read())
        if not done:
            data = sock.recv(READ_SIZE)
            secured.incoming.write(data) if data else secured.incoming.write_eof()


def _certificates(session: ssl.SSLObject | None) -> list[bytes]:
    """The certificates that the server sent, DER, its own first; none when they cannot be had."""
    # Before Python 3.13 the public object offers them only after a success.
    ask = getattr(getattr(session, "_sslobj", None), "get_unverified_chain", None)
    offered = ask() if ask is not None else None
    return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in offered or ()]
