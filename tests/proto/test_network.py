"""Addresses and signature domains: never a stranger with bytes that are valid on mainnet."""

from __future__ import annotations

from typing import Any

import pytest

from bulk_proto import subscriptions as topics
from bulk_proto.config import Config
from bulk_proto.enums import SignatureDomain
from bulk_proto.errors import UsageError
from bulk_proto.network import DEFAULT_URL, Network, choose_network, domain_for
from bulk_proto.redaction import redact
from bulk_proto.timestamps import to_nanoseconds


def config(url: str, **settings: Any) -> Config:
    return Config(
        url=url,
        domain=SignatureDomain.DEVNET,
        wall_clock=lambda: 0,
        chance=lambda: 0.5,
        mask=lambda: b"mask",
        **settings,
    )


def test_known_hosts_have_their_own_domain() -> None:
    assert domain_for(DEFAULT_URL) is SignatureDomain.MAINNET
    assert domain_for(Network.MAINNET.url) is SignatureDomain.MAINNET
    assert domain_for(Network.TESTNET.url + "/path") is SignatureDomain.TESTNET
    assert domain_for(Network.STAGING.url) is SignatureDomain.DEVNET


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1:9000", "wss://mainnet-ws1.bulk.trade.example.com", "wss://x"]
)
def test_a_stranger_gets_devnet_signatures(url: str) -> None:
    assert domain_for(url) is SignatureDomain.DEVNET


def test_a_domain_of_ones_own_is_respected_for_an_unknown_host() -> None:
    assert domain_for("ws://127.0.0.1:9000", SignatureDomain.MAINNET) is SignatureDomain.MAINNET


def test_a_known_host_with_a_contradicting_domain_is_refused_with_the_reason() -> None:
    with pytest.raises(UsageError, match=r"MAINNET.*TESTNET"):
        domain_for(DEFAULT_URL, SignatureDomain.TESTNET)


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "header", "target"),
    [
        ("wss://a.example", "a.example", 443, True, "a.example", "/"),
        ("ws://a.example:8080/x?y=1", "a.example", 8080, False, "a.example:8080", "/x?y=1"),
        ("ws://[::1]:9", "::1", 9, False, "[::1]:9", "/"),
    ],
)
def test_addresses_are_taken_apart(
    url: str, host: str, port: int, tls: bool, header: str, target: str
) -> None:
    settings = config(url)
    assert (settings.host, settings.port, settings.tls) == (host, port, tls)
    assert (settings.host_header, settings.target) == (header, target)


@pytest.mark.parametrize(
    "url", ["http://a", "a.example", "ws://", "ws://a:99999", "ws://a:b", "ws://a..b", "ws://a/x y"]
)
def test_what_is_not_a_websocket_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        config(url)


@pytest.mark.parametrize("value", [1767225600, 1767225600000, 1767225600000000, 1767225600000000000])
def test_one_moment_in_four_units_is_the_same_nanosecond(value: int) -> None:
    assert to_nanoseconds(value) == 1767225600 * 10**9


def test_redaction_leaves_no_key_and_no_signature() -> None:
    text = b'{"signer":"FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF","px":64250.5,"c":"BTC-USD"}'
    assert redact(text) == '{"signer":"FAe4…","px":64250.5,"c":"BTC-USD"}'


def test_a_text_for_a_network_or_a_domain_is_refused_before_anything_is_signed() -> None:
    text: Any = "TESTNET"
    with pytest.raises(UsageError, match=r"Network\.TESTNET"):
        choose_network(DEFAULT_URL, text, None)
    with pytest.raises(UsageError, match="member of SignatureDomain"):
        choose_network("ws://127.0.0.1:1", None, text)


def test_a_network_and_a_domain_that_contradict_are_refused() -> None:
    with pytest.raises(UsageError, match="leave signature_domain out"):
        choose_network(DEFAULT_URL, Network.MAINNET, SignatureDomain.DEVNET)
    with pytest.raises(UsageError, match="name different servers"):
        choose_network("ws://127.0.0.1:1", Network.MAINNET, None)
    mine = Network("mine", Network.MAINNET.url, SignatureDomain.DEVNET)
    with pytest.raises(UsageError, match="MAINNET"):
        choose_network(DEFAULT_URL, mine, None)
    own = Network("own", "ws://10.0.0.1", SignatureDomain.TESTNET)
    assert choose_network(DEFAULT_URL, own, None) == (own.url, SignatureDomain.TESTNET)
    assert choose_network("ws://127.0.0.1:1", None, None)[1] is SignatureDomain.DEVNET


@pytest.mark.parametrize(
    "setting",
    [
        {"max_posts_per_second": 0},
        {"max_subscriptions": 1.5},
        {"max_fragments": True},
        {"opening_timeout": "5"},
        {"ping_interval": float("nan")},
        {"book_silence": 0},
        {"reconnect_attempts": -1},
        {"reconnect_attempts": True},
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(setting: dict[str, Any]) -> None:
    (name,) = setting
    with pytest.raises(UsageError, match=name):
        config("ws://a", **setting)


def test_an_empty_list_of_markets_is_not_every_market() -> None:
    assert topics.markets(None) == []
    assert topics.markets(["BTC-USD"]) == ["BTC-USD"]
    mistakes: list[Any] = [[], "BTC-USD", 5]
    for mistake in mistakes:
        with pytest.raises(UsageError):
            topics.markets(mistake)
