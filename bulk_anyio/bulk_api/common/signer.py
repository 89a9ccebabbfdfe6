"""The signer under its documented path."""

from bulk_proto.signing.signer import Signer, TransactionSigner

__all__ = ["Signer", "TransactionSigner"]
