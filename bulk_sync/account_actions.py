"""The calls of ``BulkWebSocketClient`` that change accounts: leverage, agents, sub-accounts, money, partners.

Each signs and sends one action and raises as ``place_orders`` does. A response is judged like an order's:
``response.is_error()``, ``response.message``; what the exchange tells besides is in ``response.meta``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Unpack

from bulk_proto.actions import (
    AgentWallet,
    ApproveBuilderCode,
    CreateSubAccount,
    Faucet,
    RemoveSubAccount,
    RenameSubAccount,
    RevokeBuilderCode,
    Transfer,
    TransferKind,
    UserSettings,
    WhitelistFaucet,
)
from bulk_proto.errors import SignerMissing
from bulk_proto.responses import OrderResponse
from bulk_proto.sending import Sending

from .trading import Trading


class AccountActions(Trading):
    """What an account can arrange besides orders."""

    def set_leverage(
        self, symbol: str, leverage: float | Decimal | str, **sending: Unpack[Sending]
    ) -> OrderResponse:
        """The leverage (at least 1) of the account in one market."""
        return self._place(UserSettings({symbol: leverage}), sending)

    def claim_faucet(
        self,
        user: str | None = None,
        amount: float | Decimal | str | None = None,
        **sending: Unpack[Sending],
    ) -> OrderResponse:
        """Test money, on test networks only, for ``user`` (default: the client's own account).

        Exchanges that give a fixed sum ignore ``amount``.
        """
        receiver = user or self.core.account
        if receiver is None:
            raise SignerMissing
        return self._place(Faucet(receiver, amount), sending)

    def whitelist_faucet(
        self, target: str, whitelist: bool = True, **sending: Unpack[Sending]
    ) -> OrderResponse:
        """Allow or forbid ``target`` to use the faucet; for administrators."""
        return self._place(WhitelistFaucet(target, whitelist), sending)

    def approve_agent(self, agent: str, **sending: Unpack[Sending]) -> OrderResponse:
        """Let the key ``agent`` trade for the account."""
        return self._place(AgentWallet(agent), sending)

    def revoke_agent(self, agent: str, **sending: Unpack[Sending]) -> OrderResponse:
        """Let the key ``agent`` trade for the account no longer."""
        return self._place(AgentWallet(agent, delete=True), sending)

    def create_sub_account(
        self, name: str, margin_amount: float | Decimal | str | None = None, **sending: Unpack[Sending]
    ) -> OrderResponse:
        """Open a sub-account, with ``margin_amount`` of quote currency moved to it."""
        return self._place(CreateSubAccount(name, margin_amount), sending)

    def rename_sub_account(self, sub_account: str, name: str, **sending: Unpack[Sending]) -> OrderResponse:
        """Give the sub-account with this public key another name."""
        return self._place(RenameSubAccount(sub_account, name), sending)

    def remove_sub_account(self, sub_account: str, **sending: Unpack[Sending]) -> OrderResponse:
        """Close the sub-account with this public key; it must hold no positions and no orders."""
        return self._place(RemoveSubAccount(sub_account), sending)

    def transfer(
        self,
        source: str,
        recipient: str,
        margin_amount: float | Decimal | str,
        kind: TransferKind = TransferKind.INTERNAL,
        symbol: str | None = None,
        **sending: Unpack[Sending],
    ) -> OrderResponse:
        """Move ``margin_amount`` of quote currency between a master and its sub-accounts, or to others."""
        return self._place(Transfer(source, recipient, margin_amount, kind, symbol), sending)

    def approve_builder_code(self, to: str, fee: int, **sending: Unpack[Sending]) -> OrderResponse:
        """Allow the partner ``to`` to earn up to ``fee`` basis points (1 to 15) on orders of the account."""
        return self._place(ApproveBuilderCode(to, fee), sending)

    def revoke_builder_code(self, to: str, **sending: Unpack[Sending]) -> OrderResponse:
        """Take back the approval of the partner ``to``."""
        return self._place(RevokeBuilderCode(to), sending)
