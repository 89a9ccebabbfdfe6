"""The trading desk: signs transactions, paces them, and knows which are on their way.

Nothing here decides whether a connection is open: whoever calls has seen that it is.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from . import wire
from .account import Account
from .actions import Action, CancelAll, CancelOrder
from .calls import Call, Deadlines
from .config import Config
from .errors import OutcomeUnknown, RateLimited, SignerMissing, UsageError
from .pacing import Pace
from .posts import Posts, Repetition
from .responses import OrderResponses
from .signing.nonces import Nonces
from .signing.signer import Signer
from .signing.transaction import Transaction, sign

_SENT_KEPT = 1024


class Desk:
    """``account`` is whose orders are placed unless a call says otherwise; ``send(text, now)`` sends."""

    def __init__(
        self,
        config: Config,
        signer: Signer | None,
        account: str | None,
        deadlines: Deadlines,
        accounts: Mapping[str, Account],
        send: Callable[[bytes, float], None],
    ) -> None:
        self.posts = Posts(deadlines, accounts, config.domain)
        self._signer = signer
        self._account = account
        self._domain = config.domain
        self._profile = config.signing_profile
        self._nonces = (
            Nonces(config.wall_clock, signer.public_key, config.nonce_memory) if signer is not None else None
        )
        self._sent: OrderedDict[tuple[str, int], int] = OrderedDict()  # account, nonce: hash of the bytes
        self._pace = Pace(config.max_posts_per_second, config.cancel_reserve)
        self._send = send

    def require_signer(self) -> tuple[Signer, Nonces]:
        if self._signer is None or self._nonces is None:
            raise SignerMissing
        return self._signer, self._nonces

    def place(
        self, actions: Sequence[Action], now: float, deadline: float, nonce: int | None, account: str | None
    ) -> Call[OrderResponses]:
        """Sign and send; what cannot be sent raises before anything is signed."""
        signer, nonces = self.require_signer()
        assert self._account is not None  # at least the signer's own
        self._require_pace(now, actions)
        transaction = sign(
            actions,
            signer=signer,
            nonce=nonces.take() if nonce is None else nonce,
            account=self._account if account is None else account,
            domain=self._domain,
            profile=self._profile,
        )
        if nonce is not None:
            nonces.note(nonce)  # only now: a transaction that is not sent uses no nonce up
        repetition = Repetition.NO if nonce is None else self._repetition(transaction)
        self._sent[transaction.account, transaction.nonce] = hash(transaction.payload)
        if len(self._sent) > _SENT_KEPT:
            self._sent.popitem(last=False)
        return self._post(transaction, now, deadline, repetition)

    def _repetition(self, transaction: Transaction) -> Repetition:
        """Under the same nonce the same actions are the same bytes, and the same orders."""
        before = self._sent.get((transaction.account, transaction.nonce))
        is_known = before == hash(transaction.payload) or self.posts.knows(transaction)
        return Repetition.YES if is_known else Repetition.MAYBE

    def resend(self, transaction: Transaction, now: float, deadline: float) -> Call[OrderResponses]:
        """Send the very same bytes again: same nonce, same order ids, so nothing can happen twice."""
        self._require_pace(now, transaction.actions)
        return self._post(transaction, now, deadline, Repetition.YES)

    def _post(
        self, transaction: Transaction, now: float, deadline: float, repetition: Repetition
    ) -> Call[OrderResponses]:
        def send(request_id: int) -> None:
            self._send(wire.post(request_id, transaction.payload), now)

        self._pace.count(now)
        return self.posts.add(transaction, deadline, send, repetition)

    def make_room(self, now: float, messages: int) -> None:
        """Count messages that are no transactions. Raises :class:`RateLimited` without room for them."""
        if (wait := self._pace.wait(now, messages=messages)) > 0:
            raise RateLimited(wait)
        for _ in range(messages):
            self._pace.count(now)

    def _require_pace(self, now: float, actions: Sequence[Action]) -> None:
        wait = self._pace.wait(now)
        if wait > 0 and only_cancels(actions):
            wait = self._pace.wait(now, urgent=True)
        if wait > 0:
            raise RateLimited(wait)


def sent_before(unknown: OutcomeUnknown) -> Transaction:
    """What was sent without a clear answer; raises :class:`UsageError` for what nobody can send again."""
    transaction = unknown._transaction if isinstance(unknown, OutcomeUnknown) else None
    if transaction is None:
        raise UsageError("pass the OutcomeUnknown that place_orders() raised: only that can be repeated")
    return transaction


def only_cancels(actions: Sequence[Action]) -> bool:
    """True for what may still be sent when all else is refused: it can only take risk away."""
    if not isinstance(actions, list | tuple):
        return False  # looking at the items of an iterator would use them up
    return bool(actions) and all(isinstance(action, CancelOrder | CancelAll) for action in actions)
