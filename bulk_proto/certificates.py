"""Says in plain words why the certificate of a server was not accepted, and what to do about it.

A driver verifies; here its verdict is explained from the certificates that the server sent. Whatever
they hold, nothing raises, and names taken from them are shortened and escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct

from .errors import TlsError

if TYPE_CHECKING:
    from cryptography import x509

# Verdicts of OpenSSL (X509_V_ERR_*); the other eighty explain themselves.
_NOT_YET_VALID = 9
_EXPIRED = 10
_SELF_SIGNED = 18
_UNKNOWN_ISSUER = (2, 19, 20, 21)
_OTHER_HOST = (62, 64)

_MAX_NAMES = 3
_MAX_NAME = 80  # characters


class TrustStore(Struct, frozen=True):
    """Root certificates: what people call them, and what to do when a root is missing or too old."""

    name: str
    remedy: str

    @classmethod
    def of_certifi(cls, version: str) -> TrustStore:
        return cls(
            f"the roots of certifi {version}",
            "If you trust another store, pass it as ssl_context=: ssl.create_default_context() takes "
            "the system's, ssl.create_default_context(cafile=...) a root of your own.",
        )

    @classmethod
    def of_the_caller(cls) -> TrustStore:
        return cls(
            "the roots of your ssl_context",
            "Leave ssl_context= out to use certifi's roots, or add the root that is missing with "
            "ssl_context.load_verify_locations(); ssl.create_default_context() has the system's.",
        )


class _Certificate(Struct, frozen=True):
    hosts: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime


def refusal(
    host: str, verdict: int, verdict_text: str, chain: Iterable[bytes], store: TrustStore, now: datetime
) -> TlsError:
    """The error for a server at ``host`` whose certificate was not accepted.

    ``verdict`` and ``verdict_text`` are OpenSSL's code and words, ``chain`` the certificates that the
    server sent (DER, its own first; empty when they are not known), ``now`` the time of the verdict
    with its time zone.
    """
    certificates = [found for found in map(_read, chain) if found is not None]
    problem, remedy = _explain(verdict, verdict_text, certificates, store, now)
    return TlsError(f"no TLS with {host}: {problem} (verified against {store.name}). {remedy}".rstrip())


def _explain(
    verdict: int, text: str, chain: Sequence[_Certificate], store: TrustStore, now: datetime
) -> tuple[str, str]:
    """The problem and its remedy."""
    own = chain[0] if chain else None
    if verdict == _EXPIRED:
        return _expired(chain, store, now)
    if verdict == _NOT_YET_VALID:
        since = f" before {own.begins:%Y-%m-%d}" if own is not None and own.begins > now else " yet"
        return f"the server's certificate is not valid{since}", "Check the date of this computer."
    if verdict in _OTHER_HOST:
        names = _listed(own.hosts) if own is not None and own.hosts else "another host"
        return f"the server's certificate is for {names}, not for this host", "Check the address."
    if verdict == _SELF_SIGNED:
        return "the server's certificate is self-signed and not among the trusted roots", store.remedy
    if verdict in _UNKNOWN_ISSUER:
        issuer = f", {_shown(chain[-1].issuer)}," if chain else ""
        return f"the issuer of the server's certificate{issuer} is not among the trusted roots", store.remedy
    return f"the server's certificate was refused: {text}", ""


def _expired(chain: Sequence[_Certificate], store: TrustStore, now: datetime) -> tuple[str, str]:
    """Of the server, of an issuer it sent along, or of a root that lies in the store."""
    if not chain:
        return "the server's certificate, or one above it, has expired", store.remedy
    ends = chain[0].ends
    if ends < now:
        problem = f"the server's certificate expired on {ends:%Y-%m-%d}"
        return problem, "The server has to renew it, unless the date of this computer is wrong."
    for certificate, above in pairwise(chain):
        if above.ends < now:
            issuer = _shown(certificate.issuer)
            return f"the certificate of the issuer {issuer} expired on {above.ends:%Y-%m-%d}", store.remedy
    return "all that the server sent is valid, but a root among the trusted ones has expired", store.remedy


def _read(der: bytes) -> _Certificate | None:
    from cryptography import x509  # a tenth of what importing a client takes, and only refusals need it

    try:
        certificate = x509.load_der_x509_certificate(der)
        return _Certificate(
            hosts=_hosts(certificate),
            issuer=certificate.issuer.rfc4514_string(),
            begins=certificate.not_valid_before_utc,
            ends=certificate.not_valid_after_utc,
        )
    except Exception:  # a stranger's bytes, and a parser with a dozen kinds of errors
        return None


def _hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = names.get_values_for_type(x509.IPAddress)
    return (*names.get_values_for_type(x509.DNSName), *(str(address) for address in addresses))


def _listed(names: Sequence[str]) -> str:
    more = ", …" if len(names) > _MAX_NAMES else ""
    return ", ".join(_shown(name) for name in names[:_MAX_NAMES]) + more


def _shown(name: str) -> str:
    return ascii(name[:_MAX_NAME])
