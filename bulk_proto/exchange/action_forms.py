"""The actions this exchange knows: one value for each, with the names of the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Struct

Scaled = float | str  # numbers and their text are equally good here


class BuilderCode(Struct, frozen=True):
    to: str
    fee: int


class Market(Struct, frozen=True, tag="m"):
    c: str
    b: bool
    sz: Scaled
    r: bool = False
    i: bool = False
    slippage: float | None = None
    builderCode: BuilderCode | None = None


class Limit(Struct, frozen=True, tag="l"):
    c: str
    b: bool
    px: Scaled
    sz: Scaled
    tif: Literal["GTC", "IOC", "ALO"]
    r: bool = False
    i: bool = False
    builderCode: BuilderCode | None = None


class Modify(Struct, frozen=True):
    oid: str
    c: str
    sz: float


class OlderModify(Struct, frozen=True):
    oid: str
    symbol: str
    amount: float


class Cancel(Struct, frozen=True):
    c: str
    oid: str


class CancelAll(Struct, frozen=True):
    c: list[str]


class OraclePrice(Struct, frozen=True):
    t: int
    c: str
    px: float


class Faucet(Struct, frozen=True):
    u: str
    amount: float | None = None


class AgentWallet(Struct, frozen=True):
    a: str
    d: bool


class UserSettings(Struct, frozen=True):
    m: dict[str, float]


class ApproveBuilder(Struct, frozen=True):
    to: str
    fee: int


class RevokeBuilder(Struct, frozen=True):
    to: str


class Conditional(Struct, frozen=True):
    """What a stop and a take-profit have in common."""

    c: str
    d: bool
    sz: Scaled
    tr: Scaled
    lim: Scaled | None = None
    i: bool = False
    slippage: float | None = None
    builderCode: BuilderCode | None = None


class Stop(Conditional, frozen=True):
    pass


class TakeProfit(Conditional, frozen=True):
    pass


class Range(Struct, frozen=True):
    c: str
    d: bool
    sz: Scaled
    pmin: Scaled
    pmax: Scaled
    lmin: Scaled | None = None
    lmax: Scaled | None = None
    i: bool = False
    slSlippage: float | None = None
    tpSlippage: float | None = None
    builderCode: BuilderCode | None = None


class Trailing(Struct, frozen=True):
    c: str
    b: bool
    sz: Scaled
    trb: Annotated[int, msgspec.Meta(ge=1, le=9_999)]
    stb: Annotated[int, msgspec.Meta(ge=0)]
    lim: Scaled | None = None
    i: bool = False
    slippage: float | None = None
    builderCode: BuilderCode | None = None


class Basket(Struct, frozen=True):
    """The actions inside are read when the basket is placed: a bad one is refused, not malformed."""

    c: str
    d: bool
    tr: Scaled
    actions: list[dict[str, Any]]


class OnFill(Struct, frozen=True):
    trigger: dict[str, Any]
    actions: list[dict[str, Any]]


class OlderOnFill(Struct, frozen=True):
    """``p`` is the place of the order in the same transaction."""

    p: Annotated[int, msgspec.Meta(ge=0)]
    actions: list[dict[str, Any]]


class Feed(Struct, frozen=True):
    t: int
    fi: int
    px: int
    e: int


class PythOracle(Struct, frozen=True):
    oracles: list[Feed]


class WhitelistFaucet(Struct, frozen=True):
    target: str
    whitelist: bool


class CreateSubAccount(Struct, frozen=True):
    name: str
    marginAmount: float | None = None
    marginSymbol: str | None = None  # in the older form


class RemoveSubAccount(Struct, frozen=True):
    toRemove: str


class RenameSubAccount(Struct, frozen=True):
    a: str
    n: str


class Transfer(Struct, frozen=True, rename={"source": "from"}):
    k: Literal["internal", "external"]
    source: str
    to: str
    marginAmount: float
    symbol: str | None = None
    marginSymbol: str | None = None  # in the older form


class CreateMultisig(Struct, frozen=True):
    signers: list[str]
    threshold: int
    timeLockSecs: int
    proposalLifetimeSecs: int


class UpdateMultisig(Struct, frozen=True):
    m: str
    signers: list[str]
    threshold: int
    timeLockSecs: int
    proposalLifetimeSecs: int


class Propose(Struct, frozen=True):
    m: str
    a: list[dict[str, Any]]


class Vote(Struct, frozen=True):
    """What a signer does about the proposal ``p`` of the account ``m``."""

    m: str
    p: int


class ApproveProposal(Vote, frozen=True):
    pass


class RejectProposal(Vote, frozen=True):
    pass


class CancelProposal(Vote, frozen=True):
    pass


class ExecuteProposal(Vote, frozen=True):
    pass


HouseForm = (
    OraclePrice
    | PythOracle
    | Faucet
    | WhitelistFaucet
    | AgentWallet
    | UserSettings
    | ApproveBuilder
    | RevokeBuilder
    | CreateSubAccount
    | RemoveSubAccount
    | RenameSubAccount
    | Transfer
)
OrderForm = Market | Limit | Modify | OlderModify | Cancel | CancelAll
ConditionalForm = Stop | TakeProfit | Range | Trailing | Basket | OnFill | OlderOnFill
VoteForm = ApproveProposal | RejectProposal | CancelProposal | ExecuteProposal
MultisigForm = CreateMultisig | UpdateMultisig | Propose | VoteForm
ActionForm = OrderForm | ConditionalForm | HouseForm | MultisigForm
