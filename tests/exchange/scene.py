"""One market with deep liquidity at any price, and Anna, who protects a position there."""

from __future__ import annotations

from bulk_proto.exchange import SimulatedExchange
from tests.exchange.in_memory import (
    ANNA,
    Client,
    Json,
    Trader,
    account_events,
    cancel_all,
    exchange,
    limit,
    market,
    quiet,
)

CLEO = Trader(3)  # a rich stranger who sets prices and provides liquidity


def st(d: bool, tr: float, sz: float = 1.0, lim: float | None = None, **more: object) -> Json:
    return {"st": {"c": "BTC-USD", "d": d, "sz": sz, "tr": tr, "lim": lim, "i": False} | more}


def tp(d: bool, tr: float, sz: float = 1.0, lim: float | None = None, **more: object) -> Json:
    return {"tp": {"c": "BTC-USD", "d": d, "sz": sz, "tr": tr, "lim": lim, "i": False} | more}


def rng(is_long: bool, pmin: float, pmax: float, sz: float = 1.0, **more: object) -> Json:
    body = {"c": "BTC-USD", "d": is_long, "sz": sz, "pmin": pmin, "pmax": pmax, "lmin": None, "lmax": None}
    return {"rng": body | {"i": False} | more}


def trl(is_long: bool, trb: int, stb: int = 0, sz: float = 1.0, lim: float | None = None) -> Json:
    body = {"c": "BTC-USD", "b": is_long, "sz": sz, "trb": trb, "stb": stb, "lim": lim, "i": False}
    return {"trl": body}


def trig(d: bool, tr: float, *actions: Json) -> Json:
    return {"trig": {"c": "BTC-USD", "d": d, "tr": tr, "actions": list(actions)}}


def on_fill(trigger: Json, *actions: Json) -> Json:
    return {"of": {"trigger": trigger, "actions": list(actions)}}


class Scene:
    """One market around 100 with deep liquidity at any price, and Anna with a position."""

    def __init__(self, position: float = 1.0) -> None:
        self.served: SimulatedExchange = exchange(quiet())
        self.client = Client(self.served)
        self.move(100.0)
        if position:
            side = "buy" if position > 0 else "sell"
            self.client.rows(ANNA.transaction(market(side, abs(position))))
        self.client.subscribe({"type": "account", "user": ANNA.key})

    def move(self, price: float) -> list[Json]:
        """Move the mark price and all liquidity; returns what Anna hears of it."""
        oracle = {"px": {"t": 1, "c": "BTC-USD", "px": price}}
        quotes = limit("buy", price - 1, 50.0), limit("sell", price + 1, 50.0)
        return account_events(self.client.post(CLEO.transaction(cancel_all(), *quotes, oracle)))

    def rows(self, *actions: Json) -> list[Json]:
        return self.client.rows(ANNA.transaction(*actions))

    def position(self) -> float:
        total: float = sum(row["size"] for row in self.snapshot()["positions"])
        return total

    def snapshot(self) -> Json:
        events = account_events(Client(self.served).subscribe({"type": "account", "user": ANNA.key}))
        snapshot: Json = events[0]
        return snapshot


def updates(events: list[Json]) -> list[tuple[str, str]]:
    """Type and status of each order update."""
    return [(event["ot"], event["status"]) for event in events if event["type"] == "orderUpdate"]
