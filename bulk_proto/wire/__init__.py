"""JSON text of the exchange, translated: messages into events and replies, requests into text.

Nothing above this package knows a name or a spelling of the wire. Messages are read in two tiers that
agree on everything both can read: :mod:`.current` knows the documented current shapes and is fast;
:mod:`.tolerant` knows every spelling that servers have used and says what is wrong with the rest.
"""

from __future__ import annotations

import msgspec

from bulk_proto.events import Event
from bulk_proto.replies import Reply

from . import tolerant
from .current import MESSAGES
from .requests import post, subscribe, unsubscribe
from .topics import split_topic
from .values import Unreadable

__all__ = ["decode", "post", "split_topic", "subscribe", "unsubscribe"]

_decode_current = MESSAGES.decode


def decode(text: bytes) -> Event | Reply:
    """What one message says. Never raises, whatever the bytes.

    A well-formed message of an unknown kind becomes :class:`UnknownMessage`. A message that cannot be
    read as what it claims to be becomes :class:`MessageRefused`, as a whole: half of it is never used.
    """
    try:
        return _decode_current(text).event()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, Unreadable):
        return tolerant.decode(text)
