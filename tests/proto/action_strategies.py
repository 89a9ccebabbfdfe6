"""Hypothesis strategies for every kind of action, valid but otherwise anything."""

from __future__ import annotations

from hypothesis import strategies as st

from bulk_proto import actions as a
from bulk_proto.enums import Side, TimeInForce
from bulk_proto.signing import base58

keys = st.binary(min_size=32, max_size=32).map(base58.encode)
symbols = st.one_of(
    st.sampled_from(["BTC-USD", "ETH-USD", "SOL-USD"]),
    st.text(st.characters(min_codepoint=33, max_codepoint=0x24F), min_size=1, max_size=8).filter(
        lambda name: name.isprintable() and " " not in name
    ),
)
sides = st.sampled_from(Side)
# Ticks, halves of the smallest unit, and any double that scales to at least one unit.
scaled = st.one_of(
    st.integers(1, 10**10).map(lambda ticks: ticks / 100),
    st.integers(1, 2**53).map(lambda units: (units + 0.5) / 1e8),
    st.floats(1e-8, 1.8e11),
)
scaled_or_none = st.none() | st.just(0.0) | scaled
positive = st.floats(1e-9, 1e12)
slippages = st.none() | st.floats(0, 10_000)
builders = st.none() | st.builds(a.BuilderCode, keys, st.integers(1, 15))
names = st.text("ABCXYZabcxyz0189-_", min_size=1, max_size=32)
u32 = st.integers(0, 2**32 - 1)
u64 = st.integers(0, 2**64 - 1)

limit_orders = st.builds(
    a.LimitOrder,
    symbols,
    sides,
    scaled,
    scaled,
    st.booleans(),
    st.sampled_from(TimeInForce),
    st.booleans(),
    builders,
)
market_orders = st.builds(
    a.MarketOrder, symbols, sides, scaled, st.booleans(), st.booleans(), builders, slippages
)
orders = limit_orders | market_orders
cancels = st.builds(a.CancelOrder, symbols, keys)
plain = st.one_of(
    orders,
    st.builds(a.ModifyOrder, symbols, keys, positive),
    cancels,
    st.builds(a.CancelAll, st.lists(symbols, max_size=3)),
)
_threshold = (symbols, st.booleans(), scaled, scaled, scaled_or_none, st.booleans(), slippages, builders)
ranges = st.builds(
    lambda low_and_high, **rest: a.Range(price_min=low_and_high[0], price_max=low_and_high[1], **rest),
    st.tuples(scaled, scaled).map(sorted).filter(lambda pair: pair[0] < pair[1]),
    symbol=symbols,
    is_long=st.booleans(),
    size=scaled,
    limit_min=scaled_or_none,
    limit_max=scaled_or_none,
    iso=st.booleans(),
    stop_loss_slippage=slippages,
    take_profit_slippage=slippages,
    builder_code=builders,
)
conditionals = st.one_of(
    st.builds(a.Stop, *_threshold),
    st.builds(a.TakeProfit, *_threshold),
    ranges,
    st.builds(
        a.TrailingStop,
        symbols,
        sides,
        scaled,
        st.integers(1, 2**32 - 1),
        u32,
        scaled_or_none,
        st.booleans(),
        slippages,
        builders,
    ),
)
_simple = plain | conditionals
baskets = st.builds(
    a.TriggerBasket, symbols, st.booleans(), scaled, st.lists(_simple, min_size=1, max_size=3)
)
on_fills = st.builds(a.OnFill, orders, st.lists(_simple | baskets, min_size=1, max_size=3))
tradings = st.one_of(plain, conditionals, baskets, on_fills)

pyth_prices = st.builds(a.PythPrice, u64, u64, u64, st.integers(-(2**15), 2**15 - 1))
faucets = st.builds(a.Faucet, keys)
agents = st.builds(a.AgentWallet, keys, st.booleans())
settings = st.builds(a.UserSettings, st.dictionaries(symbols, st.floats(1, 50), min_size=1, max_size=3))
whitelists = st.builds(a.WhitelistFaucet, keys, st.booleans())
oracle_prices = st.builds(a.OraclePrice, u64, symbols, positive)
pyth_oracles = st.builds(a.PythOracle, st.lists(pyth_prices, min_size=1, max_size=3))
sub_accounts = st.builds(a.CreateSubAccount, names, st.none() | positive)
removals = st.builds(a.RemoveSubAccount, keys)
transfers = st.builds(a.Transfer, keys, keys, positive, st.sampled_from(a.TransferKind))
approvals = st.builds(a.ApproveBuilderCode, keys, st.integers(1, 15))
revocations = st.builds(a.RevokeBuilderCode, keys)
administrations = st.one_of(
    faucets,
    agents,
    settings,
    whitelists,
    oracle_prices,
    pyth_oracles,
    sub_accounts,
    removals,
    transfers,
    approvals,
    revocations,
)

_rules = (st.just(2), st.integers(0, 30 * 86_400), st.integers(3_600, 90 * 86_400))
_signers = st.lists(keys, min_size=2, max_size=4, unique=True)
undisputed = st.one_of(
    st.builds(a.RenameSubAccount, keys, names),
    st.builds(a.CreateMultisig, _signers, *_rules),
    st.builds(a.MultisigUpdate, keys, _signers, *_rules),
    *(
        st.builds(vote, keys, u64)
        for vote in (a.MultisigApprove, a.MultisigReject, a.MultisigCancel, a.MultisigExecute)
    ),
)
any_actions = st.one_of(
    tradings,
    administrations,
    undisputed,
    st.builds(a.MultisigPropose, keys, st.lists(tradings | undisputed, min_size=1, max_size=2)),
)
