"""Orders that wait for the mark price: when each fires, and how it follows the price until then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bulk_proto.signing.base58 import decode32, encode

from .accounts import Account
from .action_forms import ActionForm, BuilderCode
from .orders import Order, Trigger


class Signed(Struct, frozen=True):
    """Who asks, and the number that makes the request unique."""

    account: Account
    signer: str
    nonce: int
    profile: str  # the rules by which the actions became the bytes that were signed


class Step(Struct, frozen=True):
    """One action inside another: how it was sent, and how it reads."""

    action: Mapping[str, Any]
    form: ActionForm


@dataclass(slots=True, eq=False, kw_only=True)
class Conditional:
    """One condition. ``order`` is what its owner sees of it; ``steps`` are what a basket does.

    Without steps it closes (a part of) the position when it fires, with a limit order or at market.
    """

    order: Order
    signed: Signed
    is_above: bool
    threshold: int
    limit: int | None = None
    slippage_bps: float | None = None
    trail_bps: int = 0
    step_bps: int = 0
    steps: list[Step] | None = None
    sibling: Conditional | None = None
    protects: bool = field(default=False)  # there has been a position to close

    def follow(self, mark: int) -> None:
        """Let a trailing threshold come after the price, in whole steps."""
        away = mark * self.trail_bps // 10_000
        wanted = mark + away if self.is_above else mark - away
        gain = self.threshold - wanted if self.is_above else wanted - self.threshold
        if gain * 10_000 >= self.threshold * self.step_bps:
            self.move(wanted)

    def move(self, threshold: int) -> None:
        self.threshold = threshold
        if self.order.trigger is not None:  # pragma: no branch  # every conditional order has one
            self.order.trigger = replace(self.order.trigger, price=threshold)

    def reached(self, mark: int) -> bool:
        if self.trail_bps:
            self.follow(mark)
        return mark >= self.threshold if self.is_above else mark <= self.threshold


@dataclass(slots=True, eq=False)
class Afterwards:
    """What is done once ``parent`` has been filled; ``first`` is the place of the steps among all such."""

    parent: Order
    steps: list[Step]
    signed: Signed
    first: int = field(init=False)

    def __post_init__(self) -> None:
        self.first = self.parent.followers
        self.parent.followers += len(self.steps)


def child_id(parent: str, index: int) -> str:
    """The id of the order that the action ``index`` inside ``parent`` places."""
    return encode(sha256(decode32(parent) + index.to_bytes(4, "little")).digest())


def condition(
    kind: str,
    oid: str,
    symbol: str,
    signed: Signed,
    *,
    size: int,
    is_buy: bool,
    is_above: bool,
    threshold: int,
    limit: int | None = None,
    iso: bool = False,
    slippage_bps: float | None = None,
    trail_bps: int = 0,
    step_bps: int = 0,
    builder: BuilderCode | None = None,
    steps: list[Step] | None = None,
) -> Conditional:
    """``is_buy`` and ``size`` tell what the order would do if it fired now; both are judged anew then."""
    trigger = Trigger(
        is_above,
        threshold,
        limit,
        trail_bps=trail_bps or None,
        step_bps=step_bps if trail_bps else None,
    )
    order = Order(
        id=oid,
        account=signed.account.key,
        symbol=symbol,
        is_buy=is_buy,
        price=0,
        size=size,
        iso=iso,
        reduce_only=steps is None,
        kind=kind,
        trigger=trigger,
        builder=builder,
    )
    return Conditional(
        order=order,
        signed=signed,
        is_above=is_above,
        threshold=threshold,
        limit=limit,
        slippage_bps=slippage_bps,
        trail_bps=trail_bps,
        step_bps=step_bps,
        steps=steps,
    )


def join(one: Conditional, other: Conditional) -> None:
    """Let each cancel the other when it fires or is cancelled."""
    for mine, theirs in ((one, other), (other, one)):
        mine.sibling = theirs
        if mine.order.trigger is not None:  # pragma: no branch  # every conditional order has one
            mine.order.trigger = replace(mine.order.trigger, sibling=theirs.order.id)
