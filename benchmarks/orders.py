"""An order from the values a user has to the text that is sent: validate, build, sign, order ids, encode.

No connection: what the exchange takes to answer would hide all of this. The released client leaves out
its ids unless it is asked, so it is asked, as anybody is who must find the order again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

from .contest import Case, Entry, Goal
from .stage import Exercise, Outcome

RELEASED, KEYCHAIN = "released client with its ids", "bulk-keychain behind our Signer"
NACL = "PyNaCl behind our Signer"
SEED = "1thX6LZfHDZZKUs92febYZhYRcXddmzfzF2NvTkPNE"  # of the published test key 00 01 .. 1f
SYMBOL, PRICE, SIZE = "BTC-USD", 68_000.5, 0.25


def cases(share: float) -> list[Case]:
    found = []
    for actions, must, aim in ((1, 1.4, 2), (10, 2.2, 4), (50, 3, 5)):
        settings = {"actions": actions, "times": max(10, int(2_000 * share) // actions)}
        found.append(
            Case(
                f"transaction of {actions} limit orders",
                [
                    Entry("ours", "benchmarks.orders:ours", settings),
                    Entry(RELEASED, "benchmarks.orders:released", settings, peer=True),
                ],
                [Goal(RELEASED, must, aim)],
                compares_told=False,  # the released client signs an outdated form: other bytes
            )
        )
        for signer, label in (("nacl", NACL), ("keychain", KEYCHAIN)):
            found.append(
                Case(
                    f"transaction of {actions}, {label}",
                    [
                        Entry(label, "benchmarks.orders:ours", {**settings, "signer": signer}, peer=True),
                        Entry(RELEASED, "benchmarks.orders:released", settings, peer=True),
                    ],
                    [Goal(RELEASED, *((1.9, 2.5) if actions == 1 else (None, None)))],
                    compares_told=False,
                )
            )
    return found


def ours(actions: int, times: int, signer: str = "cryptography") -> Exercise:
    from bulk_proto import LimitOrder, Side, SignatureDomain, TimeInForce, wire
    from bulk_proto.signing.transaction import sign

    key: Any = _SIGNERS[signer]()
    account = key.public_key

    def run() -> Outcome:
        for number in range(times):
            orders = [
                LimitOrder(SYMBOL, Side.BUY, PRICE + step, SIZE, False, TimeInForce.ALO)
                for step in range(actions)
            ]
            transaction = sign(
                orders,
                signer=key,
                nonce=1_767_225_600_000_000_000 + number,
                account=account,
                domain=SignatureDomain.DEVNET,
            )
            text = wire.post(number, transaction.payload)
            ids = transaction.order_ids
        return Outcome(times, [len(ids), len(text)])

    return lambda: run


def _own_signer() -> Any:
    from bulk_proto import TransactionSigner

    return TransactionSigner(SEED)


class _NaclSigner:
    def __init__(self) -> None:
        from bulk_proto.signing import base58

        key = import_module("nacl.bindings")
        seed = base58.decode(SEED)
        public, self._secret = key.crypto_sign_seed_keypair(seed)
        self._sign = key.crypto_sign
        self.public_key = base58.encode(public)

    def sign(self, message: bytes) -> bytes:
        signature: bytes = self._sign(message, self._secret)[:64]
        return signature


class _KeychainSigner:
    """The exchange's own library in Rust, as it is."""

    def __init__(self) -> None:
        library = import_module("bulk_keychain")
        key = library.Signer(library.Keypair.from_base58(SEED), "devnet")
        self.public_key, self.sign = key.pubkey, key.sign_bytes


_SIGNERS: dict[str, Callable[[], Any]] = {
    "cryptography": _own_signer,
    "nacl": _NaclSigner,
    "keychain": _KeychainSigner,
}


def released(actions: int, times: int) -> Exercise:
    trade, common = import_module("bulk_api.messages.trade"), import_module("bulk_api.common")
    signer = import_module("bulk_api.common.signer").TransactionSigner(SEED)
    account = signer.public_key

    def run() -> Outcome:
        for number in range(times):
            nonce = 1_767_225_600_000_000_000 + number
            orders = [
                trade.LimitOrder(SYMBOL, common.Side.BUY, PRICE + step, SIZE, False, common.TimeInForce.ALO)
                for step in range(actions)
            ]
            for step, order in enumerate(orders):  # as its place_orders() does
                order.seqno, order.nonce, order.pubkey = step, nonce, account
            transaction = {
                "actions": [order.to_api() for order in orders],
                "nonce": f"{nonce}",
                "account": account,
                "signer": account,
            }
            signed = signer.sign_transaction(transaction)
            ids = [order.order_id() for order in orders]
            text = json.dumps(
                {"method": "post", "request": {"type": "action", "payload": signed}, "id": number}
            )
        return Outcome(times, [len(ids), len(text)])

    return lambda: run
