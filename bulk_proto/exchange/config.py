"""What the simulated exchange is like: its markets, its limits, its money and how it spells messages.

Defaults follow the documented exchange; every deviation is a switch.
"""

from __future__ import annotations

from enum import Enum
from itertools import pairwise
from typing import Protocol

from msgspec import Struct

from bulk_proto.enums import SignatureDomain
from bulk_proto.errors import UsageError
from bulk_proto.signing.layouts import DEFAULT_PROFILE, PROFILES

from .faults import AnyFault


class Chance(Protocol):
    """The only source of chance: ``random.Random(seed)`` fits, and makes every run repeatable."""

    def random(self) -> float: ...

    def gauss(self, mu: float, sigma: float) -> float: ...


class Market(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One perpetual future. Prices are in quote currency, sizes in base units."""

    symbol: str
    start_price: float
    tick: float
    lot: float
    min_notional: float = 10.0  # quote currency
    max_leverage: float = 50.0
    maintenance_rate: float = 0.01  # of the notional
    funding_rate: float = 0.0000125  # of the notional; long positions pay it to short ones if positive
    spread: float = 1.0  # quote currency; what background makers keep between their best bid and ask
    typical_size: float = 1.0  # base units; mean size of a background order
    volatility: float = 1e-4  # of the background price: relative, per square root of a second


class FlowMix(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who makes the background orders, by their shares: weights, of which only the proportion counts."""

    makers: float = 0.70  # keep quotes on both sides
    takers: float = 0.25  # trade with them, mostly towards the oracle price
    momentum: float = 0.05  # trade in the direction of the latest move


class FeeTier(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What trading costs from a certain volume on."""

    threshold: float = 0.0  # quote currency
    maker_bps: float
    taker_bps: float


DEFAULT_MARKETS = (
    Market(symbol="BTC-USD", start_price=100_000.0, tick=0.5, lot=0.001, spread=5.0, typical_size=0.2),
    Market(symbol="ETH-USD", start_price=4_000.0, tick=0.05, lot=0.01, spread=0.3, typical_size=3.0),
    Market(symbol="SOL-USD", start_price=200.0, tick=0.01, lot=0.1, spread=0.04, typical_size=60.0),
)


class SelfTrade(Enum):
    """Which order goes when an account would trade with itself."""

    CANCEL_RESTING = "resting"
    CANCEL_INCOMING = "incoming"


class InitialState(Enum):
    """When a new subscriber gets the present state of a stream."""

    AFTER_REPLY = "after"
    BEFORE_REPLY = "before"
    OMITTED = "omitted"  # as after a start of the real exchange, when nothing is cached yet


class Dialect(Struct, frozen=True, kw_only=True):
    """How messages are spelled. Each field is one point where servers or their documents differ."""

    initial_state: InitialState = InitialState.AFTER_REPLY
    events_before_reply: bool = False  # account and market events of a transaction precede its answer
    fill_after_order_update: bool = False
    trades_key: str = "trades"  # "data" for older servers, "" for a bare array
    trade_side_key: str = "side"  # or "b"
    candles_key: str = "candles"  # "" for a bare array; "candle" in older clients, one for each message
    single_candles: bool = False  # one candle for each message, not in a list
    camel_case_topics: bool = False  # l2Snapshot.BTC-USD in place of l2snapshot.BTC-USD
    delta_begins_as_snapshot: bool = False  # the first book of an l2Delta topic has the type l2Snapshot
    long_order_updates: bool = False  # long field names in orderUpdate
    short_open_orders: bool = False  # short field names in accountSnapshot
    legacy_order_events: bool = False  # an order event beside each orderUpdate that begins or ends an order
    old_margin_names: bool = False  # totalBalance and availableBalance
    adl_event: str = "adl"  # or "ADL"
    agent_wallet_key: str = "agentWallet"  # or "agent_wallet"
    ack_replies: bool = False  # a transaction that has but one ack as its rows is answered by an ack alone
    cancelled_ioc: str = "cancelledIoc"  # older documents: cancelledIOC
    partial_remainder: str = "cancelledIoc"  # of a market order; "partiallyFilled" is the other reading
    fees_positive: bool = False  # paid fees are negative by default
    is_buy_of_taker: bool = False  # ``isBuy`` of a maker's fill tells the taker's side
    null_prices: bool = False  # markPrice and oraclePrice of tickers are null, as has been observed
    market_times_in_ns: bool = False  # books, trades: milliseconds by default
    account_times_in_ms: bool = False  # account events and tickers: nanoseconds by default
    missing_optional: bool = False  # what older servers leave out is left out
    unknown_fields: bool = False  # every object carries a field that no document knows


class ExchangeConfig(Struct, frozen=True, kw_only=True):
    """Everything that is fixed for one exchange. Durations are in seconds.

    Raises :class:`UsageError` without markets, for two markets of one name, for a market without price,
    tick, lot or leverage, for intervals that are not positive, for signing profiles that do not exist, and
    for thresholds of fee tiers that do not rise.
    """

    markets: tuple[Market, ...] = DEFAULT_MARKETS
    dialect: Dialect = Dialect()
    faults: tuple[AnyFault, ...] = ()
    epoch_ns: int = 1_767_225_600_000_000_000  # wall time at the start, nanoseconds since 1970

    # Signatures
    domain: SignatureDomain = SignatureDomain.DEVNET
    signing_profiles: tuple[str, ...] = (DEFAULT_PROFILE,)  # rules a signature may follow, any of them
    accept_undomained: bool = False  # signatures without the domain byte too (bulk-client 0.1.2)
    slippage_tag_in_order_id: bool = False  # the other reading of how such orders are numbered
    refuse_repeated_nonce: bool = True  # False: the repeated orders are judged, as duplicates

    # The line
    opening_timeout: float = 10.0
    ping_interval: float = 30.0
    pong_timeout: float = 10.0
    compression: bool = True  # permessage-deflate, if the client offers it
    max_message_size: int = 1_000_000  # characters of one message from a client
    max_unsent: int = 16 * 1024 * 1024  # bytes; a session that leaves more unread is dropped
    max_subscriptions: int = 100
    max_messages_per_second: int = 1000
    kept_requests: int = 2_000  # of all clients together, for the assertions of a test

    # Cadences
    ticker_interval: float = 0.2
    snapshot_interval: float = 0.2
    candle_interval: float = 10.0  # of all but the shortest candles: those are told at once
    context_interval: float = 2.0
    past_candles: int = 360  # bars of 10 s made up at the start
    kept_candles: int = 4320  # bars of 10 s remembered: larger candles are made of them

    risk_interval: float = 0.2  # between two looks for accounts to liquidate
    funding_interval: float = 3600.0

    # Background orders
    flow_rate: float = 20.0  # per second and market; 0 for none
    flow_mix: FlowMix = FlowMix()  # of that rate
    flow_depth: int = 20  # background orders kept on each side
    gap_interval: float = 0.0  # mean seconds between two jumps of the background price; 0 for none
    gap_size: float = 0.01  # of a jump, relative

    # Rules and money
    starting_balance: float = 100_000.0  # of every account, when first seen
    faucet_amount: float = 10_000.0
    faucet_interval: float = 86_400.0
    default_leverage: float = 10.0
    maker_bps: float = 2.0
    taker_bps: float = 4.0
    further_fee_tiers: tuple[FeeTier, ...] = ()  # each with a larger threshold than the one before
    taker_delay: float = 0.0  # seconds that orders wait which could take; the real exchange: about 0.025
    enforce_increments: bool = False  # prices in ticks and sizes in lots
    enforce_min_notional: bool = True
    max_open_orders: int = 10_000  # of one account
    external_minimum: float = 1.0  # quote currency; of a transfer to somebody else
    self_trade: SelfTrade = SelfTrade.CANCEL_RESTING

    def __post_init__(self) -> None:
        symbols = {market.symbol for market in self.markets}
        if not symbols or len(symbols) != len(self.markets):
            raise UsageError("an exchange needs at least one market, and each symbol once")
        if not self.signing_profiles or not PROFILES.keys() >= set(self.signing_profiles):
            raise UsageError(f"signing_profiles are one or more of {', '.join(PROFILES)}")
        thresholds = [0.0, *(tier.threshold for tier in self.further_fee_tiers)]
        if any(later <= earlier for earlier, later in pairwise(thresholds)):
            raise UsageError("the thresholds of further_fee_tiers must rise from above 0")
        intervals = (
            self.opening_timeout,
            self.ping_interval,
            self.pong_timeout,
            self.ticker_interval,
            self.snapshot_interval,
            self.candle_interval,
            self.context_interval,
            self.risk_interval,
            self.funding_interval,
        )
        rates = (self.flow_rate, self.gap_interval, self.taker_delay)
        if not all(interval > 0 for interval in intervals) or not all(rate >= 0 for rate in rates):
            raise UsageError("intervals must be positive; flow_rate, gap_interval, taker_delay not negative")
        mix = self.flow_mix
        if not (mix.makers > 0 and mix.takers >= 0 and mix.momentum >= 0):
            raise UsageError("the share of makers must be positive, the others not negative")
        for market in self.markets:
            if min(market.start_price, market.tick, market.lot) < 1e-8 or market.max_leverage < 1:
                raise UsageError(f"{market.symbol} needs a price, tick and lot, and a leverage from 1")
