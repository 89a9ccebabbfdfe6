"""Account events: whose they are, and what a snapshot may and may not do without."""

from __future__ import annotations

import math
from typing import Any

import pytest

from bulk_proto.enums import OrderStatus
from bulk_proto.events import (
    AccountSnapshot,
    FeeTier,
    FeeTierUpdate,
    LeverageSetting,
    LeverageUpdate,
    MarginUpdate,
    MessageRefused,
    OrderState,
    OrderTrigger,
    PositionUpdate,
    ProtectiveOrder,
    UnknownMessage,
)
from bulk_proto.wire import decode

from . import wire_messages as wire
from .wire_messages import ACCOUNT_TOPIC, BUILDER, ISO, K1, K2, OID1, SUB, data_of, read, read_account

SNAPSHOT: dict[str, Any] = data_of(wire.ACCOUNT_SNAPSHOT)
MARGIN: dict[str, Any] = SNAPSHOT["margin"]
POSITION: dict[str, Any] = SNAPSHOT["positions"][0]
ISOLATED: dict[str, Any] = SNAPSHOT["positions"][1]
ORDER: dict[str, Any] = SNAPSHOT["openOrders"][0]


def read_snapshot(**changes: object) -> AccountSnapshot:
    event = read_account({name: value for name, value in (SNAPSHOT | changes).items() if value != "absent"})
    assert isinstance(event, AccountSnapshot)
    return event


def read_margin(**fields: object) -> MarginUpdate:
    event = read_account({"type": "marginUpdate"} | fields)
    assert isinstance(event, MarginUpdate)
    return event


def read_position(**changes: object) -> PositionUpdate:
    event = read_account(POSITION | {"type": "positionUpdate"} | changes)
    assert isinstance(event, PositionUpdate)
    return event


def refused(data: dict[str, object], topic: str = ACCOUNT_TOPIC) -> bool:
    event = read_account(data, topic)
    return isinstance(event, MessageRefused) and event.stream == topic


# Whose event it is -----------------------------------------------------------------------------------


def test_the_topic_alone_tells_the_account() -> None:
    for account in (K1, SUB):
        event = read_account(
            {"type": "positionUpdate", "symbol": "A", "size": 1, "account": K2}, f"account.{account}"
        )
        assert isinstance(event, PositionUpdate)
        assert event.account == account


def test_the_key_in_a_topic_depends_on_case_and_the_word_before_it_does_not() -> None:
    event = read_account(data_of(wire.FILL), f"Account.{K1.swapcase()}")
    assert event == read_account(data_of(wire.FILL), f"account.{K1.swapcase()}")
    assert getattr(event, "account", None) == K1.swapcase()


@pytest.mark.parametrize("topic", ["", "account", "account.", "ticker.BTC-USD", f".{K1}", K1])
@pytest.mark.parametrize("message", [wire.ACCOUNT_SNAPSHOT, wire.ORDER_UPDATE, wire.FILL])
def test_an_event_of_no_account_is_applied_to_nobody(message: bytes, topic: str) -> None:
    assert isinstance(read_account(data_of(message), topic), MessageRefused)


@pytest.mark.parametrize("topic", [None, 5, [K1]])
def test_an_event_without_readable_topic_is_refused(topic: object) -> None:
    event = read(type="account", topic=topic, data=data_of(wire.FILL))
    assert isinstance(event, MessageRefused)
    assert event.stream is None


@pytest.mark.parametrize("kind", ["order", "stakeUpdate"])
def test_events_that_are_not_applied_surface_as_unknown(kind: str) -> None:
    event = read_account({"type": kind, "status": "placed"})
    assert isinstance(event, UnknownMessage)
    assert event.kind == kind


def test_an_event_of_no_kind_surfaces_as_unknown() -> None:
    event = read_account({"status": "placed"})
    assert isinstance(event, UnknownMessage)
    assert event.kind is None


def test_kinds_of_account_events_are_compared_without_case() -> None:
    assert read_account(data_of(wire.FILL) | {"type": "FILL"}) == decode(wire.FILL)


def test_an_account_event_without_data_is_refused() -> None:
    assert isinstance(read(type="account", topic=ACCOUNT_TOPIC, data=[1]), MessageRefused)


# Margin ----------------------------------------------------------------------------------------------


def test_both_generations_of_margin_names_are_read() -> None:
    newer = read_margin(totalMargin=10, availableMargin=4.5, marginUsed="5.5")
    older = read_margin(totalBalance=10, availableBalance=4.5, marginUsed=5.5)
    for margin in (newer, older):
        assert (margin.total_balance, margin.available_balance, margin.margin_used) == (10.0, 4.5, 5.5)


def test_the_newer_margin_name_wins() -> None:
    assert read_margin(totalBalance=1, totalMargin=2).total_balance == 2.0
    assert read_margin(totalBalance=1, totalMargin=None).total_balance == 1.0


def test_margin_that_was_not_sent_is_not_zero() -> None:
    margin = read_margin(totalMargin=1, fees=None, funding={})
    assert math.isnan(margin.available_balance)
    assert math.isnan(margin.fees)
    assert math.isnan(margin.funding)
    assert margin.execution_impact is None


def test_a_margin_update_without_a_single_figure_is_refused() -> None:
    assert refused({"type": "marginUpdate", "equity": 10, "totalMargin": None})


# Positions -------------------------------------------------------------------------------------------


def test_a_position_update_reads_like_a_row_of_a_snapshot() -> None:
    assert read_position() == read_snapshot().positions[0]


def test_a_position_may_name_its_market_coin_and_lack_its_figures() -> None:
    position = read_account({"type": "positionUpdate", "coin": "ETH-USD", "size": "-2"})
    assert isinstance(position, PositionUpdate)
    assert (position.symbol, position.size, position.iso, position.iso_pubkey) == (
        "ETH-USD",
        -2.0,
        None,  # the row does not say
        None,
    )
    assert math.isnan(position.price)
    assert math.isnan(position.leverage)
    assert position.alloc_margin is None


def test_attached_orders_and_allocated_margin_of_a_position_are_kept() -> None:
    position = read_position(protection={"orders": []}, allocMargin=3)
    assert (position.protection, position.alloc_margin) == ({"orders": []}, 3.0)
    assert read_position(protection=[1]).protection is None


def test_orders_that_protect_a_position_are_read_one_by_one() -> None:
    attached = {"orderId": OID1, "orderType": "stop", "trigger": {"px": 61000.0, "lim": None, "oco": "x"}}
    position = read_position(protection={"orders": [attached, 5, {}]})
    assert position.protective_orders == (
        ProtectiveOrder(OID1, "stop", OrderTrigger(price=61000.0, oco="x")),
        ProtectiveOrder(None, None, None),
    )
    assert read_position(protection={"orders": 5}).protective_orders == ()
    (short,) = read_position(protection={"orders": [{"oid": OID1, "ot": "stop"}]}).protective_orders
    assert (short.order_id, short.order_type) == (OID1, "stop")


def test_cross_and_isolated_rows_of_one_market_stay_apart() -> None:
    cross = read_position()
    named = read_position(iso=True, isoPubkey=ISO)
    unnamed = read_position(iso=True)
    unflagged = read_position(iso=None, isoPubkey=ISO)
    assert len({row.key for row in (cross, named, unnamed)}) == 3
    assert unflagged == named
    assert read_position(iso=False, isoPubkey=ISO).iso_pubkey is None


@pytest.mark.parametrize("change", [{"symbol": None}, {"symbol": 5}, {"size": None}, {"size": "large"}])
def test_a_position_without_market_or_size_is_refused(change: dict[str, object]) -> None:
    assert refused(POSITION | {"type": "positionUpdate"} | change)


# Snapshots -------------------------------------------------------------------------------------------


def test_an_unknown_order_status_costs_nothing() -> None:
    rows = [ORDER | {"status": "levitating"}, ORDER | {"status": "pending", "orderId": "x"}]
    orders = read_snapshot(openOrders=rows).open_orders
    assert [order.status for order in orders] == [OrderStatus.UNKNOWN, OrderStatus.PENDING]


def test_long_names_of_open_orders_are_read() -> None:
    orders = read_snapshot(openOrders=[ORDER, ORDER | {"orderId": "another"}]).open_orders
    assert [order.order_id for order in orders] == [OID1, "another"]
    assert {(order.symbol, order.price, order.size) for order in orders} == {("BTC-USD", 64000.0, 0.05)}


def test_rows_with_missing_figures_cost_nothing() -> None:
    order = {"symbol": "A", "orderId": "x", "originalSize": 1, "size": 1, "status": "placed", "price": {}}
    position = {"symbol": "A", "size": 1, "leverage": "high", "price": None, "protection": 5}
    snapshot = read_snapshot(openOrders=[order], positions=[position])
    assert (snapshot.open_orders[0].price, snapshot.positions[0].size) == (0.0, 1.0)


@pytest.mark.parametrize(
    "change",
    [
        {"openOrders": [ORDER, ORDER | {"orderId": None}]},
        {"openOrders": [ORDER, ORDER | {"size": "few"}]},
        {"openOrders": [ORDER, 5]},
        {"openOrders": [ORDER | {"symbol": ""}]},
        {"positions": [POSITION, POSITION | {"size": None}]},
        {"positions": [POSITION, ISOLATED | {"symbol": None}]},
        {"positions": [None]},
        {"positions": {}},
        {"positions": None},
        {"openOrders": None},
        {"margin": 5},
    ],
)
def test_a_snapshot_with_an_unreadable_row_is_refused_whole(change: dict[str, object]) -> None:
    assert refused(SNAPSHOT | change)


def test_a_snapshot_without_its_lists_does_not_pass_for_an_empty_account() -> None:
    for name in ("positions", "openOrders"):
        assert refused({key: value for key, value in SNAPSHOT.items() if key != name})
    empty = read_snapshot(positions=[], openOrders=[])
    assert (empty.positions, empty.open_orders) == ([], [])


def test_a_snapshot_without_margin_knows_none() -> None:
    assert math.isnan(read_snapshot(margin=None).margin.total_balance)


def test_related_accounts_come_as_objects_or_as_keys() -> None:
    snapshot = read_snapshot(
        subAccounts=[{"pubkey": SUB, "name": "second"}, K2, {"pubkey": None}, 5],
        multisigAccounts=[K1, {"pubkey": K2}],
        authorizedAgentWallets=None,
        kind="SubAccount",
        parent=K2,
        name="scalper",
    )
    assert (snapshot.sub_accounts, snapshot.multisig_accounts) == ([SUB, K2], [K1, K2])
    assert (snapshot.agent_wallets, snapshot.kind, snapshot.parent) == ([], "SubAccount", K2)
    assert snapshot.name == "scalper"


def test_approved_builders_are_read() -> None:
    rows = [{"recipient": BUILDER, "maxFee": 10}, {"recipient": K2}, {"maxFee": 1}]
    assert read_snapshot(builderCodeApprovals=rows).builder_approvals == {BUILDER: 10}


def test_settings_that_cannot_be_read_cost_themselves_alone() -> None:
    snapshot = read_snapshot(
        leverageSettings=[{"symbol": "A", "leverage": None}, {"coin": "B", "leverage": "5"}, 7],
        feeTiers="none",
    )
    assert (snapshot.leverage_settings, snapshot.fee_tiers) == ([LeverageSetting("B", 5.0)], [])


def test_actions_that_wait_for_a_fill_are_given_to_their_order() -> None:
    waiting = [{"parentOrderId": OID1, "actions": [{"m": {}}]}, {"parentOrderId": "gone", "actions": []}, {}]
    assert read_snapshot(pendingOnFill=waiting).open_orders[0].pending_on_fill == [{"m": {}}]
    own = ORDER | {"pendingOnFill": ["own"]}
    assert read_snapshot(pendingOnFill=waiting, openOrders=[own]).open_orders[0].pending_on_fill == ["own"]


# Settings --------------------------------------------------------------------------------------------


def test_changed_leverage_is_read() -> None:
    rows = [{"symbol": "BTC-USD", "leverage": 5.0}, {"coin": "ETH-USD", "leverage": 3}]
    settings = [LeverageSetting("BTC-USD", 5.0), LeverageSetting("ETH-USD", 3.0)]
    assert read_account({"type": "leverageUpdate", "leverage": rows}) == LeverageUpdate(
        account=K1, settings=settings
    )


@pytest.mark.parametrize("rows", [None, {}, [{}], [{"symbol": "A"}], [{"leverage": 1}], [5]])
def test_an_unreadable_change_of_leverage_is_refused(rows: object) -> None:
    assert refused({"type": "leverageUpdate", "leverage": rows})


def test_a_row_of_settings_that_cannot_be_read_costs_no_other() -> None:
    rows: list[object] = [
        {"symbol": "A", "leverage": None},
        {"symbol": "B", "leverage": 3},
        None,
        {"leverage": 1},
    ]
    settings = read_account({"type": "leverageUpdate", "leverage": rows})
    assert settings == LeverageUpdate(account=K1, settings=[LeverageSetting("B", 3.0)])
    tiers = read_account({"type": "feeTierUpdate", "feeTiers": [{"symbol": None}, {"symbol": "global"}]})
    assert isinstance(tiers, FeeTierUpdate)
    assert [tier.symbol for tier in tiers.tiers] == ["global"]


def test_lists_of_no_settings_change_none() -> None:
    assert read_account({"type": "leverageUpdate", "leverage": []}) == LeverageUpdate(account=K1, settings=[])
    assert read_account({"type": "feeTierUpdate", "feeTiers": []}) == FeeTierUpdate(account=K1, tiers=[])


def test_changed_fee_tiers_are_read() -> None:
    update = read_account({"type": "feeTierUpdate", "feeTiers": SNAPSHOT["feeTiers"], "ts": 7})
    assert isinstance(update, FeeTierUpdate)
    assert (update.tiers, update.timestamp, update.account) == (read_snapshot().fee_tiers, 7, K1)


def test_a_fee_tier_may_lack_its_figures() -> None:
    update = read_account({"type": "feeTierUpdate", "feeTiers": [{"symbol": "global", "makerBps": "1.5"}]})
    assert isinstance(update, FeeTierUpdate)
    tier = update.tiers[0]
    assert isinstance(tier, FeeTier)
    assert (tier.symbol, tier.maker_bps, tier.tier_index) == ("global", 1.5, None)
    assert math.isnan(tier.taker_bps)
    assert update.timestamp is None


def test_fee_tiers_without_scope_are_refused() -> None:
    assert refused({"type": "feeTierUpdate", "feeTiers": [{"makerBps": 1.5}]})


def test_an_order_update_reads_like_a_row_of_a_snapshot() -> None:
    event = read_account(ORDER | {"type": "orderUpdate"})
    assert isinstance(event, OrderState)
    assert event == read_snapshot().open_orders[0]
