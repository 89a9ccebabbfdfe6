"""The table of all actions: their numbers, their fields in the order they are signed, and their versions.

There are five forms of the signed bytes. The legacy form has no header; the versioned ones (2, 3, 4, 6)
start with one and let the actions of a transaction carry tags that the legacy form has no room for. A tag
is written in every transaction of its version or a higher one, absent or not, so the version is a
property of the whole transaction. A *profile* is one set of these rules under the name of the software
that introduced it, because the exchange has changed them before.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from . import fields as f
from .fields import Constant, Inner, One, Part, Run, ToBytes, pack_u32
from .fixed_point import fx

DEFAULT_PROFILE = "bulk-keychain-0.1.31"

LEGACY = 0
# Inside a multisig proposal even the legacy form gives market and limit orders their builder tag. No
# header carries this number: it only orders the tags.
PROPOSED = 1


class Tag(Struct, frozen=True):
    """A field that is optional to the caller and exists only from some version on.

    Its presence asks for version ``demand``, which is never below ``since``. It must not
    be null: the exchange refuses that. With ``bare`` an absent field leaves no byte behind.
    """

    key: str
    convert: ToBytes
    since: int
    demand: int
    bare: bool = False


class Layout(Struct, frozen=True):
    """How one kind of action is laid out; ``older`` is another JSON form with the same meaning."""

    number: int
    parts: tuple[Part, ...]
    tags: tuple[Tag, ...] = ()
    version: int = LEGACY
    older: Layout | None = None
    prefix: bytes = b""
    keys: frozenset[str] = frozenset()
    inner: tuple[Inner, ...] = ()


def _layout(
    number: int, *parts: Part, tags: tuple[Tag, ...] = (), version: int = LEGACY, older: Layout | None = None
) -> Layout:
    return Layout(
        number,
        parts,
        tags,
        version,
        older,
        prefix=pack_u32(number),
        keys=frozenset([key for part in parts for key in part.keys] + [tag.key for tag in tags]),
        inner=tuple(part for part in parts if isinstance(part, Inner)),
    )


_SYMBOL = One("c", f.text)
_LIMIT = One("lim", f.scaled_bytes, optional=True)
_ISOLATED = Run("?", ("i", f.flag, False))
_MULTISIG = One("m", f.key)
_MULTISIG_RULES: tuple[Part, ...] = (
    One("signers", f.vector(f.key)),
    Run("III", ("threshold", f.u32), ("timeLockSecs", f.u32), ("proposalLifetimeSecs", f.u32)),
)


def _order_tags(*, bare: bool = False) -> tuple[Tag, ...]:
    return (Tag("builderCode", f.builder, LEGACY if bare else PROPOSED, LEGACY if bare else 3, bare),)


def _slippage(key: str, version: int) -> Tag:
    return Tag(key, f.scaled_bytes, version, version)


def _orders(builder: tuple[Tag, ...]) -> dict[str, Layout]:
    reduce_isolated = (("r", f.flag), ("i", f.flag, False))
    return {
        "m": _layout(
            0,
            _SYMBOL,
            Run("?Q??", ("b", f.flag), ("sz", fx), *reduce_isolated),
            tags=(*builder, _slippage("slippage", 2)),
        ),
        "l": _layout(
            1,
            _SYMBOL,
            Run(
                "?QQI??",
                ("b", f.flag),
                ("px", fx),
                ("sz", fx),
                ("tif", f.time_in_force),
                *reduce_isolated,
            ),
            tags=builder,
        ),
    }


def _conditionals(version: int) -> dict[str, Layout]:
    builder = (Tag("builderCode", f.builder, 3, 3),)
    tags = (*builder, _slippage("slippage", 4))
    threshold = (
        _SYMBOL,
        Run("?QQ", ("d", f.flag), ("sz", fx), ("tr", fx)),
        _LIMIT,
        _ISOLATED,
    )
    return {
        "st": _layout(5, *threshold, tags=tags, version=version),
        "tp": _layout(6, *threshold, tags=tags, version=version),
        "rng": _layout(
            7,
            _SYMBOL,
            Run("?QQQ", ("d", f.flag), ("sz", fx), ("pmin", fx), ("pmax", fx)),
            One("lmin", f.scaled_bytes, optional=True),
            One("lmax", f.scaled_bytes, optional=True),
            _ISOLATED,
            tags=(*builder, _slippage("slSlippage", 4), _slippage("tpSlippage", 4)),
            version=version,
        ),
        "trl": _layout(
            9,
            _SYMBOL,
            Run("?QII", ("b", f.flag), ("sz", fx), ("trb", f.u32), ("stb", f.u32)),
            _LIMIT,
            _ISOLATED,
            tags=tags,
            version=version,
        ),
    }


def _modify(amount: ToBytes) -> dict[str, Layout]:
    older = _layout(2, One("oid", f.key), One("symbol", f.text), One("amount", amount))
    return {"mod": _layout(2, One("oid", f.key), _SYMBOL, One("sz", amount), older=older)}


_MULTISIG_VOTES = {
    kind: _layout(number, _MULTISIG, Run("Q", ("p", f.u64)))
    for kind, number in {"msa": 32, "msr": 33, "msc": 34, "mse": 35}.items()
}
_RENAME = _layout(37, One("a", f.key), One("n", f.text))
_APPROVE = _layout(40, One("to", f.key), Run("B", ("fee", f.fee)))
_REVOKE = _layout(41, One("to", f.key))

_BASE: dict[str, Layout] = {
    **_orders(_order_tags()),
    **_modify(f.double_bytes),
    "cx": _layout(3, _SYMBOL, One("oid", f.key)),
    "cxa": _layout(4, One("c", f.vector(f.text))),
    **_conditionals(version=4),
    "trig": _layout(8, _SYMBOL, Run("?Q", ("d", f.flag), ("tr", fx)), Inner("actions")),
    "of": _layout(10, Inner("trigger", single=True), Inner("actions")),
    "px": _layout(11, Run("Q", ("t", f.u64)), _SYMBOL, One("px", f.double_bytes)),
    "o": _layout(13, One("oracles", f.vector(f.feed))),
    "faucet": _layout(16, One("u", f.key), One("amount", f.double_bytes, optional=True)),
    "agentWalletCreation": _layout(17, One("a", f.key), Run("?", ("d", f.flag))),
    "updateUserSettings": _layout(18, One("m", f.leverage_map)),
    "whitelistFaucet": _layout(19, One("target", f.key), Run("?", ("whitelist", f.flag))),
    "createSubAccount": _layout(27, One("name", f.text), One("marginAmount", f.double_bytes, optional=True)),
    "removeSubAccount": _layout(28, One("toRemove", f.key)),
    "transfer": _layout(
        29,
        Run("I", ("k", f.transfer_kind)),
        One("from", f.key),
        One("to", f.key),
        One("marginAmount", f.double_bytes),
        One("symbol", f.text, optional=True),
        version=6,
    ),
    "createMultisig": _layout(30, *_MULTISIG_RULES),
    "msp": _layout(31, _MULTISIG, Inner("a", proposal=True), Constant(b"\0")),
    **_MULTISIG_VOTES,
    "msu": _layout(36, _MULTISIG, *_MULTISIG_RULES),
    "renameSubAccount": _RENAME,
    "rsa": _RENAME,
    "abc": _APPROVE,
    "approveBuilderCode": _APPROVE,
    "rbc": _REVOKE,
    "revokeBuilderCode": _REVOKE,
}

# The forms of the exchange's earlier documents.
_DOCUMENTED: dict[str, Layout] = {
    **_conditionals(version=LEGACY),
    "trig": _layout(8, _SYMBOL, Run("?Q", ("d", f.flag), ("tr", fx)), Inner("actions"), _ISOLATED),
    "of": _layout(10, Run("I", ("p", f.u32)), Inner("actions")),
    "createSubAccount": _layout(
        27,
        One("name", f.text),
        One("marginSymbol", f.text, optional=True),
        One("marginAmount", f.double_bytes, optional=True),
    ),
    "transfer": _layout(
        29,
        Run("I", ("k", f.transfer_kind)),
        One("from", f.key),
        One("to", f.key),
        One("marginSymbol", f.text),
        One("marginAmount", f.double_bytes),
    ),
}

_UNVERSIONED_CONDITIONALS = _BASE | _conditionals(version=LEGACY)

PROFILES: dict[str, Mapping[str, Layout]] = {
    DEFAULT_PROFILE: _BASE,
    # Conditional orders ask for no version of their own; a builder code asks for version 3 as elsewhere.
    "bulk-keychain-0.1.15": _UNVERSIONED_CONDITIONALS,
    # A builder code is appended to the legacy form of a market or limit order, and absence leaves no byte.
    "sdk-1521f30": _UNVERSIONED_CONDITIONALS | _orders(_order_tags(bare=True)),
    "scaled-modify": _BASE | _modify(f.scaled_bytes),
    "documents-1.0": _BASE | _DOCUMENTED,
}
