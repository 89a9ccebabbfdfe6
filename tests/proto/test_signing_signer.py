"""The private key: how it comes in, and that it comes out as signatures and by one property only."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import pprint
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.enums import SignatureDomain
from bulk_proto.errors import InvalidAction, InvalidKey, NonceError, UsageError
from bulk_proto.signing import Signer, TransactionSigner, base58

from . import signing_vectors as v

TESTNET = SignatureDomain.TESTNET


def test_both_forms_of_a_private_key_are_the_same_signer() -> None:
    seed, pair = TransactionSigner(v.SEED_2), TransactionSigner(v.PAIR_2)
    assert seed.public_key == pair.public_key == v.AGENT
    assert seed.private_key == pair.private_key == v.SEED_2
    assert seed.sign(b"x") == pair.sign(b"x")
    assert TransactionSigner(v.SEED_1).public_key == v.OWNER


def test_a_new_account_has_a_key_of_its_own_that_can_be_stored() -> None:
    new = TransactionSigner.generate_account()
    assert new.public_key != TransactionSigner.generate_account().public_key
    again = TransactionSigner(new.private_key)
    assert again.public_key == new.public_key
    Ed25519PublicKey.from_public_bytes(base58.decode(new.public_key)).verify(again.sign(b"x"), b"x")


def test_a_transaction_signer_is_a_signer() -> None:
    signer: Signer = TransactionSigner(v.SEED_1)
    assert len(signer.sign(b"message")) == 64


_PAIR = base58.decode(v.PAIR_2)
BAD_KEYS: list[Any] = [
    None,
    "",
    b"1" * 32,
    7,
    [],
    " " + v.SEED_1,
    v.SEED_1 + "\n",
    base58.decode(v.SEED_1).hex(),
    "0x" + base58.decode(v.SEED_1).hex(),
    "0" * 43,
    "5" * 100_000,
    *(base58.encode(_PAIR[:size]) for size in (1, 31, 33, 63)),
    base58.encode(_PAIR + b"\0"),
    base58.encode(_PAIR[:63] + bytes((_PAIR[63] ^ 1,))),
    base58.encode(_PAIR[:32] + base58.decode(v.OWNER)),
]


@pytest.mark.parametrize("private_key", BAD_KEYS, ids=range(len(BAD_KEYS)))
def test_what_is_no_private_key_is_refused_without_being_repeated(private_key: Any) -> None:
    with pytest.raises(InvalidKey) as caught:
        TransactionSigner(private_key)
    assert str(caught.value).startswith("not a private key")
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert_secret_free(caught.value, str(private_key))


def assert_secret_free(error: BaseException, secret: str) -> None:
    """Neither the traceback of our frames with all their locals nor the exception shows the secret."""
    frames = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in frames.stack if "bulk_proto" in frame.filename]
    assert ours
    shown = "".join(str(frame.locals) for frame in ours) + str(error) + repr(error) + repr(error.args)
    if len(secret) > 4:
        assert secret not in shown
        assert secret.strip() not in shown


def test_a_key_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULK_PRIVATE_KEY", v.SEED_1)
    monkeypatch.setenv("OTHER", v.SEED_2)
    assert TransactionSigner.from_env().public_key == v.OWNER
    assert TransactionSigner.from_env("OTHER").public_key == v.AGENT
    monkeypatch.setenv("OTHER", v.SEED_2 + "0")
    with pytest.raises(InvalidKey) as caught:
        TransactionSigner.from_env("OTHER")
    assert_secret_free(caught.value, v.SEED_2)
    monkeypatch.delenv("OTHER")
    with pytest.raises(InvalidKey, match="not set"):
        TransactionSigner.from_env("OTHER")


def test_a_key_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"\n {v.SEED_1}\n")
    assert TransactionSigner.from_file(path).public_key == v.OWNER
    assert TransactionSigner.from_file(str(path)).public_key == v.OWNER
    for content in (v.SEED_1 + "é", v.SEED_1 + " " + v.SEED_1, v.SEED_1 + "0"):
        path.write_text(content)
        with pytest.raises(InvalidKey) as caught:
            TransactionSigner.from_file(path)
        assert caught.value.__context__ is None
        assert_secret_free(caught.value, v.SEED_1)
    with pytest.raises(FileNotFoundError):
        TransactionSigner.from_file(tmp_path / "none")


def _logged(signer: TransactionSigner) -> str:
    stream = io.StringIO()
    logger = logging.Logger("canary")
    logger.addHandler(logging.StreamHandler(stream))
    logger.warning("%s %r %s", signer, signer, {"signer": signer})
    return stream.getvalue()


def _traceback_of_misuse(signer: TransactionSigner) -> str:
    shown = ""
    for misuse in ({}, {"actions": [], "nonce": 1}, {"actions": [{"l": {}}], "nonce": "1"}):
        try:
            signer.sign_transaction(misuse, TESTNET)
        except (InvalidAction, NonceError) as error:
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            shown += "".join(told.format())
    try:
        signer.sign("text")  # type: ignore[arg-type]
    except TypeError as error:
        shown += "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    return shown


SHOWN: dict[str, Callable[[TransactionSigner], object]] = {
    "repr": repr,
    "str": str,
    "format": lambda signer: f"{signer} {signer!r} {signer!s} {signer!a}",
    "percent": lambda signer: "%s %r" % (signer, signer),  # noqa: UP031
    "container": lambda signer: repr({"signer": [signer]}),
    "pprint": pprint.pformat,
    "log": _logged,
    "attributes": lambda signer: [getattr(signer, name) for name in dir(signer) if name != "private_key"],
    "state": lambda signer: [str(getattr(signer, name)) for name in TransactionSigner.__slots__],
    "traceback": _traceback_of_misuse,
    "signed": lambda signer: signer.sign_transaction(v.transaction("faucet"), TESTNET),
}


@pytest.mark.parametrize("way", SHOWN)
def test_the_secret_is_not_shown(way: str) -> None:
    signer = TransactionSigner(v.PAIR_2)
    seed = base58.decode(v.SEED_2)
    shown = repr(SHOWN[way](signer))
    assert shown
    for secret in (v.SEED_2, v.PAIR_2, v.PAIR_2[:43], seed.hex(), repr(seed)[2:-1], str(list(seed))):
        assert secret not in shown


@pytest.mark.parametrize(
    "carry_off",
    [
        copy.copy,
        copy.deepcopy,
        lambda signer: copy.deepcopy({"signer": [signer]}),
        *(lambda signer, n=n: pickle.dumps(signer, n) for n in range(pickle.HIGHEST_PROTOCOL + 1)),
        lambda signer: json.dumps(signer),
        lambda signer: msgspec.json.encode(signer),
        vars,
    ],
)
def test_a_signer_cannot_be_carried_off(carry_off: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError) as caught:
        carry_off(TransactionSigner(v.SEED_2))
    assert v.SEED_2 not in str(caught.value)


def test_a_signer_cannot_be_given_attributes() -> None:
    signer = TransactionSigner(v.SEED_1)
    for name in ("public_key", "private_key", "seed"):
        with pytest.raises(AttributeError):
            setattr(signer, name, "x")


def test_the_repr_names_the_public_key() -> None:
    assert repr(TransactionSigner(v.SEED_1)) == f"<TransactionSigner of {v.OWNER}>"
    assert repr(TransactionSigner.__new__(TransactionSigner)) == "<TransactionSigner of no key>"


@pytest.mark.parametrize("vector", v.TRANSACTIONS, ids=lambda vector: vector["name"])
def test_every_published_signature_is_reproduced(vector: dict[str, Any]) -> None:
    signer = TransactionSigner(v.SEED_1 if vector["signer"] == v.OWNER else v.SEED_2)
    tx = {"actions": vector["actions"], "nonce": vector["nonce"], "account": vector["account"]}
    before = json.dumps(tx)
    signed = signer.sign_transaction(tx, v.domain(vector))
    assert json.dumps(tx) == before
    assert signed == {**tx, "signer": vector["signer"], "signature": vector["signature"]}
    assert signer.verify(signed, v.domain(vector))
    assert TransactionSigner.verify(signed, v.domain(vector))
    serialized = TransactionSigner.serialize_transaction(
        vector["actions"], vector["nonce"], vector["account"], signature_domain=v.domain(vector)
    )
    assert serialized.hex() == vector["preimage_hex"]


def test_the_account_is_the_signer_unless_it_is_given() -> None:
    signer = TransactionSigner(v.SEED_1)
    tx = {"actions": [{"faucet": {"u": v.OWNER}}], "nonce": 0, "signer": v.AGENT, "signature": "old"}
    signed = signer.sign_transaction(tx, TESTNET)
    assert signed["account"] == signed["signer"] == v.OWNER
    assert signed["nonce"] == 0
    assert signer.verify(signed, TESTNET)
    assert not signer.verify(signed, SignatureDomain.MAINNET)


@pytest.mark.parametrize("domain", [None, 2, "testnet"])
def test_the_network_must_be_named_to_sign(domain: Any) -> None:
    signer = TransactionSigner(v.SEED_1)
    tx = v.transaction("faucet")
    with pytest.raises(UsageError, match="SignatureDomain"):
        signer.sign_transaction(tx, domain)
    with pytest.raises(UsageError, match="SignatureDomain"):
        signer.serialize_transaction(tx["actions"], 0, v.OWNER, domain)
    with pytest.raises(TypeError):
        signer.sign_transaction(tx)  # type: ignore[call-arg]


def test_a_transaction_without_nonce_or_actions_is_not_signed() -> None:
    signer = TransactionSigner(v.SEED_1)
    with pytest.raises(NonceError):
        signer.sign_transaction({"actions": [{"faucet": {"u": v.OWNER}}]}, TESTNET)
    with pytest.raises(InvalidAction):
        signer.sign_transaction({"nonce": 1}, TESTNET)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_any_seed_signs_anything(seed: bytes, message: bytes) -> None:
    signer = TransactionSigner(base58.encode(seed))
    key = Ed25519PublicKey.from_public_bytes(base58.decode32(signer.public_key))
    key.verify(signer.sign(message), message)
    assert base58.decode(signer.private_key) == seed
