"""Positions as messages tell them: isolated beside cross ones, with and without the key of their account."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.core import ClientCore
from bulk_proto.events import AccountSnapshot, PositionUpdate, Resynced

from .peer import KEY, OTHER_KEY, account_message, confirmation, connect, opened, snapshot_of_account

BTC, ETH = "BTC-USD", "ETH-USD"
THIRD_KEY = "HotQbmncuSTaG6jktEDec63rpxzXC6ZNfqedTMPAJxNP"


def cross(size: float, symbol: str = BTC) -> dict[str, Any]:
    return {"symbol": symbol, "size": size, "price": 64300.0}


def isolated(size: float, key: str | None = None, symbol: str = BTC) -> dict[str, Any]:
    row = cross(size, symbol) | {"iso": True}
    return row if key is None else row | {"isoPubkey": key}


def update(row: dict[str, Any]) -> dict[str, Any]:
    return account_message(row | {"type": "positionUpdate"})


def snapshot(*rows: dict[str, Any]) -> dict[str, Any]:
    message = snapshot_of_account()
    message["data"]["positions"] = list(rows)
    return message


def sizes(core: ClientCore) -> dict[tuple[str, str | None], float]:
    return {key: position.size for key, position in core.accounts[KEY].positions.items()}


def test_an_isolated_row_without_its_key_is_the_isolated_position_of_its_symbol() -> None:
    core, peer = opened()
    peer.say(snapshot(cross(0.5), isolated(-0.1, OTHER_KEY), isolated(3.0, THIRD_KEY, ETH)))
    (told,) = peer.say(update(isolated(-0.2)))
    assert isinstance(told, PositionUpdate)
    assert told.iso_pubkey == OTHER_KEY
    assert sizes(core) == {(BTC, None): 0.5, (BTC, OTHER_KEY): -0.2, (ETH, THIRD_KEY): 3.0}
    assert core.inventory.quantity_for(BTC) == 0.3
    peer.say(update(isolated(0)))
    assert sizes(core) == {(BTC, None): 0.5, (ETH, THIRD_KEY): 3.0}
    assert core.inventory.quantity_for(BTC) == 0.5


def test_profit_fees_and_funding_of_the_row_that_closes_a_position_are_kept() -> None:
    core, peer = opened()
    figures = {"realizedPnl": 1.0, "fees": -0.25, "funding": 0.5, "unrealizedPnl": 2.0}
    peer.say(update(cross(0.5) | figures), update(isolated(0.5, OTHER_KEY) | figures))
    peer.say(update(cross(0.0) | {"realizedPnl": 4.0, "fees": None}))
    position = core.inventory.position_for(BTC)
    assert (position.quantity, len(position.legs), position.unrealized_pnl) == (0.5, 1, 2.0)
    assert (position.realized_pnl, position.fees, position.funding) == (5.0, -0.5, 1.0)
    peer.say(snapshot())
    peer.say(update(cross(2.0, ETH)))
    assert (position.quantity, position.legs, position.unrealized_pnl) == (0.0, (), 0.0)
    assert (position.realized_pnl, position.fees, position.funding) == (5.0, -0.5, 1.0)
    peer.say(update(cross(1.0) | {"realizedPnl": 0.0, "fees": 0.0, "funding": 0.0}))
    assert (position.quantity, position.realized_pnl, position.fees) == (1.0, 1.0, -0.25)


@pytest.mark.parametrize("first", [None, OTHER_KEY])
@pytest.mark.parametrize("last", [None, OTHER_KEY])
@pytest.mark.parametrize("figures", [{}, {"realizedPnl": 5.0}])
def test_an_isolated_position_that_ends_and_begins_under_another_form_of_its_key_counts_once(
    first: str | None, last: str | None, figures: dict[str, float]
) -> None:
    core, peer = opened()
    peer.say(update(isolated(0.5, first) | {"realizedPnl": 5.0}))
    peer.say(*[update(isolated(0.0, last) | figures)] * 2)
    position = core.inventory.position_for(BTC)
    assert (position.quantity, position.realized_pnl) == (0.0, 5.0)
    peer.say(update(isolated(0.5, OTHER_KEY) | {"realizedPnl": 7.0}))
    assert (position.quantity, position.realized_pnl) == (0.5, 7.0)


def test_an_isolated_position_that_gets_its_key_later_is_no_second_one() -> None:
    core, peer = opened()
    peer.say(snapshot(isolated(-0.1)), update(isolated(-0.15, OTHER_KEY)))
    assert sizes(core) == {(BTC, OTHER_KEY): -0.15}
    assert core.inventory.quantity_for(BTC) == -0.15
    peer.say(update(isolated(-0.3, symbol=ETH)), update(isolated(0, OTHER_KEY, ETH)))
    assert sizes(core) == {(BTC, OTHER_KEY): -0.15}


def test_no_position_is_told_flat_because_a_snapshot_leaves_its_key_out_or_names_it_at_last() -> None:
    core, peer = opened()
    peer.say(snapshot(isolated(-0.1)))
    for row in (isolated(-0.2, OTHER_KEY), isolated(-0.3), isolated(-0.4, OTHER_KEY)):
        (told,) = peer.say(snapshot(row))
        assert isinstance(told, AccountSnapshot)
        assert [position.iso_pubkey for position in told.positions] == [OTHER_KEY]
        assert sizes(core) == {(BTC, OTHER_KEY): row["size"]}
    _, flat = peer.say(snapshot(cross(1.0)))
    assert isinstance(flat, PositionUpdate)
    assert (flat.size, flat.iso, flat.iso_pubkey) == (0.0, True, OTHER_KEY)


@pytest.mark.parametrize("size", [-0.2, 0.0, 0.5])
def test_an_update_without_the_flag_beside_an_isolated_position_is_settled_by_the_account(
    size: float,
) -> None:
    core, peer = opened()
    peer.say(snapshot(isolated(-0.1, OTHER_KEY)))
    peer.hear()
    (told,) = peer.say(update(cross(size)), now=5.0)
    assert isinstance(told, PositionUpdate)
    assert told.iso is None
    assert sizes(core) == {(BTC, OTHER_KEY): -0.1}
    assert core.inventory.quantity_for(BTC) == -0.1
    assert not core.accounts[KEY].live
    core.handle_deadline(core.next_deadline() or 0.0)
    assert [message["method"] for message in peer.hear()] == ["unsubscribe", "subscribe"]
    peer.say(confirmation(f"account.{KEY}"), snapshot(isolated(-0.2, OTHER_KEY)))
    assert sizes(core) == {(BTC, OTHER_KEY): -0.2}
    assert core.accounts[KEY].live


@pytest.mark.parametrize("flag", [{"iso": True, "isoPubkey": OTHER_KEY}, {"iso": False}])
def test_once_updates_have_the_flag_one_without_it_is_about_the_cross_position(flag: dict[str, Any]) -> None:
    core, peer = opened()
    peer.say(snapshot(isolated(-0.1, OTHER_KEY)))
    peer.say(update(cross(-0.1) | flag), update(cross(0.5)))
    assert sizes(core)[BTC, None] == 0.5
    assert sizes(core)[BTC, OTHER_KEY] == -0.1
    assert core.accounts[KEY].live


def test_a_row_without_its_key_is_applied_to_none_of_several_isolated_positions() -> None:
    core, peer = opened()
    peer.say(snapshot(isolated(-0.1, OTHER_KEY), isolated(-0.2, THIRD_KEY)))
    for size in (0, -0.3):
        (told,) = peer.say(update(isolated(size)))
        assert isinstance(told, PositionUpdate)
        assert told.iso_pubkey == ""
        assert sizes(core) == {(BTC, OTHER_KEY): -0.1, (BTC, THIRD_KEY): -0.2}
        assert not core.accounts[KEY].live  # which has it sent anew
    peer.say(snapshot(isolated(-0.1, OTHER_KEY), isolated(-0.3)))
    assert sizes(core) == {(BTC, OTHER_KEY): -0.1, (BTC, THIRD_KEY): -0.3}


def test_a_position_that_only_gets_its_key_in_a_gap_has_not_changed() -> None:
    core, peer = opened()
    peer.say(update(isolated(-0.1)), update(cross(0.5, ETH)))
    core.connection_lost(5.0, "reset")
    core.handle_deadline(7.0)
    peer = connect(core, 7.0)
    served = snapshot(isolated(-0.1, OTHER_KEY), cross(0.75, ETH))
    resynced = peer.say(confirmation(f"account.{KEY}"), served, now=8.0)[-1]
    assert isinstance(resynced, Resynced)
    assert [(moved.symbol, moved.size) for moved in resynced.positions_changed] == [(ETH, 0.75)]


KEYS = {BTC: OTHER_KEY, ETH: THIRD_KEY}
ROWS = st.builds(
    lambda symbol, is_isolated, is_named, size: (
        isolated(size, KEYS[symbol] if is_named else None, symbol) if is_isolated else cross(size, symbol)
    ),
    st.sampled_from([BTC, ETH]),
    st.booleans(),
    st.booleans(),
    st.integers(-2, 2),
)


def place(row: dict[str, Any]) -> tuple[str, bool]:
    return row["symbol"], row.get("iso", False)


@given(steps=st.lists(ROWS | st.lists(ROWS, max_size=4, unique_by=place), max_size=12))
def test_keys_that_come_and_go_neither_double_nor_lose_a_position(
    steps: list[dict[str, Any] | list[dict[str, Any]]],
) -> None:
    core, peer = opened()
    held: dict[tuple[str, bool], float] = {}
    is_flagged = False
    for step in steps:
        if isinstance(step, list):
            closed = {key for key, size in held.items() if size} - {place(row) for row in step if row["size"]}
            held = {place(row): row["size"] for row in step}
            flat = [event for event in peer.say(snapshot(*step)) if isinstance(event, PositionUpdate)]
            assert {(event.symbol, event.iso) for event in flat} == closed
            assert all(event.size == 0 for event in flat)
        else:
            is_flagged |= "iso" in step
            if is_flagged or not held.get((step["symbol"], True)):
                held[place(step)] = step["size"]
            peer.say(update(step))
        open_sizes = {(symbol, name is not None): size for (symbol, name), size in sizes(core).items()}
        assert open_sizes == {key: size for key, size in held.items() if size}
        assert len(sizes(core)) == len(open_sizes)
        for symbol in (BTC, ETH):
            assert core.inventory.quantity_for(symbol) == held.get((symbol, False), 0) + held.get(
                (symbol, True), 0
            )
