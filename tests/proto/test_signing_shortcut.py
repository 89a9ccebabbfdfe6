"""The shortcut for plain actions against the table of layouts, which it must never differ from."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.actions import Action, BuilderCode, CancelAll, CancelOrder, LimitOrder, MarketOrder
from bulk_proto.enums import Side
from bulk_proto.signing.encoding import encode_actions
from bulk_proto.signing.layouts import LEGACY, PROFILES
from bulk_proto.signing.shortcut import plain_cores

from . import action_strategies as some
from . import signing_vectors as v

BUY = LimitOrder("BTC-USD", Side.BUY, 64250.5, 0.29)


@given(st.lists(some.any_actions, min_size=1, max_size=4), st.sampled_from(list(PROFILES)))
def test_it_gives_the_bytes_of_the_table_or_nothing(actions: list[Action], profile: str) -> None:
    cores = plain_cores(actions)
    if cores is not None:
        encoded = encode_actions([action.to_api() for action in actions], profile)
        assert encoded.version == LEGACY
        assert encoded.tags == [b""] * len(actions)
        assert encoded.cores == cores


@given(st.lists(some.limit_orders | some.market_orders | some.cancels, min_size=1), some.any_actions)
def test_orders_and_cancels_without_extras_are_plain_and_nothing_else_is(
    actions: list[Any], other: Action
) -> None:
    plain = all(
        getattr(action, "builder_code", None) is None and getattr(action, "slippage", None) is None
        for action in actions
    )
    assert (plain_cores(actions) is not None) is plain
    if not isinstance(other, (LimitOrder, MarketOrder, CancelOrder)):
        assert plain_cores([*actions, other]) is None


@pytest.mark.parametrize(
    "action",
    [
        LimitOrder("BTC-USD", Side.BUY, 1.0, 1.0, builder_code=BuilderCode(v.OWNER, 5)),
        MarketOrder("BTC-USD", Side.BUY, 1.0, builder_code=BuilderCode(v.OWNER, 5)),
        MarketOrder("BTC-USD", Side.BUY, 1.0, slippage=0),
        CancelAll(),
    ],
)
def test_one_action_that_is_not_plain_sends_all_to_the_table(action: Action) -> None:
    assert plain_cores([BUY]) is not None
    assert plain_cores([BUY, action, BUY]) is None


def test_a_class_derived_from_a_plain_one_is_asked_for_its_own_json() -> None:
    class Renamed(LimitOrder, frozen=True):
        def to_api(self) -> dict[str, Any]:
            return {"l": {**super().to_api()["l"], "c": "ETH-USD"}}

    assert plain_cores([Renamed("BTC-USD", Side.BUY, 1.0, 1.0)]) is None
