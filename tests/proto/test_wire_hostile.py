"""Whatever bytes come: one value out, nothing raised, and both tiers of one opinion."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_proto.events import Event, MessageRefused, UnknownMessage
from bulk_proto.replies import Reply, UnclearReply
from bulk_proto.wire import decode, decode_all, tolerant
from bulk_proto.wire.current import MESSAGES
from bulk_proto.wire.values import Unreadable

from . import wire_messages as wire

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70)
scalars = (
    st.none() | st.booleans() | numbers | st.text(max_size=5) | st.sampled_from(["nan", "1_0", "5", "-2.5"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
OTHER_NAMES = [
    "seriesSymbol",
    "px",
    "price",
    "side",
    "b",
    "isBuy",
    "coin",
    "tid",
    "type",
    "iso",
    "trigger",
    "totalBalance",
]


def outcome(message: bytes) -> Event | Reply:
    """Decodes, and checks what is promised for every message."""
    result = decode(message)
    assert isinstance(result, Event | Reply)
    if isinstance(result, UnclearReply):
        result = result.event
    if isinstance(result, MessageRefused | UnknownMessage):
        assert result.data is message
    if isinstance(result, MessageRefused):
        assert 0 < len(result.problem) <= 200
    return result


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(path for key, part in inner for path in places(part, (*at, key)))]


def part_at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


@st.composite
def altered_messages(draw: st.DrawFn) -> bytes:
    """A documented message with a few parts replaced, removed or added."""
    message = json.loads(draw(st.sampled_from(wire.ALL)))
    for _ in range(draw(st.integers(1, 3))):
        *path, key = draw(st.sampled_from(places(message)[1:]))
        parent = part_at(message, tuple(path))
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                parent[key] = draw(values)
            case "remove" if len(message) > 1:
                del parent[key]
            case _ if isinstance(parent, dict):
                parent[draw(st.sampled_from(OTHER_NAMES))] = draw(values)
    return json.dumps(message).encode()


@st.composite
def current_messages(draw: st.DrawFn) -> bytes:
    """Messages of the documented busy shapes with any values that they may hold."""
    number = st.floats(allow_nan=False, allow_infinity=False, width=32)
    size = st.floats(0, 1e9)
    level = st.fixed_dictionaries({"px": size, "sz": size}, optional={"n": st.integers(0, 99)})
    stamp = st.integers(0, 2**63)
    word = st.text(max_size=6)
    name = st.text(min_size=1, max_size=6)
    figures = list(wire.data_of(wire.TICKER)["ticker"])[1:-1]
    figures.remove("regime")
    data: dict[str, st.SearchStrategy[Any]] = {
        "ticker": st.fixed_dictionaries(
            {"symbol": name},
            optional={figure: number | st.none() for figure in figures}
            | {"regime": st.integers(-12, 12) | st.none(), "timestamp": stamp | st.none()},
        ).map(lambda row: {"ticker": row}),
        "trades": st.lists(
            st.fixed_dictionaries(
                {"s": name, "px": size, "sz": size, "time": stamp, "side": st.booleans()},
                optional={"maker": word, "taker": word, "reason": word | st.none(), "liq": st.booleans()},
            ),
            max_size=3,
        ).map(lambda rows: {"trades": rows}),
        "candle": st.lists(
            st.fixed_dictionaries(
                {"t": stamp},
                optional={"T": stamp | st.none(), "c": number | st.none(), "n": stamp | st.none()},
            ),
            max_size=3,
        ).map(lambda rows: {"candles": rows}),
        "account": st.one_of(
            st.fixed_dictionaries(
                {
                    "type": st.just("orderUpdate"),
                    "ot": name,
                    "status": st.sampled_from(["working", "FILLED", "canceled", "odd", ""]),
                    "sym": name,
                    "oid": name,
                    "px": number,
                    "origSz": number,
                    "sz": number,
                    "fillSz": number,
                    "vwap": number,
                    "r": st.booleans(),
                    "mk": st.booleans(),
                    "ts": stamp,
                },
                optional={
                    "tif": st.sampled_from(["gtc", "postOnly", "odd", "", None]),
                    "reason": word | st.none(),
                    "trigger": st.none() | st.just({"px": 5.0}),
                    "iso": st.booleans(),
                    "isBuy": st.booleans(),
                },
            ),
            st.fixed_dictionaries(
                {
                    "type": st.just("fill"),
                    "symbol": name,
                    "orderId": name,
                    "price": number,
                    "size": number,
                    "isBuy": st.booleans(),
                    "reasonCode": st.integers(-1, 5),
                    "timestamp": stamp,
                    "maker": st.booleans(),
                    "tradeId": name | stamp,
                },
                optional={"fee": number | st.none(), "reason": word, "counterpartyHint": word | st.none()},
            ),
        ),
        "post": st.lists(
            st.dictionaries(word, st.dictionaries(word, values, max_size=3), max_size=2), max_size=3
        ).map(
            lambda rows: {
                "type": "action",
                "payload": {"status": "ok", "response": {"type": "order", "data": {"statuses": rows}}},
            }
        ),
    }
    sides = st.tuples(st.lists(level, max_size=3), st.lists(level, max_size=3))
    for kind in ("l2Snapshot", "l2Delta"):
        data[kind] = st.fixed_dictionaries(
            {
                "updateType": st.sampled_from(["snapshot", "delta"]),
                "symbol": name,
                "levels": sides,
                "timestamp": stamp,
            }
        ).map(lambda book: {"book": book})
    kind = draw(st.sampled_from(sorted(data)))
    topics = {
        "account": "account.Abc",
        "candle": "candle.A-B.1M",
        "l2Delta": "l2delta.A-B",
        "trades": "trades.A",
    }
    message = {"type": kind, "topic": topics.get(kind, f"{kind}.A"), "data": draw(data[kind])}
    if kind == "post":
        message["id"] = draw(stamp)
    return json.dumps(message).encode()


def fast(message: bytes) -> Event | Reply | None:
    try:
        return MESSAGES.decode(message).event()
    except (msgspec.MsgspecError, Unreadable):
        return None


@given(current_messages())
def test_both_tiers_agree_on_documented_messages(message: bytes) -> None:
    assert repr(decode(message)) == repr(tolerant.decode(message))
    assert not isinstance(decode(message), MessageRefused | UnknownMessage)


@given(altered_messages())
def test_what_the_fast_tier_accepts_the_tolerant_tier_reads_alike(message: bytes) -> None:
    event = fast(message)
    if event is not None:
        assert repr(event) == repr(tolerant.decode(message))


@given(st.lists(altered_messages() | current_messages() | st.sampled_from(wire.ALL) | st.binary(max_size=9)))
def test_messages_read_together_say_what_each_says_alone(messages: list[bytes]) -> None:
    assert repr(decode_all(messages)) == repr([decode(message) for message in messages])


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(b'{"type":"ticker","topic":"ticker.A","data":{"ticker":{"symbol":""}}}', id="no market"),
        pytest.param(b'{"type":"candle","topic":"candle","data":{"candles":[]}}', id="no interval"),
        pytest.param(wire.L2_DELTA.replace(b'"timestamp":', b'"timestamp":null,"ts":'), id="time renamed"),
        pytest.param(wire.POST_REPLY, id="reply"),
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(b"[" * 100_000, id="too deep"),
    ],
)
def test_an_odd_message_among_plain_ones_costs_none_of_them(odd: bytes) -> None:
    messages = [wire.TICKER, odd, wire.L2_DELTA, odd, odd, wire.TRADES]
    assert repr(decode_all(messages)) == repr([decode(message) for message in messages])
    assert repr(decode(odd)) == repr(tolerant.decode(odd))


@given(altered_messages())
def test_no_altered_message_raises(message: bytes) -> None:
    outcome(message)


@given(st.binary(max_size=60))
def test_no_bytes_raise(message: bytes) -> None:
    assert isinstance(outcome(message), MessageRefused | UnknownMessage)


@given(values)
def test_no_json_value_raises(value: object) -> None:
    outcome(json.dumps(value).encode())


@given(kind=st.sampled_from([json.loads(message)["type"] for message in wire.ALL]), data=values, topic=values)
def test_no_content_of_a_known_kind_raises(kind: str, data: object, topic: object) -> None:
    outcome(json.dumps({"type": kind, "id": 1, "topic": topic, "data": data, "error": data}).encode())


@given(message=st.sampled_from(wire.ALL), data=st.data())
def test_no_damaged_message_raises(message: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(message)))
    cut = data.draw(st.integers(0, 5))
    outcome(message[:at] + data.draw(st.binary(max_size=5)) + message[at + cut :])


@pytest.mark.parametrize("message", [b"[]", b"5", b'"text"', b"null", b"true", b"[{}]"])
def test_json_that_is_no_object_is_refused(message: bytes) -> None:
    assert outcome(message) == MessageRefused("not a JSON object", message)


@pytest.mark.parametrize(
    "message",
    [b"", b"{", b'{"type":"ticker"', b"{'type':1}", b"\xef\xbb\xbf{}", b'{"a":NaN', b'{"a":"NaN', b'{"NaN\\'],
)
def test_malformed_json_is_refused(message: bytes) -> None:
    assert isinstance(outcome(message), MessageRefused)


def test_text_that_is_not_utf8_is_refused() -> None:
    message = b'{"type":"ticker","topic":"\xff","data":{}}'
    assert outcome(message) == MessageRefused("not UTF-8", message)
    assert isinstance(outcome(wire.TICKER.replace(b"BTC-USD", b"\xc3\x28")), MessageRefused)


@pytest.mark.parametrize("opening", [b"[", b'{"type":', b'{"type":"ticker","data":{"ticker":', b'{"a":'])
def test_deep_nesting_is_refused(opening: bytes) -> None:
    assert isinstance(outcome(opening * 100_000), MessageRefused)
    nested = b'{"type":"risk","topic":"risk.A","data":{"risk":' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    assert outcome(nested) == MessageRefused("nested too deeply", nested)


def test_a_problem_never_repeats_the_message() -> None:
    for message in (b'{"type":"ticker","secret', b'{"type":"secret"}x', b'{"type":"post","id":"secret"}'):
        refused = outcome(message)
        assert isinstance(refused, MessageRefused)
        assert "secret" not in refused.problem


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (b'{"type":"multisig","topic":"multisig.A","data":{}}', "multisig"),
        (b'{"channel":"pong"}', "pong"),
        (b'{"type":5}', None),
        (b"{}", None),
    ],
)
def test_a_message_of_an_unknown_kind_surfaces_with_its_bytes(message: bytes, kind: str | None) -> None:
    assert outcome(message) == UnknownMessage(kind, message)


@pytest.mark.parametrize("message", wire.ALL)
def test_kinds_are_compared_without_case(message: bytes) -> None:
    content = json.loads(message)
    shouted = json.dumps(content | {"type": content["type"].upper()}).encode()
    assert type(decode(shouted)) is type(decode(message))


def test_unknown_fields_are_ignored_everywhere() -> None:
    def enriched(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: enriched(part) for name, part in value.items()} | {"_new": [{}]}
        return [enriched(part) for part in value] if isinstance(value, list) else value

    for message in (wire.TICKER, wire.CANDLES, wire.TRADES, wire.L2_SNAPSHOT, wire.L2_DELTA):
        assert decode(json.dumps(enriched(json.loads(message))).encode()) == decode(message)
    for message in (wire.ACCOUNT_SNAPSHOT, wire.ORDER_UPDATE, wire.FILL):
        assert decode(json.dumps(enriched(json.loads(message))).encode()) == decode(message)
