"""Which exchange, and which signature domain belongs to it: the two are never chosen apart."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from msgspec import Struct

from .enums import SignatureDomain
from .errors import UsageError

DEFAULT_URL = "wss://exchange-wss.bulk.trade"  # the documented default of the client; counts as mainnet


class Network(Struct, frozen=True, gc=False):
    """A WebSocket address and the domain byte that its signatures carry."""

    MAINNET: ClassVar[Network]
    TESTNET: ClassVar[Network]
    STAGING: ClassVar[Network]

    name: str
    url: str
    domain: SignatureDomain


Network.MAINNET = Network("mainnet", "wss://mainnet-ws1.bulk.trade", SignatureDomain.MAINNET)
Network.TESTNET = Network("testnet", "wss://exchange-ws1.bulk.trade", SignatureDomain.TESTNET)
Network.STAGING = Network("staging", "wss://staging-ws.bulk.trade", SignatureDomain.DEVNET)

_DOMAIN_OF_HOST = {
    urlsplit(network.url).hostname: network.domain
    for network in (Network.MAINNET, Network.TESTNET, Network.STAGING)
} | {urlsplit(DEFAULT_URL).hostname: SignatureDomain.MAINNET}


def choose_network(
    url: str, network: Network | None, domain: SignatureDomain | None
) -> tuple[str, SignatureDomain]:
    """The address and the domain that a client's settings ask for.

    Raises :class:`UsageError` when they contradict each other or a known host, and for a text in their place.
    """
    if network is None:
        return url, domain_for(url, domain)
    if not isinstance(network, Network):
        raise UsageError("network must be a Network, such as Network.TESTNET")
    if url not in (DEFAULT_URL, network.url):
        raise UsageError("give either url or network: they name different servers")
    if domain not in (None, network.domain):
        raise UsageError(
            f"network {network.name} is signed for with {network.domain.name}: leave signature_domain out"
        )
    return network.url, domain_for(network.url, network.domain)


def domain_for(url: str, wanted: SignatureDomain | None = None) -> SignatureDomain:
    """The domain to sign with at ``url``.

    A known host has its own domain. Any other host, a local one too, gets DEVNET unless ``wanted``
    says otherwise, so that no stranger's server receives bytes that are valid on mainnet. Raises
    :class:`UsageError` when ``wanted`` contradicts a known host or is no domain at all.
    """
    if wanted is not None and not isinstance(wanted, SignatureDomain):
        raise UsageError("signature_domain must be a member of SignatureDomain, such as DEVNET")
    host = urlsplit(url).hostname if isinstance(url, str) else None
    known = _DOMAIN_OF_HOST.get(host)
    if known is not None and wanted is not None and wanted is not known:
        raise UsageError(
            f"{host} verifies signatures with domain {known.name}, so every order signed with "
            f"{wanted.name} would be refused there: leave signature_domain out, or use another url"
        )
    return wanted or known or SignatureDomain.DEVNET
