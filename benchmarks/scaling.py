"""What grows when there is more of everything, and the one message that is large by itself."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

from . import feed
from .contest import Case, Entry, Goal
from .server_bytes import READ_SIZE, cut_into_reads, frame
from .stage import Exercise, Outcome, Round
from .state import opened_core

RELEASED = "released client"


def cases(share: float) -> list[Case]:
    messages = max(1_000, int(60_000 * share))
    many_each = max(3_000, min(200_000, int(600_000 * share)))  # so that each of 300 books is well in use
    flood = {"backend": "asyncio", "messages": max(500, int(5_000 * share))}
    candles = {"times": max(2, int(100 * share))}
    return [
        _more("300 symbols over 3", "symbols", "symbols", 300, 3, 1.4, {"messages": many_each}),
        _more(
            "1000 open requests over 1", "requests", "open_requests", 1_000, 1, 2, {"times": messages // 30}
        ),
        _more("10000 open orders over 10", "open_orders", "orders", 10_000, 10, 2, {"times": messages // 10}),
        Case(
            "100 handlers on a topic over 1, each call",
            [
                Entry("100", "benchmarks.loopback:ours", {**flood, "handlers": 100}),
                Entry("1", "benchmarks.loopback:ours", flood),
            ],
            [Goal("1", 1, at_most=True)],
            compares_told=False,
        ),
        Case(
            "message of 5000 candles",
            [
                Entry("ours", "benchmarks.scaling:candles", candles),
                Entry(RELEASED, "benchmarks.scaling:released_candles", candles, peer=True),
            ],
            [Goal(RELEASED, 8)],
        ),
    ]


def _more(
    name: str, exercise: str, setting: str, many: int, few: int, must: float, settings: dict[str, Any]
) -> Case:
    return Case(
        name,
        [
            Entry(str(number), f"benchmarks.scaling:{exercise}", {**settings, setting: number})
            for number in (many, few)
        ],
        [Goal(str(few), must, at_most=True)],
        compares_told=False,
    )


def symbols(symbols: int, messages: int) -> Exercise:
    """The mixed feed over many symbols: shallow books, so that their number is all that differs."""
    names = [f"S{number:03d}-USD" for number in range(symbols)]
    texts = feed.payloads(feed.recipe("mix", symbols=names, levels=50, messages=messages))
    first, rest = texts[:symbols], cut_into_reads(texts[symbols:], whole_frames=False)

    def ready() -> Round:
        core = opened_core(names)
        for data in cut_into_reads(first, whole_frames=False):
            core.receive_data(data, 1.0)
        core.events()

        def run() -> Outcome:
            for data in rest:
                core.receive_data(data, 1.0)
                core.events()
            return Outcome(len(texts) - symbols)

        return run

    return ready


def requests(open_requests: int, times: int) -> Exercise:
    """Place an order and hear of it, while others stay unanswered; the signature costs nothing here."""
    from bulk_proto import LimitOrder, Side

    order = LimitOrder("BTC-USD", Side.BUY, 68_000.5, 0.25)

    def ready() -> Round:
        core = opened_core(signer=_Nobody())
        waiting = [core.place_orders([order], 1.0) for _ in range(open_requests)]
        core.data_to_send()

        def run() -> Outcome:
            for number in range(times):
                call = core.place_orders([order], 1.0)
                core.data_to_send()
                core.receive_data(frame(_answer(open_requests + number + 1)), 1.0)
                core.next_deadline()
                assert call.done
            return Outcome(times, len(waiting))

        return run

    return ready


class _Nobody:
    """Signs with zeros."""

    public_key = feed.USER

    def sign(self, message: bytes) -> bytes:
        return bytes(64)


def _answer(request_id: int) -> bytes:
    response = {"type": "order", "data": {"statuses": [{"resting": {"oid": feed.USER}}]}}
    data = {"type": "action", "payload": {"status": "ok", "response": response}}
    return json.dumps({"type": "post", "id": request_id, "data": data}).encode()


def open_orders(orders: int, times: int) -> Exercise:
    """Order updates and fills of an account that has many open orders."""
    wanted = feed.Recipe({"orderUpdate": 90, "fill": 10}, messages=4 * orders + times, orders=orders)
    texts = feed.payloads(wanted)
    before, rest = (
        cut_into_reads(texts[:-times], whole_frames=False),
        cut_into_reads(texts[-times:], whole_frames=False),
    )

    def ready() -> Round:
        core = opened_core()
        for data in before:
            core.receive_data(data, 1.0)
            core.events()

        def run() -> Outcome:
            for data in rest:
                core.receive_data(data, 1.0)
                core.events()
            return Outcome(times, len(core.accounts[feed.USER].open_orders))

        return run

    return ready


def _candles() -> bytes:
    rows = [
        {
            "t": 1_767_225_600_000 + 60_000 * number,
            "T": 1_767_225_660_000 + 60_000 * number,
            "o": 64_250.5 + number,
            "h": 64_260.5 + number,
            "l": 64_240.5 + number,
            "c": 64_255.5 + number,
            "v": 12.375,
            "n": 120,
        }
        for number in range(5_000)
    ]
    topic = "candle.BTC-USD.1m"
    return json.dumps(
        {"type": "candle", "topic": topic, "data": {"candles": rows}}, separators=(",", ":")
    ).encode()


def candles(times: int) -> Exercise:
    data = frame(_candles())
    parts = [data[start : start + READ_SIZE] for start in range(0, len(data), READ_SIZE)]

    def ready() -> Round:
        core = opened_core()

        def run() -> Outcome:
            for _ in range(times):
                for part in parts:
                    core.receive_data(part, 1.0)
                (event,) = core.events()
            return Outcome(times, event.candles[-1].close)

        return run

    return ready


def released_candles(times: int) -> Exercise:
    """Its client keeps none of the candles that such a message has, so its parser of lists is asked."""
    parse = import_module("bulk_api.messages.md").Candle.from_api_list
    text = _candles().decode()

    def run() -> Outcome:
        for _ in range(times):
            found = parse("BTC-USD", "1m", json.loads(text)["data"])
        return Outcome(times, found[-1].close)

    return lambda: run
