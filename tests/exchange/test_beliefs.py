"""What a client claims for certain is what the exchange holds, whatever goes wrong between them."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import pytest

from bulk_proto.actions import AgentWallet, CancelOrder, LimitOrder, MarketOrder
from bulk_proto.calls import Call
from bulk_proto.enums import OrderStatus
from bulk_proto.errors import NotConnected, OutcomeUnknown, RequestTimedOut, TransactionRejected
from bulk_proto.exchange import SimulatedExchange
from bulk_proto.exchange.faults import NoRows
from bulk_proto.exchange.post_messages import Row
from bulk_proto.exchange.transactions import Admission
from bulk_proto.responses import OrderResponses
from bulk_proto.signing.transaction import Transaction

from .bad_days import CALM, describe, some_action, some_exchange, some_faults
from .believers import Believer, Clock, Faults, Line, key_of, open_orders
from .truth import (
    agree,
    check_fills,
    claimed_of,
    held_by,
    is_fate_of_cancel,
    is_fate_of_order,
    is_fate_of_other,
    levels_claimed,
    levels_held,
)

ANNA, BERT, CLEO = 1, 2, 3
SEEDS = range(400 if os.environ.get("BULK_LONG") == "1" else 20)


@pytest.fixture(autouse=True)
def _nonces_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A day is the same whatever was signed before in this process, where nonces of one key rise for ever."""
    monkeypatch.setattr("bulk_proto.signing.nonces._SHARED", {})


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_claimed_for_certain_is_true_whatever_goes_wrong(seed: int) -> None:
    day = TradingDay(seed)
    try:
        day.trade()
        day.calm_down()
        day.check_in_the_end()
    except Exception as error:
        faults = "; ".join(map(describe, day.served.config.faults)) or "no faults"
        error.add_note(f"seed {seed}, {day.clock.now:.3f} s after the start, with {faults}")
        raise


class Attempt(NamedTuple):
    """A transaction that was sent, for the first time or again, and the place of its answer."""

    trader: Believer
    transaction: Transaction
    answer: Call[OrderResponses]
    is_repetition: bool


class Enquiry(NamedTuple):
    """Somebody asked what became of a transaction; how it stood with its account at this moment."""

    trader: Believer
    unknown: OutcomeUnknown
    answer: Call[dict[str, OrderStatus]]
    was_open: set[str]
    executions: int


class Register(Admission):
    """Notes the rows of everything that is executed, by account and nonce."""

    def __init__(self, served: SimulatedExchange) -> None:
        super().__init__(served.config, served._clock, served._ledger, served._desk)
        self.executed: dict[tuple[str, int], list[list[Row]]] = defaultdict(list)

    def execute(self, payload: object) -> list[Row]:
        rows = super().execute(payload)
        assert isinstance(payload, dict)
        self.executed[payload["account"], int(payload["nonce"])].append(rows)
        return rows


class TradingDay:
    """Three clients trade for some seconds in which everything goes wrong that may; then all is well.

    Anna trades for herself, Cleo for Anna as her agent, Bert for himself, and he listens to Anna.
    """

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)
        faults = some_faults(self._chance) if seed % 5 else []  # then lines break and nothing else
        self.clock = Clock()
        self.served = some_exchange(self._chance, faults)
        self._faults = self.served._faults = Faults(self.served)
        self._register = self.served._admission = Register(self.served)
        anna = key_of(ANNA)
        self._anna = self._believer(ANNA)
        self._agent = self._believer(CLEO, account=anna, others=[key_of(CLEO)])
        self._believers = [self._anna, self._believer(BERT, others=[anna]), self._agent]
        self._attempts: list[Attempt] = []
        self._enquiries: list[Enquiry] = []
        self._unknown: list[tuple[Believer, OutcomeUnknown]] = []
        self._rejected: list[Attempt] = []

    def _believer(self, number: int, account: str | None = None, others: Sequence[str] = ()) -> Believer:
        line = Line(self.clock, self._chance)
        return Believer(self.served, self._faults, self.clock, self._chance, line, number, account, others)

    # What happens

    def trade(self) -> None:
        for _ in range(5):
            self._pass_time(0.01)
        self._appoint_agent()
        while self.clock.now < CALM:
            if self._chance.random() < 0.75:
                self._act()
            self._pass_time(self._chance.choice([0.001, 0.005, 0.02, 0.1, 0.3]))
            self._hear_answers()
            if self._chance.random() < 0.2:
                self._compare()

    def calm_down(self) -> None:
        """Wait until everything is certain again, as it must be at last; no patience is longer than this."""
        while self.clock.now < CALM + 10 or (self.clock.now < CALM + 200 and not self._is_all_certain()):
            self._pass_time(0.25)
            self._hear_answers()
        self._compare()
        assert self._is_all_certain(), "something stays uncertain"

    def _is_all_certain(self) -> bool:
        cores = [each.core for each in self._believers]
        accounts = [account.live for core in cores for account in core.accounts.values()]
        books = [book.ok for core in cores for book in core.order_books.values()]
        return all(accounts) and all(books) and not self._attempts and not self._enquiries

    def _pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        self.served.advance(self.clock.now)
        for each in self._believers:
            each.act_on_time()
        for each in self._chance.sample(self._believers, len(self._believers)):
            each.carry()

    def _stand_still(self) -> None:
        """Carry everything to its end while no time passes."""
        for _ in range(200):
            for each in self._believers:
                each.act_on_time()
            moved = [each.carry(everything=True) for each in self._believers]
            if not any(moved):
                return
        raise AssertionError("they never stop talking")

    def _appoint_agent(self) -> None:
        if self._anna.core.is_open:
            self._anna.core.place_orders([AgentWallet(self._agent.key)], self.clock.now)

    def _act(self) -> None:
        if self._unknown and self._chance.random() < 0.5:
            self._follow_up(self._chance.randrange(len(self._unknown)))
        else:
            self._place(self._chance.choice(self._believers))

    def _place(self, trader: Believer) -> None:
        known = trader.core.accounts[trader.account]
        actions = [some_action(self._chance, known) for _ in range(self._chance.choice([1, 1, 1, 2, 3, 5]))]
        posts = trader.core._desk.posts
        before = posts.last_id
        try:
            answer = trader.core.place_orders(actions, self.clock.now)
        except NotConnected:
            assert posts.last_id == before, "sent, although the client said that it was not"
        else:
            transaction = posts._open[posts.last_id].transaction
            self._attempts.append(Attempt(trader, transaction, answer, is_repetition=False))

    def _follow_up(self, number: int) -> None:
        """Ask what became of a transaction without an answer, or send it again in one of two ways."""
        trader, unknown = self._unknown[number]
        transaction, now = unknown._transaction, self.clock.now
        assert transaction is not None
        try:
            if self._chance.random() < 0.5:
                was_open = open_orders(self.served, trader.account) | trader.may_still_hear_of(trader.account)
                fate = trader.core.settle(unknown, now, timeout=5.0)
                executions = len(self._executions(transaction))
                self._enquiries.append(Enquiry(trader, unknown, fate, was_open, executions))
                return
            if self._chance.random() < 0.5:
                answer = trader.core.resend(unknown, now)
            else:
                answer = trader.core.place_orders(transaction.actions, now, nonce=transaction.nonce)
        except NotConnected:
            return
        self._attempts.append(Attempt(trader, transaction, answer, is_repetition=True))
        del self._unknown[number]

    # What is claimed

    def _compare(self) -> None:
        """Everybody has heard everything: what is certain now must be true."""
        self._stand_still()
        self._hear_answers()
        for each in self._believers:
            if each.has_heard_all:
                for account in each.core.accounts.values():
                    if account.live and not each.is_excused(account.pubkey):
                        agree(claimed_of(account, each), held_by(account.pubkey, self.served, each))
                for book in each.core.order_books.values():
                    if book.ok and ("l2delta", book.symbol) in each.core.subscriptions.wanted:
                        agree(levels_claimed(book), levels_held(self.served, book))

    def _hear_answers(self) -> None:
        for attempt in [each for each in self._attempts if each.answer.done]:
            self._attempts.remove(attempt)
            self._judge(attempt)
        for enquiry in [each for each in self._enquiries if each.answer.done]:
            self._enquiries.remove(enquiry)
            self._judge_settlement(enquiry)

    def _judge(self, attempt: Attempt) -> None:
        transaction = attempt.transaction
        try:
            responses = attempt.answer.result()
        except TransactionRejected:
            self._rejected.append(attempt)
        except OutcomeUnknown as unknown:
            self._unknown.append((attempt.trader, unknown))
        else:
            executions = self._executions(transaction)
            assert executions, f"accepted, but never executed: {transaction.actions}"
            assert len(responses) == len(transaction.actions)
            if not attempt.is_repetition:
                rows = [row for execution in executions for row in execution]
                self._judge_responses(transaction, responses, rows)

    def _judge_responses(self, transaction: Transaction, responses: OrderResponses, rows: list[Row]) -> None:
        told: dict[str, list[OrderStatus]] = defaultdict(list)
        for kind, body in (item for row in rows for item in row.items()):
            told[str(body.get("oid"))].append(OrderStatus.from_string(kind))
        for action, ids, response in zip(transaction.actions, transaction.order_ids, responses, strict=True):
            match action:
                case LimitOrder() | MarketOrder():
                    fits = is_fate_of_order(response, ids, [status for each in ids for status in told[each]])
                case CancelOrder(oid=oid):
                    fits = is_fate_of_cancel(response, told[oid])
                case _:
                    may_be_short = any(isinstance(fault, NoRows) for fault in self.served.config.faults)
                    is_alone = len(responses) == 1 and not may_be_short
                    fits = is_fate_of_other(response, rows, is_alone)
            assert fits, f"{action} was answered by {response}, but the rows are {rows}"

    def _judge_settlement(self, enquiry: Enquiry) -> None:
        """What stood one way all the time must not be said to stand the other."""
        try:
            fates = enquiry.answer.result()
        except RequestTimedOut:
            return
        if enquiry.trader.is_excused(enquiry.trader.account):
            return
        account, transaction = enquiry.trader.account, enquiry.unknown._transaction
        assert transaction is not None
        is_open = open_orders(self.served, account)
        is_unchanged = 0 < enquiry.executions == len(self._executions(transaction))
        for order_id, fate in fates.items():
            if order_id in enquiry.was_open & is_open:
                assert not fate.is_terminal(), f"{order_id} is open, and settled as {fate}"
            elif order_id not in enquiry.was_open | is_open and is_unchanged:
                is_guess = fate in (OrderStatus.PENDING, OrderStatus.TRIGGERED)
                assert fate.is_terminal() or is_guess, f"{order_id} has ended, and is settled as {fate}"

    def _executions(self, transaction: Transaction) -> list[list[Row]]:
        return self._register.executed[transaction.account, transaction.nonce]

    def check_in_the_end(self) -> None:
        for attempt in self._rejected:
            actions = attempt.transaction.actions
            assert not self._executions(attempt.transaction), (
                f"rejected, and executed nevertheless: {actions}"
            )
        if self.served.config.refuse_repeated_nonce:
            assert all(len(each) <= 1 for each in self._register.executed.values()), "executed twice"
        for each in self._believers:
            check_fills(each, self.served)
