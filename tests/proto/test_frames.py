"""The frame scanner alone: what it takes, what it leaves to the parser, and what it counts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import TextMessage

from bulk_proto.errors import UsageError
from bulk_proto.frames import BegunText, FrameTracker, cut_texts, masked_text, sole_text

from .server_bytes import BINARY, CLOSE, CONTINUATION, PING, TEXT, announcement, frame, text

LIMIT = 1 << 20


@given(st.lists(st.one_of(st.text(max_size=20), st.sampled_from([0, 125, 126, 65535, 65536])), max_size=6))
def test_text_frames_in_a_row_come_out_whole_and_in_order(messages: list[str | int]) -> None:
    payloads = [bytes(message) if isinstance(message, int) else message.encode() for message in messages]
    tail = frame(PING, b"after them")
    stream = b"".join(map(text, payloads))
    assert cut_texts(stream + tail, 0, LIMIT) == (payloads, len(stream))


def test_the_search_begins_where_it_is_told_to() -> None:
    assert cut_texts(text(b"old") + text(b"new"), 5, LIMIT) == ([b"new"], 10)


@pytest.mark.parametrize(
    "left",
    [
        pytest.param(frame(PING, b"ping"), id="control frame"),
        pytest.param(frame(BINARY, b"binary"), id="binary"),
        pytest.param(frame(CONTINUATION, b"rest"), id="continuation"),
        pytest.param(frame(TEXT, b"part", final=False), id="first fragment"),
        pytest.param(frame(TEXT, b"compressed", reserved=4), id="RSV1"),
        pytest.param(b"\x81\x84maskpayl", id="masked"),
        pytest.param(b"\x81\xfe\x00\x80mask" + b"x" * 128, id="masked and longer"),
        pytest.param(b"\x81\x7e\x00\x05hello", id="5 bytes announced in 16 bits"),
        pytest.param(b"\x81\x7f" + (5).to_bytes(8, "big") + b"hello", id="5 bytes announced in 64 bits"),
        pytest.param(b"\x81\x7e\x00\x7d" + bytes(125), id="125 bytes announced in 16 bits"),
        pytest.param(b"\x81\x7f" + (65535).to_bytes(8, "big") + bytes(65535), id="65535 bytes in 64 bits"),
        pytest.param(announcement(TEXT, LIMIT + 1) + b"x" * (LIMIT + 1), id="over the limit"),
        pytest.param(text(b"caf\xe9 au lait"), id="not UTF-8"),
        pytest.param(text(b"surrogate \xed\xa0\x80"), id="a surrogate in UTF-8"),
        pytest.param(text(b"not all of it")[:-1], id="payload cut short"),
        pytest.param(announcement(TEXT, 70_000)[:9], id="header cut short"),
        pytest.param(b"\x81\x7f\x00\x00", id="long header cut short"),
        pytest.param(b"\x81", id="one byte"),
        pytest.param(text(b""), id="empty text as the last bytes"),
    ],
)
def test_anything_but_a_whole_plain_text_frame_is_left_to_the_parser(left: bytes) -> None:
    before = text(b"before it")
    assert cut_texts(before + left, 0, LIMIT) == ([b"before it"], len(before))
    assert sole_text(left, LIMIT) is None


@pytest.mark.parametrize("size", [0, 125, 126, 127, 0x817E, 65535, 65536, LIMIT, LIMIT + 1])
@pytest.mark.parametrize("tail", [b"", text(b"next"), text(b"next")[:3], b"\x81"])
def test_a_sole_text_is_what_cutting_finds_and_nothing_beside_it(size: int, tail: bytes) -> None:
    read = text(b"x" * size) + tail
    sole = sole_text(read, LIMIT)
    assert (sole is not None) == (not tail and 125 < size < 65536)
    assert sole is None or cut_texts(read, 0, LIMIT) == ([sole], len(read))


@given(st.binary(max_size=4).flatmap(lambda head: st.binary(max_size=140).map(lambda rest: head + rest)))
def test_no_bytes_are_a_sole_text_that_cutting_does_not_find(read: bytes) -> None:
    sole = sole_text(read, LIMIT)
    assert sole is None or cut_texts(read, 0, LIMIT) == ([sole], len(read))


def test_a_sole_text_is_within_the_limit_and_beyond_ascii_for_the_closer_look() -> None:
    assert sole_text(text(b"x" * 200), 200) == b"x" * 200
    assert sole_text(text(b"x" * 201), 200) is None
    assert sole_text(text("é".encode() * 100), 200) is None


def test_a_text_of_exactly_the_limit_is_taken() -> None:
    assert cut_texts(text(b"x" * 200), 0, 200)[0] == [b"x" * 200]


@pytest.mark.parametrize("size", [5, 125, 126, 65535, 65536])
def test_a_text_can_wait_for_its_rest_from_its_whole_header_on(size: int) -> None:
    whole, header = text(bytes(size)), len(announcement(TEXT, size))
    before = text(b"before it")
    missing = []
    for cut in (1, header - 1, header, header + 1, len(whole) - 1, len(whole)):
        begun = BegunText(LIMIT)
        assert begun.begin(before + whole[:cut], len(before)) == (begun.missing > 0)
        missing.append(begun.missing)
        if begun.missing:
            assert begun.join(whole[cut:] + b"rest") == ([bytes(size)], b"", len(whole) - cut)
            assert begun.missing == 0
    assert missing == [0, 0, size, size - 1, 1, 0]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(frame(PING, b"ping")[:-1], id="control frame"),
        pytest.param(frame(TEXT, b"part", final=False)[:-1], id="first fragment"),
        pytest.param(b"\x81\x84mask", id="masked"),
        pytest.param(b"\x81\x7e\x00\x7d" + bytes(9), id="125 bytes announced in 16 bits"),
        pytest.param(b"\x81\x7f" + (65535).to_bytes(8, "big"), id="65535 bytes in 64 bits"),
        pytest.param(announcement(TEXT, LIMIT + 1), id="over the limit"),
        pytest.param(text(b"caf\xe9 au lait")[:-1], id="not ASCII"),
    ],
)
def test_nothing_else_waits(other: bytes) -> None:
    begun = BegunText(LIMIT)
    assert not begun.begin(other, 0)
    assert begun.join(b"more") == ([], b"", 0)


def test_a_text_waits_while_its_rest_comes_in_ascii_pieces() -> None:
    begun = BegunText(LIMIT)
    assert begun.begin(text(b"a to z")[:3], 0)
    assert [begun.join(b" to"), begun.join(b" z")] == [([], b"", 3), ([b"a to z"], b"", 2)]


def test_a_text_that_may_not_be_utf8_is_for_the_parser_at_once() -> None:
    begun = BegunText(LIMIT)
    assert begun.begin(text(b"caf\xe9 au lait")[:4], 0)
    assert begun.join(b"f\xe9") == ([], text(b"caf\xe9 au lait")[:6], 2)
    assert begun.begin(text(b"caf\xe9")[:4], 0)
    assert begun.join(b"f\xe9" + text(b"next")) == ([], text(b"caf\xe9"), 2)
    assert begun.begin(text("café".encode())[:4], 0)
    assert begun.join("fé".encode() + text(b"next")) == (["café".encode()], b"", 3)


opcodes = st.sampled_from([TEXT, BINARY, CONTINUATION, PING])
sizes = st.one_of(st.integers(0, 30), st.sampled_from([125, 126, 200, 65535, 65536]))


@given(
    shapes=st.lists(st.tuples(opcodes, sizes, st.booleans()), max_size=6),
    steps=st.lists(st.one_of(st.integers(1, 12), st.integers(1, 70_000)), min_size=1, max_size=30),
)
def test_frame_ends_are_found_however_the_bytes_are_cut(
    shapes: list[tuple[int, int, bool]], steps: list[int]
) -> None:
    stream = [frame(opcode, bytes(size), final=final) for opcode, size, final in shapes]
    data = b"".join(stream)
    found = set(advances(data, [*steps, len(data)]))
    assert set(accumulate(map(len, stream))) <= found


def advances(data: bytes, steps: list[int]) -> Iterator[int]:
    """Every position a tracker stops at, when the reads have these lengths."""
    tracker = FrameTracker(LIMIT)
    offset = 0
    for step in steps:
        piece = data[offset : offset + step]
        start = 0
        while start < len(piece):
            end = tracker.advance(piece, start)
            assert start < end <= len(piece)
            start = end
            yield offset + end
        offset += len(piece)


def test_a_tracker_stops_nowhere_but_at_frame_ends_and_at_the_end_of_a_read() -> None:
    stream = text(b"one") + frame(PING, b"two") + frame(TEXT, bytes(70_000))
    assert list(advances(stream, [len(stream)])) == [5, 10, len(stream)]
    assert list(advances(stream, [7, 13, len(stream)])) == [5, 7, 10, 20, len(stream)]


def test_a_link_is_between_messages_only_at_a_boundary_outside_fragments() -> None:
    tracker = FrameTracker(LIMIT)
    seen = [tracker.between_messages]
    for piece in (b"\x01", b"\x02", b"a", b"b", frame(PING, b"!"), frame(CONTINUATION, b"c", final=False)):
        tracker.advance(piece, 0)
        seen.append(tracker.between_messages)
    tracker.advance(frame(CONTINUATION, b"d"), 0)
    assert seen == [True] + [False] * 6
    assert tracker.between_messages


def test_a_frame_that_announces_too_much_ends_at_its_header() -> None:
    tracker = FrameTracker(100)
    head = announcement(TEXT, 101)
    assert tracker.advance(head + b"x" * 101, 0) == len(head)
    assert tracker.too_big


def test_fragments_are_counted_together_and_control_frames_apart() -> None:
    tracker = FrameTracker(100)
    control = [frame(PING, bytes(60)), frame(CLOSE, bytes(60))]
    for piece in (frame(TEXT, bytes(60), final=False), *control, frame(CONTINUATION, bytes(40))):
        assert tracker.advance(piece, 0) == len(piece)
        assert not tracker.too_big
    tracker.advance(frame(TEXT, bytes(60), final=False), 0)
    assert not tracker.too_big, "a new message begins at zero"
    tracker.advance(frame(CONTINUATION, bytes(41)), 0)
    assert tracker.too_big


@given(
    st.text(max_size=20) | st.sampled_from(["x" * size for size in (125, 126, 65535, 65536)]),
    st.binary(min_size=4, max_size=4),
)
def test_a_masked_text_is_the_frame_that_wsproto_makes(words: str, mask: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.urandom", lambda size: mask[:size])
        expected = Connection(ConnectionType.CLIENT).send(TextMessage(data=words))
    assert masked_text(words.encode(), mask) == expected


@pytest.mark.parametrize("mask", [b"", b"abc", b"abcde"])
def test_a_mask_of_another_size_is_the_callers_error(mask: bytes) -> None:
    with pytest.raises(UsageError, match="four bytes"):
        masked_text(b"{}", mask)
