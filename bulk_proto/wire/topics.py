"""Topic strings: which subscription a message belongs to, as ``<stream>.<market, interval or account>``."""

from __future__ import annotations

from bulk_proto.events import BookStream


def split_topic(stream: str) -> tuple[str, str]:
    """The part before the first dot, folded in case, and the rest, kept exactly.

    Servers spell ``l2snapshot`` and ``l2Snapshot``; the rest may be a base58 key, whose case matters.
    """
    kind, _, rest = stream.partition(".")
    return kind.casefold(), rest


def account_of(stream: str) -> str:
    """The public key that an ``account`` topic names, or an empty string for every other topic."""
    if stream.startswith("account."):
        return stream[8:]  # as nearly always
    kind, account = split_topic(stream)
    return account if kind == "account" else ""


def book_stream(stream: str, message_kind: BookStream) -> BookStream:
    """Which subscription a book came from: the topic knows, else the kind of the message tells."""
    word = stream.partition(".")[0]
    return _BOOK_STREAMS.get(word) or _BOOK_STREAMS.get(word.casefold(), message_kind)


_BOOK_STREAMS = {member.value.casefold(): member for member in BookStream}
