"""What can be asked of the exchange: small immutable objects, checked when they are made.

A wrong value raises :class:`~bulk_proto.errors.InvalidAction` where it was written, not when it is sent.
"""

from .accounts import (
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
from .base import Action
from .conditional import OnFill, Range, Stop, TakeProfit, TrailingStop, TriggerBasket
from .multisig import (
    CreateMultisig,
    MultisigApprove,
    MultisigCancel,
    MultisigExecute,
    MultisigPropose,
    MultisigReject,
    MultisigUpdate,
)
from .oracles import OraclePrice, PythOracle, PythPrice
from .orders import BuilderCode, CancelAll, CancelOrder, LimitOrder, MarketOrder, ModifyOrder

__all__ = [
    "Action",
    "AgentWallet",
    "ApproveBuilderCode",
    "BuilderCode",
    "CancelAll",
    "CancelOrder",
    "CreateMultisig",
    "CreateSubAccount",
    "Faucet",
    "LimitOrder",
    "MarketOrder",
    "ModifyOrder",
    "MultisigApprove",
    "MultisigCancel",
    "MultisigExecute",
    "MultisigPropose",
    "MultisigReject",
    "MultisigUpdate",
    "OnFill",
    "OraclePrice",
    "PythOracle",
    "PythPrice",
    "Range",
    "RemoveSubAccount",
    "RenameSubAccount",
    "RevokeBuilderCode",
    "Stop",
    "TakeProfit",
    "TrailingStop",
    "Transfer",
    "TransferKind",
    "TriggerBasket",
    "UserSettings",
    "WhitelistFaucet",
]
