"""Clients of the simulated exchange in memory, whose lines break at any byte."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from random import Random

from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from bulk_proto import subscriptions as topics
from bulk_proto.config import Config
from bulk_proto.core import ClientCore, State
from bulk_proto.enums import SignatureDomain
from bulk_proto.events import Event
from bulk_proto.exchange import SimulatedExchange
from bulk_proto.exchange.fault_injection import FaultInjector
from bulk_proto.exchange.frames import Packet
from bulk_proto.exchange.session import Session
from bulk_proto.signing.base58 import encode
from bulk_proto.signing.signer import TransactionSigner

from .bad_days import CALM, MARKETS, some_topics
from .in_memory import Json


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
