"""What the exchange says means the same however the network cuts it, and does no harm however it is broken.

One conversation is played twice with the same bytes: whole, and cut. Afterwards everything that an
application could see must be equal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_proto import subscriptions as topics
from bulk_proto.actions import CancelAll, LimitOrder
from bulk_proto.calls import Call
from bulk_proto.core import ClientCore, State
from bulk_proto.enums import Side
from bulk_proto.events import Connected, Disconnected, DisconnectReason, Event

from . import wire_messages
from .peer import (
    KEY,
    account_message,
    book_message,
    confirmation,
    make_core,
    order_row,
    post_reply,
    snapshot_of_account,
    ticker_message,
)
from .server_bytes import BINARY, CONTINUATION, PING, PONG, TEXT, accepting, client_frames, close, frame

TOKEN_AT = accepting(b"Sec-WebSocket-Key: x\r\n", token=b"token").index(b"token")
ORDER = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"
WANTED = (
    topics.ticker("BTC-USD"),
    topics.l2_delta("BTC-USD"),
    topics.l2_snapshot("BTC-USD", 5),
    topics.account(KEY),
)
MANY_CANDLES = {
    "type": "candle",
    "topic": "candle.BTC-USD.1m",
    "data": {"candles": [{"t": n, "T": n + 60, "o": 1.0, "h": 2.0, "l": 0.5, "c": 1.5} for n in range(1500)]},
}  # more than 64 KiB: a frame with the longest form of header
MESSAGES: tuple[Any, ...] = (
    *(message.decode() for message in wire_messages.ALL),
    MANY_CANDLES,
    ticker_message(mark=None),
    confirmation("ticker.BTC-USD", "L2Delta.BTC-USD"),
    confirmation("l2snapshot.BTC-USD", f"account.{KEY}", "trades.NOBODY"),
    book_message("snapshot", [(100.0, 1.0)], [(101.0, 2.0)]),
    book_message("snapshot", [(100.0, 3.0)], [(101.0, 2.0)], stream="l2Snapshot"),
    book_message("delta", [(102.0, 1.0)], []),
    book_message("delta", [(102.0, 0.0)], [(101.5, 4.0)]),
    snapshot_of_account(order_row(ORDER)),
    snapshot_of_account(),
    account_message({"type": "positionUpdate", "symbol": "BTC-USD", "size": -0.25, "price": 64000.0}),
    post_reply(1, {"resting": {"oid": ORDER}}),
    post_reply(2, {"cancelledIoc": {}}, {"odd": 1}),
    post_reply(2, {"error": {"message": "bad signature"}}, status="error"),
    post_reply(99),
    {"type": "error", "error": {"message": "malformed", "id": 3}},
    {"type": "error", "error": {"message": "cannot subscribe to ticker.BTC-USD"}},
    {"type": "unsubscribeResponse", "topic": "l2delta.BTC-USD"},
    {"type": "news", "data": {"headline": "ü€😀"}},
    '{"type":"l2Delta","topic":"l2delta.BTC-USD","data":7}',
    account_message({"type": "fill"}),
    "{",
    "",
)
CONTROL = (frame(PING, b"there?"), frame(PONG), frame(BINARY, b"\x00" * 200), frame(PING))
LAST_WORDS = (close(1000), close(1008, b"limits"), close(), frame(TEXT, b"\xff"), frame(0x3), b"\x81\xff\xff")


@st.composite
def messages_as_frames(draw: st.DrawFn) -> bytes:
    """One message in one frame or several, with control frames between the fragments."""
    message = draw(st.sampled_from(MESSAGES))
    text = (message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)).encode()
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    data = b""
    for number, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(text)], strict=True)):
        opcode = TEXT if number == 0 else CONTINUATION
        data += frame(opcode, text[start:end], final=number == len(cuts))
        if draw(st.integers(0, 4)) == 0:
            data += draw(st.sampled_from([CONTROL[0], CONTROL[1]]))
    return data


speech = st.lists(messages_as_frames() | st.sampled_from(CONTROL), max_size=12)
endings = st.sampled_from([b""] * 6 + list(LAST_WORDS))


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """A few bytes replaced, put in or taken out."""
    broken = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(broken)))
        broken[start : start + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(broken)


def pieces(data: bytes, cuts: Sequence[float]) -> list[bytes]:
    """``data`` cut at these shares of its length; ``b""`` would be the end of the stream."""
    edges = [0, *sorted({int(cut * len(data)) for cut in cuts}), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if start < end]


many_cuts = st.lists(st.floats(0, 1), max_size=30)


class Conversation:
    """A core that has been told some bytes; ``picture`` is everything that can be seen of it."""

    def __init__(self) -> None:
        self.core: ClientCore = make_core()
        self.seen: list[Event] = []
        self.calls: list[Call[Any]] = []
        self.wakes: list[int] = []
        self.core.want(WANTED)
        self.watch(self.core.start(0.0))
        self.core.connection_made(0.0)
        self.sent = self.core.data_to_send()

    def watch(self, call: Call[Any]) -> None:
        number = len(self.calls)
        self.calls.append(call)
        call.wake_with(lambda: self.wakes.append(number))

    def shake_hands(self, cuts: Sequence[float] = ()) -> None:
        self.hear(pieces(accepting(self.sent), cuts))
        assert self.core.is_open
        self.core.data_to_send()

    def place_orders(self) -> None:
        for nonce in (7, 8, 9):
            order = LimitOrder("BTC-USD", Side.BUY, 64000.0, 0.05)
            self.watch(self.core.place_orders([order, CancelAll()], 1.0, nonce=nonce))

    def hear(self, parts: Sequence[bytes]) -> None:
        for part in parts:
            self.core.receive_data(part, 1.0)
            events = self.core.events()
            assert all(isinstance(event, Event) for event in events)
            self.seen += events

    def picture(self) -> dict[str, object]:
        core = self.core
        core.handle_deadline(1.0)  # whatever is due by then: a book that could not be read, for example
        return {
            "state": core.state,
            "events": repr(self.seen + core.events()),  # NaN is not equal to itself, its text is
            "books": repr({name: told_of_book(book) for name, book in core.order_books.items()}),
            "accounts": repr({key: told_of_account(one) for key, one in core.accounts.items()}),
            "market": repr((core.tickers, core.prices, core.inventory.summary())),
            "wanted": list(core.subscriptions.wanted),
            "calls": [outcome(call) for call in self.calls],
            "sent": client_frames(core.data_to_send()),
            "due": core.next_deadline(),
        }


def told_of_book(book: Any) -> object:
    return book.ok, book.why, book.live, book.get_bids(), book.get_asks(), book.timestamp, book.late


def told_of_account(account: Any) -> object:
    return (
        *(account.live, account.margin, account.positions, account.open_orders, account.pending),
        *(account.in_doubt, account.finished, account.leverage_settings, account.fee_tiers),
        *(account.contradictions, account.repeated_fills),
    )


def outcome(call: Call[Any]) -> str:
    if not call.done:
        return "open"
    try:
        return repr(call.result())
    except Exception as error:
        return repr(error)


def played(data: bytes, cuts: Sequence[float] | None) -> dict[str, object]:
    """Orders are under way, then the exchange says ``data``: cut there, byte by byte (None), or whole."""
    conversation = Conversation()
    conversation.shake_hands()
    conversation.place_orders()
    if cuts is None:
        conversation.hear([data[at : at + 1] for at in range(len(data))])
    else:
        conversation.hear(pieces(data, cuts))
    return conversation.picture()


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(speech, endings, many_cuts)
def test_any_cut_of_the_same_bytes_gives_the_same_events_state_and_answers(
    said: list[bytes], ending: bytes, cuts: list[float]
) -> None:
    data = b"".join(said) + ending
    assert played(data, cuts) == played(data, [])


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(messages_as_frames().filter(lambda data: len(data) < 3000), max_size=6), endings)
def test_byte_by_byte_is_as_good_as_whole(said: list[bytes], ending: bytes) -> None:
    data = b"".join(said) + ending
    assert played(data, None) == played(data, [])


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(speech, endings, many_cuts)
def test_messages_in_the_same_packet_as_the_handshake_are_not_lost(
    said: list[bytes], ending: bytes, cuts: list[float]
) -> None:
    pictures = []
    for some_cuts in ([], cuts):
        conversation = Conversation()
        data = accepting(conversation.sent) + b"".join(said) + ending
        conversation.hear(pieces(data, some_cuts))
        pictures.append(conversation.picture())
    assert pictures[0] == pictures[1]


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), speech, many_cuts)
def test_broken_bytes_raise_nothing_and_mean_the_same_however_they_are_cut(
    data: st.DataObject, said: list[bytes], cuts: list[float]
) -> None:
    broken = data.draw(mutated(b"".join(said)))
    assert played(broken, cuts) == played(broken, [])


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), many_cuts)
def test_a_broken_handshake_raises_nothing_and_means_the_same_however_it_is_cut(
    data: st.DataObject, cuts: list[float]
) -> None:
    """The key of every upgrade is new, so the token that answers it is left whole: it differs by run."""
    length = data.draw(st.integers(0, 3))
    start = data.draw(st.integers(0, TOKEN_AT - length) | st.integers(TOKEN_AT + 28, TOKEN_AT + 32))
    put_in = data.draw(st.binary(max_size=3))
    pictures = []
    for some_cuts in ([], cuts):
        conversation = Conversation()
        answer = accepting(conversation.sent)
        answer = answer[:start] + put_in + answer[start + length :]
        conversation.hear(pieces(answer + frame(TEXT, wire_messages.TICKER), some_cuts))
        pictures.append(conversation.picture())
    names = ("state", "events", "due", "market", "sent")
    assert [pictures[0][name] for name in names] == [pictures[1][name] for name in names]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), speech, st.sampled_from(LAST_WORDS), speech)
def test_nothing_is_applied_after_the_end_and_every_call_has_ended_once(
    data: st.DataObject, said: list[bytes], ending: bytes, more: list[bytes]
) -> None:
    conversation = Conversation()
    conversation.shake_hands()
    conversation.place_orders()
    before = b"".join(said)
    if data.draw(st.booleans()):
        before = data.draw(mutated(before))
    conversation.hear([before + ending + b"".join(more)] if before + ending else [])
    conversation.hear([b"".join(more), b"", b"\x00"])
    assert [type(event) for event in conversation.seen].count(Connected) == 1
    if conversation.core.state is State.WAITING:
        assert isinstance(conversation.seen[-1], Disconnected)
        assert [type(event) for event in conversation.seen].count(Disconnected) == 1
        assert all(call.done for call in conversation.calls)
    assert len(conversation.wakes) == len(set(conversation.wakes))
    assert len(conversation.wakes) == sum(call.done for call in conversation.calls)
    assert not any(book.ok for book in conversation.core.order_books.values()) or conversation.core.is_open


def test_the_conversation_reaches_what_it_is_meant_to_reach() -> None:
    """A guard of the properties above: their messages do fill books, accounts and calls."""
    said = [
        frame(TEXT, (message if isinstance(message, str) else json.dumps(message)).encode())
        for message in MESSAGES
        if message != {"type": "error", "error": {"message": "cannot subscribe to ticker.BTC-USD"}}
    ]
    conversation = Conversation()
    conversation.shake_hands()
    conversation.place_orders()
    conversation.hear([b"".join(said)])
    kinds = {type(event).__name__ for event in conversation.seen}
    assert len(kinds) >= 15
    assert [re.sub(r"\(.*", "", outcome(call)) for call in conversation.calls] == [
        "None",
        "[OrderResponse",
        "[OrderResponse",
        "TransactionRejected",
    ]
    account = conversation.core.accounts[KEY]
    assert account.snapshot is not None
    assert not account.live  # one of its messages could not be read
    assert conversation.core.order_books["BTC-USD"].live
    assert conversation.core.tickers
    ended = Conversation()
    ended.shake_hands()
    ended.hear([close(1008)])
    (gone,) = (event for event in ended.seen if isinstance(event, Disconnected))
    assert gone.reason is DisconnectReason.CLOSED_BY_PEER
