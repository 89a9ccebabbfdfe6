"""Enums under their documented path."""

from bulk_proto.enums import OrderStatus, Side, SignatureDomain, TimeInForce

__all__ = ["OrderStatus", "Side", "SignatureDomain", "TimeInForce"]
