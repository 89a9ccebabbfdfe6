"""The explanations of refused certificates: right for each verdict, harmless whatever a stranger sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.certificates import TrustStore, refusal
from bulk_proto.errors import LinkError
from tests.made_certificates import DAY, NOW, certificate, der

STORE = TrustStore(name="the roots of a test", remedy="Try another.")
OWN = certificate("exchange.test", "Issuer", hosts=("exchange.test", "b.test", "c.test", "d.test"))
OLD = certificate("exchange.test", "Issuer", begins=NOW - 9 * DAY, ends=NOW - 2 * DAY)
YOUNG = certificate("exchange.test", "Issuer", begins=NOW + DAY, ends=NOW + 2 * DAY)
ISSUER = certificate("Issuer", "Root", authority=True)
OLD_ISSUER = certificate("Issuer", "Root", begins=NOW - 9 * DAY, ends=NOW - 2 * DAY, authority=True)
LAST_DAY = f"{NOW - 2 * DAY:%Y-%m-%d}"


def explained(verdict: int, *chain: object, text: str = "words of OpenSSL") -> str:
    certificates = [each if isinstance(each, bytes) else der(each) for each in chain]  # type: ignore[arg-type]
    return str(refusal("exchange.test", verdict, text, certificates, STORE, NOW))


IT = "the server's certificate"
RENEW = "The server has to renew it, unless the date of this computer is wrong."
DATE = "Check the date of this computer."
ADDRESS = "Check the address."
OTHER = "Try another."


@pytest.mark.parametrize(
    ("verdict", "chain", "problem", "remedy"),
    [
        (10, [OLD, ISSUER], f"{IT} expired on {LAST_DAY}", RENEW),
        (10, [OWN, OLD_ISSUER], f"the certificate of the issuer 'CN=Issuer' expired on {LAST_DAY}", OTHER),
        (
            10,
            [OWN, ISSUER],
            "all that the server sent is valid, but a root among the trusted ones has expired",
            OTHER,
        ),
        (10, [], f"{IT}, or one above it, has expired", OTHER),
        (9, [YOUNG], f"{IT} is not valid before {NOW + DAY:%Y-%m-%d}", DATE),
        (9, [OWN], f"{IT} is not valid yet", DATE),
        (9, [], f"{IT} is not valid yet", DATE),
        (62, [OWN], f"{IT} is for 'exchange.test', 'b.test', 'c.test', …, not for this host", ADDRESS),
        (64, [ISSUER], f"{IT} is for another host, not for this host", ADDRESS),
        (62, [], f"{IT} is for another host, not for this host", ADDRESS),
        (18, [OWN], f"{IT} is self-signed and not among the trusted roots", OTHER),
        (20, [OWN], f"the issuer of {IT}, 'CN=Issuer', is not among the trusted roots", OTHER),
        (19, [OWN, ISSUER], f"the issuer of {IT}, 'CN=Root', is not among the trusted roots", OTHER),
        (21, [], f"the issuer of {IT} is not among the trusted roots", OTHER),
    ],
)
def test_every_verdict_has_a_problem_and_a_remedy(
    verdict: int, chain: list[object], problem: str, remedy: str
) -> None:
    expected = f"no TLS with exchange.test: {problem} (verified against the roots of a test). {remedy}"
    assert explained(verdict, *chain) == expected


def test_a_rare_verdict_is_told_in_the_words_of_openssl() -> None:
    assert explained(23, OWN, text="certificate revoked") == (
        "no TLS with exchange.test: the server's certificate was refused: certificate revoked "
        "(verified against the roots of a test)."
    )


def test_names_from_a_certificate_cannot_forge_lines_of_a_log() -> None:
    evil = certificate("x", "CEO\nERROR all your orders were filled " + "y" * 20, hosts=("x",))
    for verdict in (10, 19, 20, 62):
        assert "\n" not in explained(verdict, evil)
    long = certificate("x", "z" * 60, hosts=tuple("h" * 60 + f"{n}.test" for n in range(50)))
    assert len(explained(62, long)) < 400


def test_it_is_an_error_of_the_link() -> None:
    assert isinstance(refusal("h", 10, "", [], STORE, NOW), LinkError)


VERDICTS = st.sampled_from([2, 9, 10, 18, 19, 20, 21, 23, 62, 64])


@given(verdict=VERDICTS, chain=st.lists(st.binary(max_size=60), max_size=3))
def test_rubbish_for_certificates_never_raises(verdict: int, chain: list[bytes]) -> None:
    assert "no TLS with exchange.test" in explained(verdict, *chain)


@given(verdict=VERDICTS, position=st.integers(0, len(der(OWN)) - 1), byte=st.integers(0, 255))
def test_a_damaged_certificate_never_raises(verdict: int, position: int, byte: int) -> None:
    damaged = bytearray(der(OWN))
    damaged[position] = byte
    text = explained(verdict, bytes(damaged), ISSUER)
    assert text.startswith("no TLS with exchange.test: ")
    assert text.isprintable()


def test_both_stores_name_themselves_and_the_other_one() -> None:
    certifi, own = TrustStore.of_certifi("2026.1"), TrustStore.of_the_caller()
    assert "certifi 2026.1" in certifi.name
    assert "ssl_context=: ssl.create_default_context() takes the system's" in certifi.remedy
    assert "your ssl_context" in own.name
    assert "certifi" in own.remedy
