"""Multisig accounts: made, proposed for, voted on, executed, and every row that tells of it."""

from __future__ import annotations

import pytest

from bulk_proto.exchange.curve import is_on_curve
from bulk_proto.signing.base58 import decode32
from tests.exchange.in_memory import (
    ANNA,
    BERT,
    Client,
    Json,
    Trader,
    account_events,
    exchange,
    limit,
    quiet,
)

CLEO, DORA = Trader(3), Trader(4)
HOUR, DAY = 3_600, 86_400


def rules(*signers: Trader, threshold: int = 2, lock: int = 0, life: int = HOUR) -> Json:
    return {
        "signers": [signer.key for signer in signers],
        "threshold": threshold,
        "timeLockSecs": lock,
        "proposalLifetimeSecs": life,
    }


class Board:
    """A multisig account of Anna, Bert and Cleo, two of whom must agree, with 1000 to spend."""

    def __init__(self, lock: int = 0) -> None:
        self.served = exchange(quiet())
        self.client = Client(self.served)
        (row,) = self.client.rows(ANNA.transaction({"createMultisig": rules(ANNA, BERT, CLEO, lock=lock)}))
        self.key = row["multisigCreated"]["pubkey"]
        money = {"k": "external", "from": ANNA.key, "to": self.key, "marginAmount": 1000.0}
        assert "transfer" in self.client.rows(ANNA.transaction({"transfer": money}))[0]

    def propose(self, *actions: Json, by: Trader = ANNA) -> list[Json]:
        return self.client.rows(by.transaction({"msp": {"m": self.key, "a": list(actions)}}))

    def vote(self, kind: str, by: Trader, number: int = 1) -> list[Json]:
        return self.client.rows(by.transaction({kind: {"m": self.key, "p": number}}))

    def wait(self, seconds: float) -> None:
        self.client.now += seconds
        self.served.advance(self.client.now)

    def snapshot(self, key: str) -> Json:
        (snapshot,) = account_events(Client(self.served, now=self.client.now).subscribe(account(key)))
        return snapshot


def account(key: str) -> Json:
    return {"type": "account", "user": key}


def test_an_account_of_several_is_made_and_listed_with_each() -> None:
    client = Client(exchange())
    (row,) = client.rows(ANNA.transaction({"createMultisig": rules(ANNA, BERT, lock=60, life=DAY)}))
    body = row["multisigCreated"]
    assert not is_on_curve(decode32(body["pubkey"]))
    assert body == {
        "pubkey": body["pubkey"],
        "threshold": 2,
        "signersLen": 2,
        "timeLockSecs": 60,
        "lifetimeSecs": DAY,
        "creator": ANNA.key,
    }
    for key in (ANNA.key, BERT.key):
        (snapshot,) = account_events(client.subscribe(account(key)))
        assert snapshot["multisigAccounts"] == [body["pubkey"]]
    (snapshot,) = account_events(client.subscribe(account(body["pubkey"])))
    assert snapshot["kind"] == "Multisig"
    assert snapshot["margin"]["totalMargin"] == 0.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (rules(threshold=1), "a multisig account has 1 to 32 different signers"),
        (rules(ANNA, ANNA), "a multisig account has 1 to 32 different signers"),
        (rules(*map(Trader, range(1, 34))), "a multisig account has 1 to 32 different signers"),
        (rules(ANNA, threshold=0), "the threshold is from 1 to the number of signers"),
        (rules(ANNA, threshold=2), "the threshold is from 1 to the number of signers"),
        (rules(ANNA, threshold=1, lock=30 * DAY + 1), "the time lock is at most 30 days"),
        (rules(ANNA, threshold=1, life=HOUR - 1), "proposals live from 1 hour to 90 days"),
        (rules(ANNA, threshold=1, life=90 * DAY + 1), "proposals live from 1 hour to 90 days"),
    ],
)
def test_rules_that_cannot_be_make_no_account(wrong: Json, message: str) -> None:
    rows = Client(exchange()).rows(ANNA.transaction({"createMultisig": wrong}))
    assert rows == [{"multisigCreatedFailed": {"message": message}}]


def test_what_one_proposes_is_done_once_another_agrees() -> None:
    board = Board()
    (created,) = board.propose(limit("buy", 90.0, 1.0))
    body = created["proposalCreated"]
    assert body == {
        "multisig": board.key,
        "proposalId": 1,
        "status": "created",
        "approvals": 1,
        "rejections": 0,
        "threshold": 2,
        "executeAfter": 1_767_225_600,
        "expiresAt": 1_767_225_600 + HOUR,
        "proposer": ANNA.key,
    }
    assert board.vote("mse", ANNA) == [{"error": {"message": "not approved by enough signers"}}]
    (approved,) = board.vote("msa", ANNA)
    assert approved["proposalApproved"]["approvals"] == 1
    (ready,) = board.vote("msa", BERT)
    assert ready["proposalReadyForExecution"]["signer"] == BERT.key
    executed, placed = board.vote("mse", CLEO)
    assert executed["proposalExecuted"]["approvals"] == 2
    (order,) = board.snapshot(board.key)["openOrders"]
    assert order["orderId"] == placed["resting"]["oid"]
    assert board.vote("mse", CLEO) == [{"error": {"message": "proposal 1 is not open"}}]


def test_nothing_is_executed_before_the_time_lock_is_over() -> None:
    board = Board(lock=60)
    board.propose(limit("buy", 90.0, 1.0))
    board.vote("msa", BERT)
    board.wait(59.0)
    assert board.vote("mse", BERT) == [{"error": {"message": "the time lock is not over"}}]
    board.wait(1.0)
    assert "proposalExecuted" in board.vote("mse", BERT)[0]


def test_a_proposal_can_fail() -> None:
    for action, message in (
        (limit("buy", 100.0, 1e6), "Insufficient margin"),
        ({"cx": {"c": "BTC-USD", "oid": ANNA.key}}, "order not found"),
        ({"of": {"trigger": limit("buy", 90.0, 1.0), "actions": []}}, "invalid action in on-fill order"),
        ({"msu": {"m": ANNA.key} | rules(ANNA, threshold=1)}, "another account"),
    ):
        board = Board()
        board.propose(action)
        board.vote("msa", BERT)
        failed, row = board.vote("mse", ANNA)
        assert failed["proposalFailed"]["message"] == message
        assert row


def test_a_proposal_that_cannot_be_approved_any_more_is_rejected() -> None:
    board = Board()
    board.propose(limit("buy", 90.0, 1.0))
    (open_still,) = board.vote("msr", BERT)
    assert open_still["proposalCreated"]["rejections"] == 1
    (rejected,) = board.vote("msr", CLEO)
    assert rejected["proposalRejected"]["rejections"] == 2
    assert "error" in board.vote("msa", ANNA)[0]


def test_a_signer_may_change_his_mind() -> None:
    board = Board()
    board.propose(limit("buy", 90.0, 1.0))
    board.vote("msr", BERT)
    (ready,) = board.vote("msa", BERT)
    body = ready["proposalReadyForExecution"]
    assert (body["approvals"], body["rejections"]) == (2, 0)


def test_only_the_proposer_cancels() -> None:
    board = Board()
    board.propose(limit("buy", 90.0, 1.0))
    assert board.vote("msc", BERT) == [{"error": {"message": "only its proposer can cancel a proposal"}}]
    assert "proposalCancelled" in board.vote("msc", ANNA)[0]


def test_a_proposal_expires_at_the_end_of_its_life() -> None:
    board = Board()
    board.propose(limit("buy", 90.0, 1.0))
    board.propose(limit("buy", 91.0, 1.0))
    board.wait(HOUR)
    assert "proposalExpired" in board.vote("msa", BERT)[0]
    assert "error" in board.vote("msa", BERT)[0]
    board.propose(limit("buy", 92.0, 1.0))
    assert board.vote("msa", BERT, number=2) == [{"error": {"message": "proposal 2 is not open"}}]
    assert "proposalReadyForExecution" in board.vote("msa", BERT, number=3)[0]


def test_signers_change_by_a_proposal_and_old_votes_lose_their_weight() -> None:
    board = Board()
    board.propose(limit("buy", 90.0, 1.0), by=BERT)
    board.propose({"msu": {"m": board.key} | rules(ANNA, DORA)})
    board.vote("msa", BERT, number=2)
    assert "proposalExecuted" in board.vote("mse", BERT, number=2)[0]
    assert board.snapshot(BERT.key)["multisigAccounts"] == []
    assert board.snapshot(DORA.key)["multisigAccounts"] == [board.key]
    (approved,) = board.vote("msa", ANNA)
    assert approved["proposalApproved"]["approvals"] == 1
    assert "error" in board.vote("msa", BERT)[0]


def test_rules_that_cannot_be_are_refused_by_a_proposal_too() -> None:
    board = Board()
    board.propose({"msu": {"m": board.key} | rules(ANNA, threshold=3)})
    board.vote("msa", BERT)
    failed, _ = board.vote("mse", BERT)
    assert "threshold" in failed["proposalFailed"]["message"]


@pytest.mark.parametrize(
    "actions",
    [
        [],
        [{"dance": {}}],
        [{"msa": {"m": ANNA.key, "p": 1}}],
        [{"createMultisig": rules(ANNA, threshold=1)}],
        [{"msp": {"m": ANNA.key, "a": [limit("buy", 90.0, 1.0)]}}],
    ],
)
def test_what_must_not_be_proposed_is_refused(actions: list[Json]) -> None:
    board = Board()
    transaction = {"msp": {"m": board.key, "a": actions}}
    if actions == [{"dance": {}}]:  # nobody can sign that: the form alone is judged
        from bulk_proto.exchange.action_reading import read_action
        from bulk_proto.exchange.multisig import _read

        form = read_action(transaction)
        assert _read(form) is None  # type: ignore[arg-type]
        return
    rows = board.client.rows(ANNA.transaction(transaction))
    assert rows == [{"error": {"message": "invalid action in proposal"}}]


def test_rules_change_only_by_a_proposal() -> None:
    board = Board()
    rows = board.client.rows(ANNA.transaction({"msu": {"m": board.key} | rules(ANNA, threshold=1)}))
    assert rows == [{"error": {"message": "msu is for proposals only"}}]


def test_strangers_and_unknown_accounts_are_told_the_same() -> None:
    board = Board()
    message = "unknown multisig account, or not one of its signers"
    assert board.vote("msa", DORA) == [{"error": {"message": message}}]
    board.key = DORA.key
    assert board.vote("msa", ANNA) == [{"error": {"message": message}}]


def test_open_proposals_are_limited_in_number() -> None:
    board = Board()
    for _ in range(64):
        assert "proposalCreated" in board.propose(limit("buy", 90.0, 1.0))[0]
    assert board.propose(limit("buy", 90.0, 1.0)) == [{"error": {"message": "more than 64 open proposals"}}]


def test_nobody_signs_for_the_account_alone() -> None:
    board = Board()
    order = ANNA.transaction(limit("buy", 90.0, 1.0), account=board.key)
    assert board.client.refusal(order) == "unauthorized signer"


def test_an_agent_appointed_by_a_proposal_trades_for_the_account() -> None:
    board = Board()
    board.propose({"agentWalletCreation": {"a": DORA.key, "d": False}})
    board.vote("msa", BERT)
    assert "agentWallet" in board.vote("mse", BERT)[1]
    order = DORA.transaction(limit("buy", 90.0, 1.0), account=board.key)
    assert "resting" in board.client.rows(order)[0]
