"""Exact integers in place of floats: prices and sizes in units of 1e-8, money in units of 1e-16.

A price times a size is money without any rounding, so books and balances never drift. Numbers become
units by the same rule by which they are signed.
"""

from __future__ import annotations

from bulk_proto.signing.fixed_point import fx as to_units

__all__ = ["MONEY", "SCALE", "from_money", "from_units", "to_money", "to_units"]

SCALE = 10**8  # units in one quote unit of price, and in one base unit of size
MONEY = SCALE * SCALE  # units in one quote unit of money


def from_units(units: int) -> float:
    return units / SCALE


def to_money(amount: float) -> int:
    """An amount of quote currency, to the nearest 1e-8."""
    return round(amount * SCALE) * SCALE


def from_money(money: int) -> float:
    return money / MONEY
