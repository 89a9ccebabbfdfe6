"""Every action of the exchange has a call of its own on both clients, and the call sends just that action."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import pytest

import bulk_anyio
import bulk_sync
from bulk_anyio.exchange import ExchangeServer
from bulk_proto import (
    CancelAll,
    CancelOrder,
    InvalidAction,
    LimitOrder,
    MarketOrder,
    ModifyOrder,
    OrderStatus,
    Side,
    SignerMissing,
    TimeInForce,
    TransactionSigner,
    actions,
)
from bulk_proto.actions import Action
from bulk_proto.responses import OrderResponse, OrderResponses

from .blocking import served
from .blocking import trader as blocking_trader
from .test_client import BTC, trader

pytestmark = pytest.mark.timeout(60)

KEY = TransactionSigner.generate_account().public_key
OTHER = TransactionSigner.generate_account().public_key
BID = LimitOrder(BTC, Side.BUY, 50_000.0, 0.1)

CALLS: list[tuple[str, tuple[Any, ...], Action]] = [
    ("place_limit_order", (BTC, Side.BUY, 50_000.0, 0.1), BID),
    (
        "place_limit_order",
        (BTC, Side.SELL, "50000.5", 0.1, True, TimeInForce.ALO),
        LimitOrder(BTC, Side.SELL, 50_000.5, 0.1, True, TimeInForce.ALO),
    ),
    ("place_market_order", (BTC, Side.SELL, 0.1, True), MarketOrder(BTC, Side.SELL, 0.1, True)),
    ("modify_order", (BTC, KEY, 0.2), ModifyOrder(BTC, KEY, 0.2)),
    ("cancel_order", (Side.BUY, BTC, KEY), CancelOrder(BTC, KEY, Side.BUY)),
    ("cancel_all", ([BTC],), CancelAll([BTC])),
    ("place_stop", (BTC, False, 0.1, 40_000.0), actions.Stop(BTC, False, 0.1, 40_000.0)),
    (
        "place_take_profit",
        (BTC, True, 0.1, 60_000.0, 59_990.0, True, 5),
        actions.TakeProfit(BTC, True, 0.1, 60_000.0, 59_990.0, True, 5),
    ),
    (
        "place_range",
        (BTC, True, 0.1, 40_000.0, 60_000.0, 39_990.0, 59_990.0, True, 5, 6),
        actions.Range(BTC, True, 0.1, 40_000.0, 60_000.0, 39_990.0, 59_990.0, True, 5, 6),
    ),
    (
        "place_trailing_stop",
        (BTC, Side.BUY, 0.1, 100, 10, 40_000.0, True, 5),
        actions.TrailingStop(BTC, Side.BUY, 0.1, 100, 10, 40_000.0, True, 5),
    ),
    ("place_trigger_basket", (BTC, True, 60_000.0, [BID]), actions.TriggerBasket(BTC, True, 60_000.0, [BID])),
    ("place_on_fill", (BID, [CancelAll()]), actions.OnFill(BID, [CancelAll()])),
    ("set_leverage", (BTC, 5), actions.UserSettings({BTC: 5})),
    ("claim_faucet", (KEY, 100), actions.Faucet(KEY, 100)),
    ("whitelist_faucet", (KEY, False), actions.WhitelistFaucet(KEY, False)),
    ("approve_agent", (KEY,), actions.AgentWallet(KEY)),
    ("revoke_agent", (KEY,), actions.AgentWallet(KEY, delete=True)),
    ("create_sub_account", ("desk", 100), actions.CreateSubAccount("desk", 100)),
    ("rename_sub_account", (KEY, "desk"), actions.RenameSubAccount(KEY, "desk")),
    ("remove_sub_account", (KEY,), actions.RemoveSubAccount(KEY)),
    (
        "transfer",
        (KEY, OTHER, 10, actions.TransferKind.EXTERNAL, BTC),
        actions.Transfer(KEY, OTHER, 10, actions.TransferKind.EXTERNAL, BTC),
    ),
    ("approve_builder_code", (KEY, 3), actions.ApproveBuilderCode(KEY, 3)),
    ("revoke_builder_code", (KEY,), actions.RevokeBuilderCode(KEY)),
    ("create_multisig", ([KEY, OTHER], 2, 60, 7200), actions.CreateMultisig([KEY, OTHER], 2, 60, 7200)),
    ("propose", (KEY, [BID]), actions.MultisigPropose(KEY, [BID])),
    ("approve_proposal", (KEY, 4), actions.MultisigApprove(KEY, 4)),
    ("reject_proposal", (KEY, 4), actions.MultisigReject(KEY, 4)),
    ("cancel_proposal", (KEY, 4), actions.MultisigCancel(KEY, 4)),
    ("execute_proposal", (KEY, 4), actions.MultisigExecute(KEY, 4)),
]
WITHOUT_A_CALL = {
    actions.MultisigUpdate,
    actions.OraclePrice,
    actions.PythOracle,
}  # proposed; update_oracle()
NOT_ACTIONS = {Action, actions.BuilderCode, actions.PythPrice, actions.TransferKind}
SENDING: dict[str, Any] = {"timeout": 3.0, "nonce": 7, "account": OTHER}


def responses_to(count: int) -> OrderResponses:
    return OrderResponses([OrderResponse(KEY, OrderStatus.RESTING, None, {})] * count)


class Noting(bulk_anyio.BulkWebSocketClient):
    """Notes what would be sent."""

    noted: Any = None

    async def place_orders(self, actions: Sequence[Action], *sending: Any, **named: Any) -> OrderResponses:
        self.noted = list(actions), dict(zip(SENDING, sending, strict=False)) | named
        return responses_to(len(actions))


class NotingBlocking(bulk_sync.BulkWebSocketClient):
    """Notes what would be sent."""

    noted: Any = None

    def place_orders(self, actions: Sequence[Action], *sending: Any, **named: Any) -> OrderResponses:
        self.noted = list(actions), dict(zip(SENDING, sending, strict=False)) | named
        return responses_to(len(actions))


@pytest.mark.parametrize(("name", "arguments", "action"), CALLS)
def test_a_call_sends_its_action_as_it_was_told(
    name: str, arguments: tuple[Any, ...], action: Action
) -> None:
    client, blocking = Noting(), NotingBlocking()
    coroutine = getattr(client, name)(*arguments, **SENDING)
    with pytest.raises(StopIteration) as returned:
        coroutine.send(None)
    assert returned.value.value.order_id == KEY
    assert getattr(blocking, name)(*arguments, **SENDING).order_id == KEY
    assert client.noted == blocking.noted == ([action], SENDING)


def test_every_action_has_a_call() -> None:
    offered = {getattr(actions, name) for name in actions.__all__} - NOT_ACTIONS
    assert {type(action) for _, _, action in CALLS} | WITHOUT_A_CALL == offered


def test_every_call_of_a_client_is_tried_here() -> None:
    trading = {
        name
        for name, member in inspect.getmembers(bulk_sync.BulkWebSocketClient, inspect.isfunction)
        if inspect.signature(member).return_annotation == "OrderResponse" and not name.startswith("_")
    }
    assert {name for name, _, _ in CALLS} == trading


def test_a_faucet_without_a_name_is_for_the_client_itself() -> None:
    signer = TransactionSigner.generate_account()
    client = NotingBlocking(signer=signer)
    client.claim_faucet()
    assert client.noted == ([actions.Faucet(signer.public_key)], {})
    with pytest.raises(SignerMissing):
        NotingBlocking().claim_faucet()


def test_only_prices_are_reported_to_the_oracle() -> None:
    client = NotingBlocking()
    with pytest.raises(InvalidAction):
        client.update_oracle([BID])  # type: ignore[list-item]
    assert client.noted is None
    price = actions.OraclePrice(1, BTC, 50_000.0)
    client.update_oracle([price])
    assert client.noted == ([price], {"timeout": None, "nonce": None, "account": None})


@pytest.mark.anyio
async def test_further_actions_against_the_exchange(exchange: ExchangeServer) -> None:
    async with trader(exchange.url) as client:
        bid = await client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
        assert bid.order_id is not None
        assert not (await client.modify_order(BTC, bid.order_id, 0.02)).is_error()
        assert client.open_orders[bid.order_id].size == 0.02
        await client.place_market_order(BTC, Side.BUY, 0.01)
        stop = await client.place_stop(BTC, False, 0.01, 10_000.0)
        assert not stop.is_error(), stop.message
        assert not (await client.set_leverage(BTC, 5)).is_error()
        opened = await client.create_sub_account("desk", 100, timeout=5.0)
        assert not opened.is_error(), opened.message


def test_further_actions_against_the_exchange_without_async() -> None:
    with served() as exchange, blocking_trader(exchange.url) as client:
        bid = client.place_limit_order(BTC, Side.BUY, 50_000.0, 0.01)
        assert bid.order_id is not None
        assert not client.modify_order(BTC, bid.order_id, 0.02).is_error()
        assert client.open_orders[bid.order_id].size == 0.02
        assert not client.set_leverage(BTC, 5).is_error()
