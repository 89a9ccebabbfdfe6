"""Topic strings: which subscription a message belongs to, as ``<kind>.<market, interval or account>``."""

from __future__ import annotations

from bulk_proto.events import BookStream


def split_topic(topic: str) -> tuple[str, str]:
    """The part before the first dot, folded in case, and the rest, kept exactly.

    Servers spell ``l2snapshot`` and ``l2Snapshot``; the rest may be a base58 key, whose case matters.
    """
    kind, _, rest = topic.partition(".")
    return kind.casefold(), rest


def account_of(topic: str) -> str:
    """The public key that an ``account`` topic names, or an empty string for every other topic."""
    if topic.startswith("account."):
        return topic[8:]  # as nearly always
    kind, account = split_topic(topic)
    return account if kind == "account" else ""


def book_stream(topic: str, message_kind: BookStream) -> BookStream:
    """Which subscription a book came from: the topic knows, else the kind of the message tells."""
    word = topic.partition(".")[0]
    return BOOK_STREAMS.get(word) or BOOK_STREAMS.get(word.casefold(), message_kind)


BOOK_STREAMS = {member.value.casefold(): member for member in BookStream}
