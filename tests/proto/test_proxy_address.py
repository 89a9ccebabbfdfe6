"""The address of a proxy: read rightly, refused plainly, and silent about its password."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.errors import UsageError
from bulk_proto.proxy_address import ProxyAddress, ProxyScheme

SECRET = "made-up-canary"


def test_every_part_is_read_and_percent_signs_are_decoded() -> None:
    address = ProxyAddress("socks5h://a%40b:c%3Ad%2F@Proxy.Test:1080/")
    assert address.scheme is ProxyScheme.SOCKS5H
    assert (address.host, address.port) == ("proxy.test", 1080)
    assert address.credentials == ("a@b", "c:d/")


@pytest.mark.parametrize("scheme", ProxyScheme)
def test_user_and_password_are_optional(scheme: ProxyScheme) -> None:
    address = ProxyAddress(f"{scheme.value}://[::1]:8080")
    assert (address.scheme, address.host, address.port) == (scheme, "::1", 8080)
    assert address.credentials is None
    assert str(address) == f"{scheme.value}://[::1]:8080"


def test_the_schemes_of_http_are_told_apart() -> None:
    assert [scheme for scheme in ProxyScheme if scheme.is_http] == [ProxyScheme.HTTP, ProxyScheme.HTTPS]


def test_a_token_may_stand_alone_as_the_user_of_an_http_proxy() -> None:
    assert ProxyAddress("http://token@proxy.test:80").credentials == ("token", "")
    assert ProxyAddress(
        "http://t%E9:p%FF@proxy.test:80".replace("%E9", "é").replace("%FF", "ÿ")
    ).credentials == (
        "té",
        "pÿ",
    )


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "expected proxy="),
        ("proxy.test", "expected proxy="),
        ("http://proxy.test", "expected proxy="),
        ("http://:3128", "expected proxy="),
        ("http://proxy.test:0", "expected proxy="),
        ("http://proxy.test:65536", "expected proxy="),
        (f"http://user:{SECRET}@proxy.test:{SECRET}", "percent-encoded"),
        (f"http://user:{SECRET}/@proxy.test:1", "percent-encoded"),
        (f"http://user:{SECRET}@[proxy.test:1", "percent-encoded"),
        (f"http://user:{SECRET}℀@proxy.test:1", "percent-encoded"),
        (f"http://user:1/{SECRET}@proxy.test:1", "nothing may follow the port"),
        (f"http://user:1?{SECRET}@proxy.test:1", "nothing may follow the port"),
        (f"http://user:1#{SECRET}@proxy.test:1", "nothing may follow the port"),
        (f"socks4://user:{SECRET}@proxy.test:1", "http://, https://, socks5:// or socks5h://"),
        (f"{SECRET}://user@proxy.test:1", "http://, https://, socks5:// or socks5h://"),
        (f"http://:{SECRET}@proxy.test:1", "for HTTP"),
        (f"http://us%3Aer:{SECRET}@proxy.test:1", "for HTTP"),
        (f"https://user:{SECRET}%E2%82%AC@proxy.test:1", "for HTTP"),
        (f"socks5://:{SECRET}@proxy.test:1", "for SOCKS5"),
        ("socks5://user@proxy.test:1", "for SOCKS5"),
        (f"socks5h://user:{SECRET}%C3%A9@proxy.test:1", "for SOCKS5"),
        (f"socks5h://user:{SECRET * 20}@proxy.test:1", "for SOCKS5"),
    ],
)
def test_an_address_that_cannot_work_is_refused_without_its_secrets(url: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as caught:
        ProxyAddress(url)
    assert SECRET not in repr(caught.value)
    assert caught.value.__context__ is None


@given(
    url=st.text(max_size=40)
    | st.from_regex(r"(http|socks5)://[\x20-\x7e]{0,20}@[a-z\[\]:]{0,8}:[0-9]{0,6}.?")
)
def test_any_other_text_is_read_or_refused(url: str) -> None:
    try:
        address = ProxyAddress(url)
    except UsageError:
        return
    assert 0 < address.port < 65536
    assert address.host


LETTERS = st.text("abcXYZ019-._~!$&'()*+,;=", min_size=1, max_size=20)


@given(user=LETTERS, password=LETTERS)
def test_whatever_the_credentials_are_no_text_shows_them(user: str, password: str) -> None:
    address = ProxyAddress(f"socks5://{user}!U:{password}!P@10.0.0.1:1080")
    assert address.credentials == (f"{user}!U", f"{password}!P")
    assert f"{address} {address!r}" == "socks5://10.0.0.1:1080 ProxyAddress('socks5://10.0.0.1:1080')"


@pytest.mark.parametrize("take", [copy.copy, copy.deepcopy, pickle.dumps, vars])
def test_it_cannot_be_copied_pickled_or_looked_through(take: Callable[[object], object]) -> None:
    with pytest.raises(TypeError):
        take(ProxyAddress("http://user:password@proxy.test:1"))
