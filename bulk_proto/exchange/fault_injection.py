"""Lets faults happen: asked at every occasion, it acts as the script says and changes nothing else.

Without a script nothing of this runs. What is drawn comes from a hash of the fault's place in the script
and of the count of its occasions, so faults never disturb the order flow, and repeat like the rest.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from hashlib import sha256
from math import inf
from typing import Any

from . import faults as f
from .clock import ExchangeClock
from .faults import AnyFault
from .frames import Packet
from .market_messages import Json
from .post_messages import error_frame
from .schedule import Schedule
from .session import Session

_GARBAGE = b"\xff"  # reserved bits and a reserved opcode
_NAMES = {"post": "reply", "subscriptionResponse": "confirmation", "unsubscribeResponse": "confirmation"}


class _Rule:
    """One fault of the script, with the occasions it has seen."""

    __slots__ = ("_count", "_fired", "_place", "fault", "held")

    def __init__(self, place: int, fault: AnyFault) -> None:
        self.fault = fault
        self.held: dict[Session, Packet] = {}  # what a Swap keeps back
        self._place = place
        self._count = 0
        self._fired = 0

    def acts(self, age: float) -> bool:
        """Count an occasion, ``age`` seconds after the start: is it one of those?"""
        fault = self.fault
        if not fault.at <= age < fault.until:
            return False
        self._count += 1
        past = self._count - fault.nth
        if past < 0 or (fault.on != f.TIME and past % fault.every):
            return False
        if not self.goes_on(age) or not self._is_lucky():
            return False
        self._fired += 1
        return True

    def goes_on(self, age: float) -> bool:
        """May a later occasion still be one?"""
        return age < self.fault.until and (not self.fault.times or self._fired < self.fault.times)

    def _is_lucky(self) -> bool:
        drawn = sha256(f"{self._place} {self._count}".encode()).digest()[:8]
        return int.from_bytes(drawn, "big") < self.fault.chance * 2**64


class FaultInjector:
    """All faults of one exchange."""

    def __init__(
        self,
        script: Iterable[AnyFault],
        clock: ExchangeClock,
        schedule: Schedule,
        sessions: Callable[[], Iterable[Session]],
    ) -> None:
        self._rules = [_Rule(place, fault) for place, fault in enumerate(script)]
        self._clock = clock
        self._schedule = schedule
        self._sessions = sessions
        self._refusing_until = clock.now
        kept = [rule.fault.count for rule in self._rules if isinstance(rule.fault, f.ReplayFills)]
        self._fills_kept = max(kept, default=0)
        self._fills: dict[str, deque[Packet]] = {}  # by topic
        for rule in self._rules:
            if rule.fault.on == f.TIME:
                schedule.add(clock.now + rule.fault.at, partial(self._on_time, rule))

    # Occasions

    def admits(self) -> bool:
        """A connection arrives: is it to be accepted?"""
        refusals = list(self._acting(f.CONNECT))
        for fault in refusals:
            self._strike(fault, None)
        return not refusals and self._clock.now >= self._refusing_until

    def handshake(self, session: Session) -> None:
        """A handshake has arrived: accept it, or let it fail."""
        for fault in self._acting(f.HANDSHAKE):
            if isinstance(fault, f.Status):
                session.refuse(fault.status, fault.retry_after)
            else:
                self._strike(fault, session)
        session.accept(self._clock.now)

    def asked(self, session: Session, occasion: str) -> float | None:
        """A request has arrived: how many seconds from now is it carried out? None: never."""
        wait: float | None = 0.0
        for fault in self._acting(occasion):
            match fault:
                case f.Drop():
                    wait = None
                case f.Delay(seconds=seconds):
                    wait = None if wait is None else wait + seconds
                case _:
                    self._strike(fault, session)
        return None if session.closed or session.gone else wait

    def sending(self, session: Session, packet: Packet) -> None:
        """A message is about to leave ``session``."""
        names = _occasions(packet.message)
        packets = [packet]
        released: list[Packet] = []  # held back before; the faults have had their turn with them
        for rule in self._rules:
            if rule.fault.on not in names:
                continue
            if (earlier := rule.held.pop(session, None)) is not None:
                released.append(earlier)
            elif rule.acts(self._clock.age):
                packets = self._changed(rule, session, packets)
        for each in (*packets, *released):
            session.deliver(each)
        if self._fills_kept and "fill" in names:
            topic = str(packet.message["topic"])
            self._fills.setdefault(topic, deque(maxlen=self._fills_kept)).append(packet)

    def forget(self, session: Session) -> None:
        """The session has ended: what was held back for it is lost."""
        for rule in self._rules:
            rule.held.pop(session, None)

    def _acting(self, occasion: str) -> Iterator[AnyFault]:
        return (
            rule.fault for rule in self._rules if rule.fault.on == occasion and rule.acts(self._clock.age)
        )

    def _on_time(self, rule: _Rule, due: float) -> float | None:
        if rule.acts(self._clock.age):
            for session in (None, *self._sessions()):
                self._strike(rule.fault, session)
        return due + rule.fault.every if rule.goes_on(self._clock.age) else None

    # Effects

    def _strike(self, fault: AnyFault, session: Session | None) -> None:
        """Do something to a connection; without one, only what concerns the exchange as a whole."""
        now = self._clock.now
        if isinstance(fault, f.Refuse):
            self._refusing_until = max(self._refusing_until, now + fault.seconds)
        if session is None:
            return
        match fault:
            case f.Close(code=1006) | f.Reset():
                session.reset()
            case f.Close(code=code):
                session.close(code)
            case f.Stall(seconds=seconds):
                session.stall(now + seconds)
            case f.HalfOpen(seconds=seconds):
                session.vanish()
                if seconds < inf:
                    self._schedule.add(now + seconds, lambda due: session.reset())
            case f.Slow(rate=rate):
                session.slow(rate, now)
            case f.Garbage(size=size):
                session.deliver_bytes(_GARBAGE * size)
            case f.Insert(text=text):
                session.deliver(Packet.of_text(text))
            case f.Error(message=message):
                session.deliver(Packet(error_frame(message)))
            case _:
                pass

    def _changed(self, rule: _Rule, session: Session, packets: list[Packet]) -> list[Packet]:
        """What leaves in place of ``packets``."""
        match rule.fault:
            case f.Drop():
                return []
            case f.Double():
                return packets * 2
            case f.Delay(seconds=seconds):
                self._later(seconds, session, packets)
                return []
            case f.Swap(seconds=seconds):
                return self._held_back(rule, seconds, session, packets)
            case f.Truncate():
                for packet in packets[:1]:
                    session.deliver_bytes(packet.frame[: len(packet.frame) // 2])
                session.end()
                return []
            case f.WrongAccount(key=key):
                return [Packet(packet.message | {"topic": f"account.{key}"}) for packet in packets]
            case f.ReverseRows():
                return [_with_rows(packet, reverse=True) for packet in packets]
            case f.NoRows():
                return [_with_rows(packet, reverse=False) for packet in packets]
            case f.ReplayFills(count=count):
                fills = self._fills.get(str(packets[0].message["topic"]), ()) if packets else ()
                return [*packets, *list(fills)[-count:]]
            case fault:
                self._strike(fault, session)
                return packets

    def _later(self, seconds: float, session: Session, packets: list[Packet]) -> None:
        def deliver(due: float) -> None:
            for packet in packets:
                session.deliver(packet)

        self._schedule.add(self._clock.now + seconds, deliver)

    def _held_back(
        self, rule: _Rule, seconds: float, session: Session, packets: list[Packet]
    ) -> list[Packet]:
        def deliver(due: float) -> None:
            if rule.held.get(session) is kept:
                session.deliver(rule.held.pop(session))

        if not packets:
            return []
        *before, kept = packets
        rule.held[session] = kept
        self._schedule.add(self._clock.now + seconds, deliver)
        return before


def _occasions(message: Json) -> set[str]:
    kind = str(message["type"])
    names = {"message", _NAMES.get(kind, kind)}
    if kind == "account":
        data = message["data"]
        assert isinstance(data, dict)
        names.add(data["type"])
    return names


def _with_rows(packet: Packet, *, reverse: bool) -> Packet:
    """An answer with its rows reversed, or without them; one that is a bare ack has none."""
    data: Any = packet.message["data"]
    if "payload" not in data:
        return packet
    payload = data["payload"]
    response = payload["response"]
    rows = response["data"]["statuses"][::-1] if reverse else []
    response = response | {"data": {"statuses": rows}}
    return Packet(packet.message | {"data": data | {"payload": payload | {"response": response}}})
