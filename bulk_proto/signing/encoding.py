"""The bytes that are signed for a transaction, made from the same JSON actions that are sent.

The exchange encodes the actions anew from the JSON it received, so JSON is the only input here: what is
signed cannot differ from what is sent. A field the encoding does not cover is refused, since it would
travel unsigned. The layouts themselves are a table, see :mod:`bulk_proto.signing.layouts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct

from bulk_proto.enums import SignatureDomain
from bulk_proto.errors import InvalidAction, InvalidKey, NonceError, UsageError

from .base58 import decode32
from .fields import U64_MAX, Body, Nest, pack_u64
from .layouts import DEFAULT_PROFILE, LEGACY, PROFILES, PROPOSED, Layout

# A proposal of an order that triggers a basket of stops is four deep.
_MAX_DEPTH = 8
_HEADER = b"\xff" * 8 + b"bulk-actions"
_DOMAIN_BYTES = {None: b""} | {domain: bytes((domain,)) for domain in SignatureDomain}

_decode_account = lru_cache(maxsize=64)(decode32)


class EncodedActions(Struct, frozen=True, gc=False):
    """The actions of one transaction in bytes, each split into its legacy form and its version's tags."""

    version: int
    cores: list[bytes]
    tags: list[bytes]


def preimage(
    actions: Sequence[Mapping[str, Any]],
    nonce: int,
    account: str,
    domain: SignatureDomain | None,
    profile: str = DEFAULT_PROFILE,
) -> bytes:
    """The bytes an Ed25519 key signs for a transaction of these JSON actions.

    A JSON action is a dict with one key, its kind. Scaled fields (prices, sizes, slippage) may be numbers
    or decimal texts. ``domain`` is the network's last byte; None leaves it out, as only outdated clients
    do. ``profile`` names a set of layouts in :data:`~bulk_proto.signing.layouts.PROFILES`.

    Raises :class:`InvalidAction` for anything that is not a list of encodable actions, whoever wrote it;
    :class:`NonceError` and :class:`InvalidKey` for the other two; :class:`UsageError` for an unknown
    domain or profile.
    """
    return assemble(encode_actions(actions, profile), nonce, account, domain)


def encode_actions(actions: Sequence[Mapping[str, Any]], profile: str = DEFAULT_PROFILE) -> EncodedActions:
    """All actions in the lowest version that has room for every one of them. Raises as :func:`preimage`."""
    if not isinstance(actions, (list, tuple)) or not actions:
        raise InvalidAction("a transaction is a list of at least one action")
    layouts = PROFILES.get(profile)
    if layouts is None:
        raise UsageError(f"unknown encoder profile: expected one of {', '.join(PROFILES)}")
    version, found = _survey(actions, layouts)
    nest = _nester(layouts, version)
    cores = []
    tags = []
    for layout, body in found:
        try:
            cores.append(_core(layout, body, nest))
            tags.append(_tags(layout, body, version))
        except InvalidAction as error:
            raise InvalidAction(f"action {len(tags)}: {error}") from None
    return EncodedActions(version, cores, tags)


def _survey(
    actions: Sequence[object], layouts: Mapping[str, Layout]
) -> tuple[int, list[tuple[Layout, Body]]]:
    """The version all actions need together, and the layout and body of each."""
    version = LEGACY
    found: list[tuple[Layout, Body]] = []
    for action in actions:
        try:
            layout, body = _read(action, layouts)
            version = max(version, _version(layout, body, layouts, _MAX_DEPTH))
        except InvalidAction as error:
            raise InvalidAction(f"action {len(found)}: {error}") from None
        found.append((layout, body))
    return version, found


def assemble(encoded: EncodedActions, nonce: int, account: str, domain: SignatureDomain | None) -> bytes:
    """The whole preimage around encoded actions. Raises as :func:`preimage`."""
    try:
        last = _DOMAIN_BYTES[domain]
    except (KeyError, TypeError):
        raise UsageError("unknown signature domain: pass a member of SignatureDomain") from None
    pieces = [_HEADER + bytes((encoded.version,))] if encoded.version else []
    pieces.append(pack_u64(len(encoded.cores)))
    for pair in zip(encoded.cores, encoded.tags, strict=True):
        pieces += pair
    pieces += (nonce_bytes(nonce), account_bytes(account), last)
    return b"".join(pieces)


def account_bytes(account: str) -> bytes:
    """The 32 bytes of an account's key; raises :class:`InvalidKey`."""
    if not isinstance(account, str):
        raise InvalidKey("not an account: expected the base58 text of exactly 32 bytes")
    return _decode_account(account)


def nonce_bytes(nonce: int) -> bytes:
    """A nonce as it is signed; raises :class:`NonceError` outside 0 to 2**64 - 1."""
    if type(nonce) is not int or not 0 <= nonce <= U64_MAX:
        raise NonceError("a nonce is a whole number from 0 to 18446744073709551615")
    return pack_u64(nonce)


def _read(action: object, layouts: Mapping[str, Layout]) -> tuple[Layout, Body]:
    """The layout of an action and its body, whose values are still unchecked."""
    if not isinstance(action, (dict, Mapping)) or len(action) != 1:
        raise InvalidAction("an action is an object with exactly one key, its kind")
    ((kind, body),) = action.items()
    layout = layouts.get(kind)
    if layout is None:
        raise InvalidAction(f"unknown kind of action: expected one of {', '.join(layouts)}")
    if not isinstance(body, (dict, Mapping)):
        raise InvalidAction(f"the body of {kind} must be an object")
    while not body.keys() <= layout.keys:
        if layout.older is None:
            raise InvalidAction(f"{kind} has a field that its signature does not cover: leave it out")
        layout = layout.older
    return layout, body


def _version(layout: Layout, body: Body, layouts: Mapping[str, Layout], depth: int) -> int:
    """The highest version that the action or one inside it asks for."""
    version = layout.version
    for tag in layout.tags:
        if tag.key in body:
            version = max(version, tag.demand)
    for part in layout.inner:
        for child in part.children(body):
            if not depth:
                raise InvalidAction("actions are nested too deep")
            version = max(version, _version(*_read(child, layouts), layouts, depth - 1))
    return version


def _core(layout: Layout, body: Body, nest: Nest) -> bytes:
    return layout.prefix + b"".join([part.write(body, nest) for part in layout.parts])


def _tags(layout: Layout, body: Body, version: int) -> bytes:
    data = b""
    for tag in layout.tags:
        if version < tag.since:
            continue  # absent, or its demand would have made the version high enough
        if tag.key in body:
            try:
                data += b"\1" + tag.convert(body[tag.key])
            except ValueError as error:
                raise InvalidAction(f"{tag.key} {error}") from None
        elif not tag.bare:
            data += b"\0"
    return data


def _nester(layouts: Mapping[str, Layout], version: int) -> Nest:
    """How an action writes those inside it: in the version of the transaction, proposals with more tags."""

    def nest(child: object, proposal: bool) -> bytes:
        layout, body = _read(child, layouts)
        if proposal and version < PROPOSED:
            return _whole(layout, body, PROPOSED, _nester(layouts, PROPOSED))
        return _whole(layout, body, version, nest)

    return nest


def _whole(layout: Layout, body: Body, version: int, nest: Nest) -> bytes:
    return _core(layout, body, nest) + _tags(layout, body, version)
