"""How a trading call is sent: the three settings that every such call takes."""

from __future__ import annotations

from typing import TypedDict


class Sending(TypedDict, total=False):
    """Keyword arguments of every trading call; what is left out keeps its default.

    ``timeout``: seconds to wait for the answer (default: the client's ``default_timeout``). ``nonce``: unique
    for the account (default: rising with the clock). ``account``: whose orders, when it is not the
    client's own account.
    """

    timeout: float | None
    nonce: int | None
    account: str | None
