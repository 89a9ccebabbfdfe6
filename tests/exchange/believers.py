"""Clients of the simulated exchange in memory, whose lines break at any byte, and all that may go wrong."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from bulk_proto import subscriptions as topics
from bulk_proto.account import Account
from bulk_proto.actions import (
    Action,
    CancelAll,
    CancelOrder,
    LimitOrder,
    MarketOrder,
    ModifyOrder,
    OnFill,
    Range,
    Stop,
    TakeProfit,
    TrailingStop,
    TriggerBasket,
    UserSettings,
)
from bulk_proto.config import Config
from bulk_proto.core import ClientCore, State
from bulk_proto.enums import Side, SignatureDomain, TimeInForce
from bulk_proto.events import Event
from bulk_proto.exchange import Dialect, ExchangeConfig, InitialState, Market, SelfTrade, SimulatedExchange
from bulk_proto.exchange.config import FeeTier
from bulk_proto.exchange.fault_injection import FaultInjector
from bulk_proto.exchange.faults import (
    AnyFault,
    Close,
    Delay,
    Double,
    Drop,
    Error,
    HalfOpen,
    Insert,
    NoRows,
    ReplayFills,
    ReverseRows,
    Stall,
    Swap,
    Truncate,
    WrongAccount,
)
from bulk_proto.exchange.frames import Packet
from bulk_proto.exchange.session import Session
from bulk_proto.signing.base58 import encode
from bulk_proto.signing.signer import TransactionSigner

from .in_memory import Json

CALM = 10.0  # seconds after which nothing goes wrong any more

BTC = Market(
    symbol="BTC-USD",
    start_price=100.0,
    tick=0.5,
    lot=0.001,
    min_notional=0.0,
    typical_size=2.0,
    volatility=2e-3,
)
ETH = Market(
    symbol="ETH-USD",
    start_price=10.0,
    tick=0.05,
    lot=0.01,
    min_notional=0.0,
    max_leverage=20.0,
    spread=0.1,
    typical_size=5.0,
    volatility=2e-3,
)
MARKETS = (BTC, ETH)


class Clock:
    """The time of one day, for everybody: ``now`` in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._told = 0

    def nanoseconds(self) -> int:
        self._told = max(self._told + 1, 1_767_225_600_000_000_000 + int(self.now * 1e9))
        return self._told


class Line:
    """How often a line is cut while bytes go up to the exchange, and while bytes come down."""

    def __init__(self, clock: Clock, chance: Random) -> None:
        self._clock = clock
        self._chance = chance
        self._up = chance.choice([0.0, 0.005, 0.03])
        self._down = chance.choice([0.0, 0.002, 0.02])

    def is_cut_up(self) -> bool:
        return self._is_cut(self._up)

    def is_cut_down(self) -> bool:
        return self._is_cut(self._down)

    def _is_cut(self, likelihood: float) -> bool:
        return self._clock.now < CALM and self._chance.random() < likelihood


class Faults(FaultInjector):
    """The faults of a day, and what was said by then to whom.

    The exchange sends no sequence numbers: the state of an account that is sent after younger news of it, and
    without these, looks like any other. So whoever was sent one is excused for the rest of his connection.
    """

    def __init__(self, served: SimulatedExchange) -> None:
        super().__init__(served.config.faults, served._clock, served._schedule, lambda: served.sessions)
        self._served = served
        self._late: Counter[tuple[Session, str]] = Counter()  # states that are to be sent yet
        self._overtaken: set[tuple[Session, str]] = set()
        self._listed: dict[tuple[Session, str], set[str]] = defaultdict(set)

    def have_deceived(self, session: Session | None, key: str) -> bool:
        """Was a state of this account overtaken by its own news?"""
        return session is not None and (session, key) in self._overtaken

    def listed(self, session: Session | None, key: str) -> set[str]:
        """The orders that were open when this session was told of the account."""
        return set() if session is None else self._listed[session, key]

    def sending(self, session: Session, packet: Packet) -> None:
        if packet.message["type"] == "account":
            place = session, account_of(packet)
            if is_state(packet):
                self._listed[place] |= open_orders(self._served, account_of(packet))
            elif self._late[place]:
                self._overtaken.add(place)
        super().sending(session, packet)

    def _later(self, seconds: float, session: Session, packets: list[Packet]) -> None:
        places = [(session, account_of(each)) for each in packets if is_state(each)]
        self._late.update(places)
        super()._later(seconds, session, packets)
        self._schedule.add(self._clock.now + seconds, lambda due: self._late.subtract(places))


def open_orders(served: SimulatedExchange, key: str) -> set[str]:
    """The ids of all orders that live, conditional ones too."""
    account = served._ledger.look(key)
    return {*account.open_orders, *account.conditionals}


def account_of(packet: Packet) -> str:
    return str(packet.message["topic"]).partition(".")[2]


def is_state(packet: Packet) -> bool:
    """Is it the whole state of an account?"""
    data = packet.message.get("data")
    return isinstance(data, dict) and data.get("type") == "accountSnapshot"


class Believer:
    """One client, what it told, and what was ``delivered`` to it: the bytes of each connection.

    It trades for ``account`` (its own, unless it is somebody's agent) and listens to the ``others`` too.
    """

    def __init__(
        self,
        served: SimulatedExchange,
        faults: Faults,
        clock: Clock,
        chance: Random,
        line: Line,
        number: int,
        account: str | None = None,
        others: Sequence[str] = (),
    ) -> None:
        self.key = key_of(number)
        self.account = account or self.key
        self.events: list[Event] = []
        self.delivered: list[bytearray] = []
        self._served = served
        self._faults = faults
        self._clock = clock
        self._chance = chance
        self._line = line
        self._session: Session | None = None
        self._under_way = b""  # left the exchange, and has not arrived
        config = Config(
            url="ws://exchange.test:9000",
            domain=SignatureDomain.DEVNET,
            wall_clock=clock.nanoseconds,
            chance=chance.random,
            mask=lambda: b"mask",
            request_timeout=1.5,
            ready_timeout=3.0,
            backoff_base=0.2,
            backoff_cap=1.0,
        )
        self.core = ClientCore(config, signer=TransactionSigner(_seed(number)), account=account)
        self.core.want([topics.account(key) for key in (self.account, *others)])
        self.core.want([topic for market in MARKETS for topic in some_topics(chance, market.symbol)])
        self.core.start(clock.now)

    def is_excused(self, key: str) -> bool:
        """Could nobody know better about this account?"""
        return self._faults.have_deceived(self._session, key)

    def may_still_hear_of(self, key: str) -> set[str]:
        """The orders that an answer may list which this client has asked for, and not heard."""
        is_certain = self.core.accounts[key].live
        return set() if is_certain else self._faults.listed(self._session, key)

    @property
    def has_heard_all(self) -> bool:
        """Is the line open, and nothing that the exchange has said still on its way?"""
        session = self._session
        if self.core.state is not State.OPEN or session is None or session.gone:
            return False
        is_held_back = any(session in rule.held for rule in self._faults._rules)
        return not (self._under_way or session._outlet.size or is_held_back)

    def act_on_time(self) -> None:
        due = self.core.next_deadline()
        if due is not None and due <= self._clock.now:
            self.core.handle_deadline(self._clock.now)

    def carry(self, *, everything: bool = False) -> bool:
        """Take bytes from one end to the other, in pieces of any size; True when something moved."""
        self._connect()
        moved = self._carry_up()
        moved |= self._carry_down(everything)
        moved |= self._hang_up()
        self.events += self.core.events()
        return moved

    def fills_delivered(self) -> Iterator[tuple[str, Json]]:
        """Every fill that arrived, with the key of its account, as often as it did."""
        for connection in self.delivered:
            for text in texts_in(bytes(connection)):
                if '"fill"' in text and (message := json.loads(text))["type"] == "account":
                    key = message["topic"].partition(".")[2]
                    if message["data"]["type"] == "fill" and key in self.core.accounts:
                        yield key, message["data"]

    def _connect(self) -> None:
        if self.core.state is not State.CONNECTING:
            return
        if self._served.admits_connection(self._clock.now):
            self._session = self._served.open_session(self._clock.now)
            self.delivered.append(bytearray())
            self.core.connection_made(self._clock.now)
        else:
            self.core.connection_lost(self._clock.now, "refused")

    def _carry_up(self) -> bool:
        data = self.core.data_to_send()
        if not data or self._session is None:
            return False
        if self._line.is_cut_up():
            if part := self._chance.randrange(len(data) + 1):
                self._session.receive_data(data[:part], self._clock.now)
            self._cut()
        else:
            self._session.receive_data(data, self._clock.now)
        return True

    def _carry_down(self, everything: bool) -> bool:
        session = self._session
        if session is None:
            return False
        self._under_way += session.data_to_send()
        if not self._under_way:
            return session.closed and self._end()
        if not everything and self._chance.random() < 0.3:
            return False
        if self._line.is_cut_down():
            self._deliver(self._chance.randrange(len(self._under_way) + 1))
            self._cut()
        while self._under_way:
            size = len(self._under_way)
            self._deliver(size if self._chance.random() < 0.6 else self._chance.randrange(1, size + 1))
        return True

    def _deliver(self, size: int) -> None:
        piece, self._under_way = self._under_way[:size], self._under_way[size:]
        if piece:
            self.delivered[-1] += piece
            self.core.receive_data(piece, self._clock.now)

    def _end(self) -> bool:
        """The exchange has ended the connection, which shows in one of two ways."""
        self._session = None
        if self._chance.random() < 0.5:
            self.core.receive_data(b"", self._clock.now)
        else:
            self.core.connection_lost(self._clock.now, "the end")
        return True

    def _cut(self) -> None:
        self._leave()
        self.core.connection_lost(self._clock.now, "cut")

    def _hang_up(self) -> bool:
        if self._session is None or self.core.wants_connection:
            return False
        if goodbye := self.core.data_to_send():
            self._session.receive_data(goodbye, self._clock.now)
        self._leave()
        return True

    def _leave(self) -> None:
        if self._session is not None:
            self._session.connection_lost(self._clock.now)
        self._session = None
        self._under_way = b""


def _seed(number: int) -> str:
    return encode(bytes([number]) * 32)


def key_of(number: int) -> str:
    return TransactionSigner(_seed(number)).public_key


def texts_in(stream: bytes) -> Iterator[str]:
    """The whole messages of one connection, as wsproto reads them."""
    reader = FrameProtocol(client=True, extensions=[])
    reader.receive_bytes(stream.partition(b"\r\n\r\n")[2])
    text = ""
    with suppress(ParseFailed):
        for frame in reader.received_frames():
            if frame.opcode is Opcode.TEXT:
                text += str(frame.payload)
                if frame.message_finished:
                    yield text
                    text = ""


# What a day is like


def some_topics(chance: Random, symbol: str) -> list[topics.Subscription]:
    kinds = chance.choice(["deltas", "snapshots", "both"])
    found = [topics.ticker(symbol), topics.trades(symbol)]
    if kinds != "snapshots":
        found.append(topics.l2_delta(symbol))
    if kinds != "deltas":
        found.append(topics.l2_snapshot(symbol, chance.choice([None, 1, 3, 20])))
    return found


def some_exchange(chance: Random, faults: Sequence[AnyFault]) -> SimulatedExchange:
    config = ExchangeConfig(
        markets=MARKETS,
        faults=tuple(faults),
        dialect=some_dialect(chance),
        flow_rate=chance.choice([0.0, 3.0]),
        starting_balance=chance.choice([3_000.0, 100_000.0]),
        funding_interval=chance.choice([3.0, 3600.0]),
        further_fee_tiers=(FeeTier(threshold=1_000.0, maker_bps=1.0, taker_bps=3.0),),
        slippage_tag_in_order_id=chance.random() < 0.5,
        self_trade=chance.choice(list(SelfTrade)),
        refuse_repeated_nonce=chance.random() < 0.7,
        candle_interval=100.0,
        context_interval=100.0,
    )
    return SimulatedExchange(config, Random(chance.random()), now=0.0)


def some_dialect(chance: Random) -> Dialect:
    def perhaps(likelihood: float = 0.2) -> bool:
        return chance.random() < likelihood

    return Dialect(
        initial_state=chance.choice([InitialState.AFTER_REPLY, InitialState.BEFORE_REPLY]),
        events_before_reply=perhaps(0.4),
        fill_after_order_update=perhaps(0.4),
        camel_case_topics=perhaps(),
        delta_begins_as_snapshot=perhaps(),
        long_order_updates=perhaps(),
        short_open_orders=perhaps(),
        legacy_order_events=perhaps(),
        old_margin_names=perhaps(),
        cancelled_ioc=chance.choice(["cancelledIoc", "cancelledIOC"]),
        partial_remainder=chance.choice(["cancelledIoc", "partiallyFilled"]),
        fees_positive=perhaps(),
        is_buy_of_taker=perhaps(0.3),
        null_prices=perhaps(),
        market_times_in_ns=perhaps(0.3),
        unknown_fields=perhaps(),
    )


def some_faults(chance: Random) -> list[AnyFault]:
    """About a third of what may go wrong with requests, replies, streams and lines.

    No single event of an account is lost, since nobody could notice: the exchange sends no sequence numbers.
    """

    def often() -> dict[str, Any]:
        return {"times": 0, "until": CALM, "chance": chance.choice([0.02, 0.1, 0.3])}

    def seldom(likelihood: float = 0.02) -> dict[str, Any]:
        return {"times": 0, "until": CALM, "chance": likelihood}

    all_of_them: list[AnyFault] = [
        Drop(on="reply", **often()),
        Delay(on="reply", seconds=chance.choice([0.05, 1.0, 2.5]), **often()),
        Double(on="reply", **often()),
        Swap(on="reply", **often()),
        ReverseRows(on="reply", **often()),
        NoRows(on="reply", **often()),
        Error(on="reply", **seldom(0.05)),
        Drop(on="post", **often()),
        Delay(on="post", seconds=chance.choice([0.05, 1.0]), **often()),
        Stall(on="post", seconds=1.0, **seldom()),
        HalfOpen(on="post", seconds=2.0, **seldom(0.01)),
        Drop(on="subscribe", **often()),
        Delay(on="subscribe", seconds=chance.choice([0.3, 1.0]), **often() | {"chance": 0.5}),
        Drop(on="unsubscribe", **often()),
        Drop(on="confirmation", **often()),
        Delay(on="confirmation", seconds=0.5, **often()),
        Double(on="confirmation", **often()),
        Drop(on="accountSnapshot", **often()),
        Delay(on="accountSnapshot", seconds=chance.choice([0.05, 1.0]), **often()),
        ReplayFills(on="accountSnapshot", count=5, **seldom(0.5)),
        Double(on="fill", **often()),
        Swap(on="fill", **often()),
        Double(on="orderUpdate", **often()),
        WrongAccount(on="liquidation", **seldom(0.5)),
        Insert(on="account", **seldom(0.05)),
        Truncate(on=chance.choice(["reply", "fill", "account", "l2Delta"]), **seldom(0.01)),
        *(
            Close(
                on=chance.choice(["reply", "post", "fill", "orderUpdate", "account"]), code=code, **seldom()
            )
            for code in (1000, 1006, 1011)
        ),
    ]
    return [fault for fault in all_of_them if chance.random() < 0.35]


def describe(fault: AnyFault) -> str:
    """The fault without what is the same for all of them."""
    found = {name: getattr(fault, name, None) for name in ("chance", "seconds", "code")}
    figures = [f"{name} {value}" for name, value in found.items() if value is not None]
    return f"{type(fault).__name__} on {fault.on} ({', '.join(figures)})"


def some_action(chance: Random, account: Account) -> Action:
    """Anything that an account can ask for, about orders that it knows where it takes one."""
    market = chance.choice(MARKETS)
    symbol, side, is_above = market.symbol, chance.choice(list(Side)), chance.random() < 0.5
    step = chance.choice([-0.05, -0.02, -0.01, 0.0, 0.0, 0.01, 0.02, 0.05])
    price = round(market.start_price * (1 + step) / market.tick) * market.tick
    size = chance.choice([0.1, 0.3, 1, 2, 3, 5, 7]) * (1 if market is BTC else 5)
    order = LimitOrder(
        symbol,
        side,
        price,
        size,
        reduce_only=chance.random() < 0.15,
        time_in_force=chance.choice([*TimeInForce, TimeInForce.GTC, TimeInForce.GTC]),
        iso=chance.random() < 0.15,
    )
    at_market = MarketOrder(
        symbol,
        side,
        size,
        reduce_only=chance.random() < 0.2,
        iso=chance.random() < 0.1,
        slippage=chance.choice([None, None, 5.0, 100.0, 0]),
    )
    stop = Stop(symbol, is_above, size, price, limit=chance.choice([None, price]), iso=chance.random() < 0.1)
    weighed: list[tuple[int, Action]] = [
        (45, order),
        (12, at_market),
        (4, CancelAll() if chance.random() < 0.5 else CancelAll([symbol])),
        (4, stop),
        (3, TakeProfit(symbol, is_above, size, price)),
        (3, TrailingStop(symbol, side, size, 100, 10)),
        (2, Range(symbol, is_above, size, price * 0.9, price * 1.1)),
        (2, OnFill(order, [stop])),
        (2, TriggerBasket(symbol, is_above, price, [order])),
        (3, UserSettings({symbol: float(chance.choice([2, 5, 10, 20]))})),
    ]
    known = [*list(account.open_orders.values())[:10], *list(account.finished.values())[-2:]]
    if known:
        one = chance.choice(known)
        where = symbol if chance.random() < 0.05 else one.symbol
        weighed += [(10, CancelOrder(where, one.order_id)), (10, ModifyOrder(one.symbol, one.order_id, size))]
    (chosen,) = chance.choices(weighed, [weight for weight, _ in weighed])
    return chosen[1]
