"""Every row of an answer that is documented can be had: one way to each of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bulk_proto.exchange import SelfTrade
from tests.exchange.in_memory import (
    ANNA,
    BERT,
    Client,
    Json,
    cancel,
    cancel_all,
    exchange,
    limit,
    market,
    oid_of,
    quiet,
    speaking,
)
from tests.exchange.scene import Scene, rng, st, trig
from tests.exchange.test_multisig import HOUR, Board, rules

Rows = list[Json]


def after(*before: Json, then: Json, **settings: object) -> Rows:
    """What Bert's action is answered with when Anna has done others before."""
    client = Client(exchange(quiet(**settings)))
    if before:
        client.rows(ANNA.transaction(*before))
    return client.rows(BERT.transaction(then))


def alone(*actions: Json) -> Rows:
    """The answer to actions that come one after the other; of the last."""
    client = Client(exchange(quiet()))
    return [client.rows(ANNA.transaction(action)) for action in actions][-1]


def spelled(then: Json, **dialect: object) -> Rows:
    client = Client(exchange(speaking(**dialect)))
    client.rows(ANNA.transaction(limit("sell", 100.0, 1.0)))
    return client.rows(BERT.transaction(then))


def with_own_order(action: Callable[[str], Json], order: Json) -> Rows:
    client = Client(exchange(quiet()))
    return client.rows(ANNA.transaction(action(oid_of(client.rows(ANNA.transaction(order))[0]))))


def twice_the_same_order() -> Rows:
    client = Client(exchange(quiet(refuse_repeated_nonce=False)))
    order = ANNA.transaction(limit("buy", 90.0, 1.0))
    client.rows(order)
    return client.rows(order)


def with_sub_account(action: Callable[[str], Json]) -> Rows:
    client = Client(exchange(quiet()))
    (row,) = client.rows(ANNA.transaction({"createSubAccount": {"name": "desk"}}))
    return client.rows(ANNA.transaction(action(row["createSubAccount"]["sub"])))


def proposed(*votes: tuple[str, object], action: Json | None = None, wait: float = 0.0) -> Rows:
    board = Board()
    rows = board.propose(action or limit("buy", 90.0, 1.0))
    board.wait(wait)
    for kind, voter in votes:
        rows = board.vote(kind, voter)  # type: ignore[arg-type]
    return rows


SELL, BUY = limit("sell", 100.0, 1.0), limit("buy", 100.0, 1.0)
FAUCET = {"faucet": {"u": ANNA.key}}
APPROVED = (("msa", BERT), ("mse", BERT))


def transfer(symbol: str | None = None) -> Json:
    body = {"k": "external", "from": ANNA.key, "to": BERT.key, "marginAmount": 5.0}
    return {"transfer": body | ({"symbol": symbol} if symbol else {})}


WAYS: dict[str, Callable[[], Rows]] = {
    "resting": lambda: alone(BUY),
    "working": lambda: after(SELL, then=limit("buy", 100.0, 2.0)),
    "triggered": lambda: Scene().rows(trig(True, 50.0, limit("buy", 90.0, 1.0))),
    "filled": lambda: after(SELL, then=BUY),
    "partiallyFilled": lambda: spelled(market("buy", 2.0), partial_remainder="partiallyFilled"),
    "cancelled": lambda: with_own_order(cancel, BUY),
    "cancelledRiskLimit": lambda: after(
        *(limit("sell", 100.0, 1.0), limit("sell", 900.0, 8.0)),
        then=limit("buy", 900.0, 9.1),
        starting_balance=1000.0,
    ),
    "cancelledSelfCrossing": lambda: _self_trade(),
    "cancelledReduceOnly": lambda: alone(limit("buy", 100.0, 1.0, r=True)),
    "siblingCancelled": lambda: with_own_order(cancel, rng(True, 90.0, 110.0)),
    "cancelledIoc": lambda: alone(limit("buy", 100.0, 1.0, tif="IOC")),
    "cancelledIOC": lambda: spelled(market("buy", 2.0), cancelled_ioc="cancelledIOC"),
    "rejectedCrossing": lambda: after(SELL, then=limit("buy", 100.0, 1.0, tif="ALO")),
    "rejectedDuplicate": twice_the_same_order,
    "rejectedRiskLimit": lambda: alone(limit("buy", 100.0, 1e5)),
    "rejectedInvalid": lambda: alone(limit("buy", 100.0, 1.0, "DOGE-USD")),
    "triggerFailed": lambda: alone(st(True, 50.0), st(False, 200.0)),
    "cancelOneRejected": lambda: alone(cancel(ANNA.key)),
    "cancelAllRejected": lambda: alone(cancel_all()),
    "deposit": lambda: alone(FAUCET),
    "depositFailed": lambda: alone(FAUCET, FAUCET),
    "agentWallet": lambda: alone({"agentWalletCreation": {"a": BERT.key, "d": False}}),
    "agentWalletFailed": lambda: alone({"agentWalletCreation": {"a": BERT.key, "d": True}}),
    "transfer": lambda: alone(FAUCET, transfer()),
    "transferFailed": lambda: alone(FAUCET, transfer("DOGE")),
    "createSubAccount": lambda: alone({"createSubAccount": {"name": "desk"}}),
    "createSubAccountFailed": lambda: alone({"createSubAccount": {"name": ""}}),
    "removeSubAccount": lambda: with_sub_account(lambda key: {"removeSubAccount": {"toRemove": key}}),
    "removeSubAccountFailed": lambda: alone({"removeSubAccount": {"toRemove": BERT.key}}),
    "renameSubAccount": lambda: with_sub_account(lambda key: {"renameSubAccount": {"a": key, "n": "b"}}),
    "renameSubAccountFailed": lambda: alone({"renameSubAccount": {"a": BERT.key, "n": "b"}}),
    "multisigCreated": lambda: alone({"createMultisig": rules(ANNA, BERT)}),
    "multisigCreatedFailed": lambda: alone({"createMultisig": rules(ANNA, threshold=2)}),
    "proposalCreated": proposed,
    "proposalApproved": lambda: proposed(("msa", ANNA)),
    "proposalReadyForExecution": lambda: proposed(("msa", BERT)),
    "proposalExecuted": lambda: proposed(*APPROVED),
    "proposalFailed": lambda: proposed(*APPROVED, action=cancel(ANNA.key)),
    "proposalExpired": lambda: proposed(("msa", BERT), wait=HOUR),
    "proposalCancelled": lambda: proposed(("msc", ANNA)),
    "proposalRejected": lambda: proposed(("msr", ANNA), ("msr", BERT)),
    "ack": lambda: alone({"rbc": {"to": BERT.key}}),
    "error": lambda: alone({"updateUserSettings": {"m": {"BTC-USD": 99.0}}}),
}


def _self_trade() -> Rows:
    client = Client(exchange(quiet(self_trade=SelfTrade.CANCEL_INCOMING)))
    client.rows(ANNA.transaction(SELL))
    return client.rows(ANNA.transaction(BUY))


@pytest.mark.parametrize("kind", WAYS)
def test_there_is_a_way_to_every_row(kind: str) -> None:
    rows = WAYS[kind]()
    assert kind in {name for row in rows for name in row}
    assert all(len(row) == 1 for row in rows)


def test_what_is_told_of_an_order_that_the_margin_covers_in_part() -> None:
    (row,) = WAYS["cancelledRiskLimit"]()
    assert row["cancelledRiskLimit"]["reason"] == "Insufficient margin"
