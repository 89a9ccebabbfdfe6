"""Errors as values: what is raised in one process says the same in another."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

import bulk_proto
from bulk_proto.actions import CancelAll, LimitOrder
from bulk_proto.core import ClientCore
from bulk_proto.enums import OrderStatus, Side
from bulk_proto.errors import (
    BulkError,
    ConnectionDropped,
    HandshakeRejected,
    OutcomeUnknown,
    RateLimited,
    RequestTimedOut,
    SignerMissing,
    UsageError,
)

from .peer import KEY, confirmation, opened, order_row, snapshot_of_account

KINDS = [
    kind
    for kind in (getattr(bulk_proto, name) for name in bulk_proto.__all__)
    if isinstance(kind, type) and issubclass(kind, BulkError)
]


class OfTwoParts(BulkError):
    """A kind of somebody else's, made of more than its message."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")
        self.second = second


def pickled(error: BulkError) -> BulkError:
    return pickle.loads(pickle.dumps(error))  # type: ignore[no-any-return]


def make(kind: type[BulkError]) -> BulkError:
    if kind is SignerMissing:
        return SignerMissing()
    if kind is RateLimited:
        return RateLimited(0.25)
    if kind is HandshakeRejected:
        return HandshakeRejected(429)
    if kind is OfTwoParts:
        return OfTwoParts("one", "two")
    if issubclass(kind, OutcomeUnknown):
        return kind("no answer", nonce=7, account=KEY, order_ids=["a", None])
    return kind("it went wrong")


def raised(core: ClientCore) -> OutcomeUnknown:
    """As a client raises it."""
    call = core.place_orders([LimitOrder("BTC-USD", Side.BUY, 64_000.0, 0.05)], 1.0)
    core.handle_deadline(11.0)
    with pytest.raises(OutcomeUnknown) as unknown:
        call.result()
    unknown.value.settle_with(lambda error, timeout: core)
    return unknown.value


@pytest.mark.parametrize("reproduce", [pickled, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("kind", [*KINDS, OfTwoParts])
def test_an_error_survives_pickle_and_copy(
    kind: type[BulkError], reproduce: Callable[[BulkError], BulkError]
) -> None:
    error = make(kind)
    error.add_note("while quoting")
    twin = reproduce(error)
    assert twin is not error
    assert type(twin) is kind
    assert (str(twin), repr(twin), twin.args) == (str(error), repr(error), error.args)
    assert vars(twin) == vars(error)
    assert twin.__notes__ == ["while quoting"]


def test_every_kind_of_error_is_looked_at() -> None:
    assert {SignerMissing, RateLimited, HandshakeRejected, RequestTimedOut, ConnectionDropped} < set(KINDS)


@pytest.mark.parametrize("reproduce", [pickled, copy.copy])
def test_a_copy_of_an_unknown_outcome_leaves_the_signature_and_the_client_behind(
    reproduce: Callable[[BulkError], BulkError],
) -> None:
    core, peer = opened()
    error = raised(core)
    (post,) = [message for message in peer.hear() if message["method"] == "post"]
    signature = post["request"]["payload"]["signature"]
    assert signature.encode() not in pickle.dumps(error)
    twin = reproduce(error)
    assert isinstance(twin, RequestTimedOut)
    assert isinstance(twin, TimeoutError)
    assert (str(twin), twin.nonce, twin.account) == (str(error), error.nonce, KEY)
    assert twin.order_ids == error.order_ids
    with pytest.raises(UsageError, match="no client raised this error"):
        twin.settle()
    with pytest.raises(UsageError, match="only that can be repeated"):
        core.resend(twin, 20.0)
    assert error.settle() is core
    core.resend(error, 20.0)


def test_a_copy_about_all_orders_is_settled_by_the_account_sent_anew() -> None:
    core, _ = opened()
    call = core.place_orders([CancelAll()], 1.0, timeout=1.0)
    core.handle_deadline(2.0)
    with pytest.raises(OutcomeUnknown) as unknown:
        call.result()
    other, peer = opened()
    settled = other.settle(copy.copy(unknown.value), 2.0)
    assert [message["method"] for message in peer.hear()] == ["unsubscribe", "subscribe"]
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account())
    assert settled.result() == {}


@pytest.mark.parametrize("alive", [True, False])
def test_another_client_settles_a_pickled_error_by_its_order_ids(alive: bool) -> None:
    error = pickled(raised(opened()[0]))
    assert isinstance(error, OutcomeUnknown)
    (order_id,) = error.order_ids
    assert order_id is not None
    other, peer = opened()
    call = other.settle(error, 2.0)
    assert [message["method"] for message in peer.hear()] == ["unsubscribe", "subscribe"]
    rows = [order_row(order_id)] if alive else []
    peer.say({"type": "unsubscribeResponse", "topic": f"account.{KEY}"})
    peer.say(confirmation(f"account.{KEY}"), snapshot_of_account(*rows))
    assert call.result() == {order_id: OrderStatus.RESTING if alive else OrderStatus.GONE}
