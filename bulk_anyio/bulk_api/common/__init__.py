"""Enums, topics, inventory and signer under their documented path."""

from bulk_proto.enums import OrderStatus, Side, SignatureDomain, TimeInForce, Topic
from bulk_proto.inventory import Inventory, Pnl, Position
from bulk_proto.network import Network
from bulk_proto.signing.signer import TransactionSigner

__all__ = [
    "Inventory",
    "Network",
    "OrderStatus",
    "Pnl",
    "Position",
    "Side",
    "SignatureDomain",
    "TimeInForce",
    "Topic",
    "TransactionSigner",
]
