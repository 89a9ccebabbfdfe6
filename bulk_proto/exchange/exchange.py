"""The simulated exchange as one object without any I/O: bytes of many clients in, bytes for them out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import assert_never

from wsproto.frame_protocol import CloseReason

from . import account_messages, market_messages, post_messages
from .accounts import Ledger
from .clock import ExchangeClock
from .config import Chance, ExchangeConfig, InitialState
from .fault_injection import FaultInjector
from .feeds import Feeds
from .frames import Packet
from .funding import charge_funding
from .journal import Journal
from .liquidation import Liquidation
from .market_messages import Json
from .markets import MarketState
from .orderflow import OrderFlow
from .performing import Desk
from .received import Receipt, Received, Unreadable
from .requests import Post, Request, RequestMalformed, Subscribe, Unsubscribe, read_request
from .schedule import Schedule, Task
from .session import Session
from .spelling import respelled
from .streams import EntryRefused, Stream, normalized, read_entry, spelled
from .trading import Trading
from .transactions import Admission, TransactionMalformed, TransactionRefused, may_take
from .units import to_money


class SimulatedExchange:
    """Markets, accounts and sessions, moved by bytes and by time alone.

    ``now`` is in seconds of the driver's clock and must not run backwards. With the same ``config``, a
    ``chance`` in the same state and the same calls at the same times the bytes are the same.

    A driver calls :meth:`open_session` for each connection and :meth:`advance` at
    :meth:`next_deadline`; after any call it writes the output of :meth:`sessions_with_output`.
    """

    def __init__(self, config: ExchangeConfig, chance: Chance, now: float) -> None:
        self.config = config
        self._clock = ExchangeClock(config.epoch_ns, now)
        self._ledger = Ledger(to_money(config.starting_balance))
        self._markets = {market.symbol: MarketState(market, config.kept_candles) for market in config.markets}
        self._feeds = Feeds(config, self._clock, self._markets, self._ledger)
        self._journal = Journal(config, self._clock, self._markets, self._feeds.topics)
        trading = Trading(config, self._clock, self._markets, self._ledger, self._journal)
        self._desk = Desk(config, self._clock, self._markets, self._ledger, trading, self._journal)
        self._admission = Admission(config, self._clock, self._ledger, self._desk)
        self._liquidation = Liquidation(
            config, self._clock, self._markets, self._ledger, trading, self._journal
        )
        self._schedule = Schedule()
        self._faults = FaultInjector(config.faults, self._clock, self._schedule, lambda: self.sessions)
        self.received = Received(config.kept_requests)
        self.connections = 0  # opened so far
        self._sessions: dict[Session, None] = {}
        self._with_output: dict[Session, None] = {}
        self._begin(trading, chance, now)

    # The driver's side

    @property
    def sessions(self) -> list[Session]:
        """All sessions that are not closed, in the order of their opening."""
        return list(self._sessions)

    def sessions_with_output(self) -> list[Session]:
        """Sessions that have something to send, or have closed, since their last ``data_to_send()``."""
        return list(self._with_output)

    def admits_connection(self, now: float) -> bool:
        """A connection arrives: should the driver accept it? False only while a fault refuses it."""
        self.advance(now)
        return self._faults.admits()

    def open_session(self, now: float) -> Session:
        """A new connection was accepted: its handshake is expected."""
        self.advance(now)
        self.connections += 1
        session = Session(self, self.config, now, self.connections)
        self._sessions[session] = None
        return session

    def advance(self, now: float) -> None:
        """Do everything that is due, each thing at its own moment."""
        clock = self._clock
        while (due := self._schedule.next()) <= now:
            clock.now = due
            self._schedule.run_next()
        clock.now = max(clock.now, now)
        for session in list(self._sessions):
            session.handle_deadline(now)

    def next_deadline(self) -> float:
        """When :meth:`advance` has something to do."""
        return min([self._schedule.next(), *(session.next_deadline() for session in self._sessions)])

    # For the assertions of a test

    def account(self, key: str) -> Json:
        """What a new subscriber of ``key`` would be told: the data of an ``accountSnapshot``."""
        return account_messages.account_snapshot(self._ledger.look(key), self.config, self._markets)

    def book(self, symbol: str) -> Json:
        """The whole book, likewise: the data of an ``l2Snapshot``. Raises ``KeyError`` for no market."""
        market, dialect = self._markets[symbol], self.config.dialect
        return market_messages.snapshot(market, None, None, self._clock.wall_ns, dialect)

    # The sessions' side

    def message_received(self, session: Session, text: str) -> None:
        try:
            request = read_request(text)
        except RequestMalformed as malformed:
            self._record(session, Unreadable(str(malformed)))
            self._send(session, post_messages.error_frame(str(malformed), malformed.request))
            return
        self._record(session, request)
        wait = self._faults.asked(session, type(request).__name__.lower()) if self.config.faults else 0.0
        if wait is not None and isinstance(request, Post) and may_take(request.payload):
            wait += self.config.taker_delay
        if wait == 0.0:
            self._carry_out(session, request)
        elif wait is not None:
            self._schedule.add(self._clock.now + wait, lambda due: self._carry_out(session, request))

    def _record(self, session: Session, request: Request | Unreadable) -> None:
        self.received.add(Receipt(self._clock.age, session.number, request))

    def handshake_received(self, session: Session) -> None:
        self._faults.handshake(session)

    def message_sent(self, session: Session, packet: Packet) -> None:
        self._faults.sending(session, packet)

    def output_waits(self, session: Session) -> None:
        self._with_output[session] = None

    def output_taken(self, session: Session) -> None:
        self._with_output.pop(session, None)

    def session_ended(self, session: Session) -> None:
        self._feeds.forget(session)
        self._faults.forget(session)
        self._sessions.pop(session, None)
        self._with_output[session] = None

    # Requests

    def _carry_out(self, session: Session, request: Request) -> None:
        if session.gone:
            return
        try:
            match request:
                case Subscribe(entries=entries):
                    self._subscribe(session, entries)
                case Unsubscribe(topic=topic):
                    self._unsubscribe(session, topic)
                case Post():
                    self._post(session, request)
                case _:
                    assert_never(request)
        except RequestMalformed as malformed:
            self._send(session, post_messages.error_frame(str(malformed), malformed.request))

    def _subscribe(self, session: Session, entries: list[object]) -> None:
        limit = self.config.max_subscriptions
        streams: dict[str, Stream] = {}
        refusals = []
        for entry in entries[: limit + 1]:
            try:
                streams.update((stream.topic, stream) for stream in read_entry(entry, self._markets))
            except EntryRefused as refused:
                refusals.append(str(refused))
        if len(entries) > limit or len(session.streams.keys() | streams.keys()) > limit:
            session.close(CloseReason.POLICY_VIOLATION, "too many subscriptions")
            return
        for refusal in refusals:
            self._send(session, post_messages.error_frame(refusal))
        if not streams or session.closed:
            return
        for stream in streams.values():
            self._feeds.add(session, stream)
        states = [state for stream in streams.values() for state in self._feeds.initial_states(stream)]
        topics = [spelled(topic, self.config.dialect) for topic in streams]
        reply = self._packet(post_messages.subscription_response(topics))
        before = self.config.dialect.initial_state is InitialState.BEFORE_REPLY
        for packet in (*states, reply) if before else (reply, *states):
            session.send(packet)

    def _unsubscribe(self, session: Session, topic: str) -> None:
        topic = normalized(topic)
        if topic not in session.streams:
            self._send(session, post_messages.error_frame(f"not subscribed to {topic[:64]}"))
            return
        self._feeds.remove(session, topic)
        self._send(session, post_messages.unsubscribe_response(spelled(topic, self.config.dialect)))

    def _post(self, session: Session, post: Post) -> None:
        try:
            rows = self._admission.execute(post.payload)
            reply = post_messages.post_reply(post.id, rows, self.config.dialect)
        except TransactionRefused as refused:
            reply = post_messages.post_reply(post.id, refused.rows, self.config.dialect, ok=False)
        except TransactionMalformed as malformed:
            raise RequestMalformed(str(malformed), post.id) from None
        if self.config.dialect.events_before_reply:
            self._feeds.publish(self._journal)
            self._send(session, reply)
        else:
            self._send(session, reply)
            self._feeds.publish(self._journal)

    def _send(self, session: Session, message: Json) -> None:
        session.send(self._packet(message))

    def _packet(self, message: Json) -> Packet:
        return Packet(respelled(message, self.config.dialect))

    # Time

    def _begin(self, trading: Trading, chance: Chance, now: float) -> None:
        config, feeds = self.config, self._feeds
        for market in self._markets.values():
            market.invent_history(config.past_candles, self._clock.wall_ms, chance)
        for interval, publish in (
            (config.ticker_interval, feeds.publish_tickers),
            (config.snapshot_interval, feeds.publish_snapshots),
            (config.candle_interval, feeds.publish_candles),
            (config.context_interval, feeds.publish_context),
            (config.risk_interval, self._look_for_risk),
            (config.funding_interval, self._charge_funding),
        ):
            self._schedule.add(now + interval, _every(interval, publish))
        for market in self._markets.values() if config.flow_rate else ():
            flow = OrderFlow(market, trading, self._ledger, config, chance)
            flow.begin()
            self._schedule.add(now + flow.pause(), partial(self._flow_step, flow))
        feeds.publish(self._journal)

    def _look_for_risk(self) -> None:
        if self._liquidation.act():
            self._settle()

    def _charge_funding(self) -> None:
        charge_funding(self._markets, self._ledger, self._journal)
        self._settle()

    def _settle(self) -> None:
        self._desk.settle()
        self._feeds.publish(self._journal)

    def _flow_step(self, flow: OrderFlow, due: float) -> float:
        self._clock.next_slot()
        flow.step()
        self._settle()
        return due + flow.pause()


def _every(interval: float, publish: Callable[[], None]) -> Task:
    def task(due: float) -> float:
        publish()
        return due + interval

    return task
