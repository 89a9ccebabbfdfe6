"""Signing: keys, the signed bytes of every action, order ids and nonces.

:mod:`bulk_proto.signing.transaction` joins them into signed requests.
"""

from .encoding import preimage
from .nonces import NonceMemory, Nonces
from .order_id import order_id, order_id_candidates
from .signer import Signer, TransactionSigner
from .verification import verify_transaction

__all__ = [
    "NonceMemory",
    "Nonces",
    "Signer",
    "TransactionSigner",
    "order_id",
    "order_id_candidates",
    "preimage",
    "verify_transaction",
]
