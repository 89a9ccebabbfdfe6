"""The calls of ``BulkWebSocketClient`` for accounts that several keys govern together.

Each signs and sends one action and raises as ``place_orders`` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from bulk_proto.actions import (
    Action,
    CreateMultisig,
    MultisigApprove,
    MultisigCancel,
    MultisigExecute,
    MultisigPropose,
    MultisigReject,
)
from bulk_proto.responses import OrderResponse
from bulk_proto.sending import Sending

from .trading import Trading


class MultisigActions(Trading):
    """Open such an account, propose what it shall do, vote, and carry it out.

    Its rules are changed by proposing a :class:`bulk_proto.actions.MultisigUpdate`.
    """

    def create_multisig(
        self,
        signers: Sequence[str],
        threshold: int,
        time_lock: int,
        proposal_lifetime: int,
        **sending: Unpack[Sending],
    ) -> OrderResponse:
        """Open an account of 1 to 32 ``signers``, of whom ``threshold`` must agree.

        ``time_lock`` (0 to 30 days) lies between agreement and execution, ``proposal_lifetime`` is 1 hour
        to 90 days; both in seconds.
        """
        rules = CreateMultisig(signers, threshold, time_lock, proposal_lifetime)
        return self._place(rules, sending)

    def propose(self, multisig: str, actions: Sequence[Action], **sending: Unpack[Sending]) -> OrderResponse:
        """Propose that the account ``multisig`` does ``actions``."""
        return self._place(MultisigPropose(multisig, actions), sending)

    def approve_proposal(self, multisig: str, proposal: int, **sending: Unpack[Sending]) -> OrderResponse:
        """Vote for a proposal, named by its number."""
        return self._place(MultisigApprove(multisig, proposal), sending)

    def reject_proposal(self, multisig: str, proposal: int, **sending: Unpack[Sending]) -> OrderResponse:
        """Vote against a proposal."""
        return self._place(MultisigReject(multisig, proposal), sending)

    def cancel_proposal(self, multisig: str, proposal: int, **sending: Unpack[Sending]) -> OrderResponse:
        """Withdraw a proposal."""
        return self._place(MultisigCancel(multisig, proposal), sending)

    def execute_proposal(self, multisig: str, proposal: int, **sending: Unpack[Sending]) -> OrderResponse:
        """Carry out a proposal that was agreed on, once its time lock is over."""
        return self._place(MultisigExecute(multisig, proposal), sending)
