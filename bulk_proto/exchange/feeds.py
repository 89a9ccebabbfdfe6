"""Who listens to which stream, and what they are told when."""

from __future__ import annotations

from typing import assert_never

from . import account_messages, market_messages
from .accounts import Ledger
from .candles import BASE, Bar
from .clock import ExchangeClock
from .config import ExchangeConfig, InitialState
from .frames import Packet
from .journal import Journal
from .margin import Markets
from .market_messages import Json
from .session import Session
from .spelling import respelled
from .streams import Stream, StreamKind, spelled


class Feeds:
    """All subscriptions of all sessions.

    ``topics`` has a key for each topic that somebody listens to, and no other.
    """

    def __init__(
        self, config: ExchangeConfig, clock: ExchangeClock, markets: Markets, ledger: Ledger
    ) -> None:
        self._config = config
        self._dialect = config.dialect
        self._clock = clock
        self._markets = markets
        self._ledger = ledger
        self.topics: dict[str, dict[Session, Stream]] = {}

    # Subscriptions

    def add(self, session: Session, stream: Stream) -> None:
        """Subscribe; asked for again, a stream keeps its place and takes the new parameters."""
        session.streams[stream.topic] = stream
        self.topics.setdefault(stream.topic, {})[session] = stream

    def remove(self, session: Session, topic: str) -> None:
        stream = session.streams.pop(topic)
        listeners = self.topics[topic]
        del listeners[session]
        if not listeners:
            del self.topics[topic]
            if stream.kind is StreamKind.CANDLE:
                self._markets[stream.symbol].history.unwatch(stream.interval)

    def forget(self, session: Session) -> None:
        for topic in list(session.streams):
            self.remove(session, topic)

    def initial_states(self, stream: Stream) -> list[Packet]:
        """What a new listener of ``stream`` gets first, if anything."""
        kind = stream.kind
        if kind is StreamKind.L2_DELTA and self._dialect.delta_begins_as_snapshot:
            kind = StreamKind.L2_SNAPSHOT
        return [self._packet(kind, stream.topic, data) for data in self._present(stream)]

    def _present(self, stream: Stream) -> list[object]:
        match stream.kind:
            case StreamKind.TICKER | StreamKind.TRADES:
                return []
            case StreamKind.L2_DELTA if self._dialect.initial_state is InitialState.OMITTED:
                return []
            case StreamKind.L2_DELTA | StreamKind.L2_SNAPSHOT:
                return [self._snapshot(stream)]
            case StreamKind.CANDLE:
                bars = self._markets[stream.symbol].history.watch(stream.interval)
                return market_messages.candles(bars, self._dialect)
            case StreamKind.RISK:
                return [
                    market_messages.risk(self._markets[stream.symbol], self._clock.wall_ns, self._dialect)
                ]
            case StreamKind.CONTEXT:
                return [market_messages.frontend_context(self._markets.values())]
            case StreamKind.ACCOUNT:
                account = self._ledger.look(stream.key)
                return [account_messages.account_snapshot(account, self._config, self._markets)]
            case _:
                assert_never(stream.kind)

    # Periodic

    def publish_tickers(self) -> None:
        for market in self._markets.values():
            if (topic := f"ticker.{market.symbol}") in self.topics:
                ticker = market_messages.ticker(market, self._clock.wall_ns, self._dialect)
                self._broadcast(StreamKind.TICKER, topic, {"ticker": ticker})

    def publish_snapshots(self) -> None:
        for symbol in self._markets:
            made: dict[Stream, Packet] = {}  # listeners with the same parameters share one
            for session, stream in list(self.topics.get(f"l2snapshot.{symbol}", {}).items()):
                if stream not in made:
                    made[stream] = self._packet(stream.kind, stream.topic, self._snapshot(stream))
                session.send(made[stream])

    def publish_candles(self) -> None:
        for market in self._markets.values():
            for interval, bars in market.history.take_changed():
                self._publish_bars(market.symbol, interval, bars)

    def _publish_bars(self, symbol: str, interval: str, bars: list[Bar]) -> None:
        for data in market_messages.candles(bars, self._dialect):
            self._broadcast(StreamKind.CANDLE, f"candle.{symbol}.{interval}", data)

    def publish_context(self) -> None:
        topic = StreamKind.CONTEXT.value
        if topic in self.topics:
            rows = market_messages.frontend_context(self._markets.values())
            self._broadcast(StreamKind.CONTEXT, topic, rows)

    # As it happens

    def publish(self, journal: Journal) -> None:
        """Tell what the last transaction did: to the accounts, then trades, candles, and books."""
        events = journal.account_events
        if events:
            for topic, event in events:
                self._broadcast(StreamKind.ACCOUNT, topic, event)
            events.clear()
        if journal.trades:
            for symbol, rows in journal.trades.items():
                trades = market_messages.trades(rows, self._dialect)
                self._broadcast(StreamKind.TRADES, f"trades.{symbol}", trades)
            journal.trades.clear()
        for market in self._markets.values():
            if bars := market.history.take_latest():
                self._publish_bars(market.symbol, BASE, bars)
            changes = market.book.take_changes()
            if changes and (topic := f"l2delta.{market.symbol}") in self.topics:
                for change in changes:
                    delta = market_messages.delta(market.symbol, change, self._clock.wall_ns, self._dialect)
                    self._broadcast(StreamKind.L2_DELTA, topic, delta)

    def _snapshot(self, stream: Stream) -> Json:
        market = self._markets[stream.symbol]
        return market_messages.snapshot(
            market, stream.nlevels, stream.aggregation, self._clock.wall_ns, self._dialect
        )

    def _broadcast(self, kind: StreamKind, topic: str, data: object) -> None:
        listeners = self.topics.get(topic)
        if listeners is not None:
            packet = self._packet(kind, topic, data)
            for session in list(listeners):  # sending may drop a session that reads too slowly
                session.send(packet)

    def _packet(self, kind: StreamKind, topic: str, data: object) -> Packet:
        message: Json = {"type": kind.value, "topic": spelled(topic, self._dialect), "data": data}
        return Packet(respelled(message, self._dialect))
