"""From bytes to state and events, in one process and without any socket: the hot path itself.

Each function prepares one contestant; all read the same feed. Ours takes the events of every read; the
released client runs its own receiving loop; the hand-rolled ones do what a user would write in an hour.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import feed, rivals
from .contest import Case, Entry, Goal
from .server_bytes import accept, cut_into_reads
from .stage import Exercise, Outcome, Round

RELEASED, TEXTS, INFO = "released client", "released client, given texts", "released client at INFO"
PICOWS, WEBSOCKETS, FLOOR = "picows + orjson + SortedDict", "websockets + json + dicts", "decode floor"


def cases(share: float) -> list[Case]:
    """``share`` of the 200,000 messages of a full feed."""
    messages = max(1_000, int(200_000 * share))
    found = []
    for variant in ("mix", "deep"):
        for whole_frames in (False, True):
            settings = {"variant": variant, "messages": messages, "whole_frames": whole_frames}
            cut = "one frame per read" if whole_frames else "64 KiB reads"
            found.append(_case(f"bytes to state and events, {variant}, {cut}", settings))
    return found


def _case(name: str, settings: dict[str, Any]) -> Case:
    return Case(
        name,
        [
            Entry("ours", "benchmarks.state:ours", settings),
            Entry(RELEASED, "benchmarks.rivals:released", settings, peer=True),
            Entry(TEXTS, "benchmarks.rivals:released_texts", settings, peer=True),
            Entry(INFO, "benchmarks.rivals:released", {**settings, "level": "INFO"}, peer=True),
            Entry(PICOWS, "benchmarks.rivals:picows", settings, peer=True),
            Entry(WEBSOCKETS, "benchmarks.rivals:websockets", settings, peer=True),
            Entry(FLOOR, "benchmarks.state:floor", settings),
        ],
        [
            Goal(RELEASED, 4.5, 6),
            Goal(TEXTS, 4.5, 6),
            Goal(INFO),
            Goal(PICOWS, 1.3, 1.7),
            Goal(WEBSOCKETS),
            Goal(FLOOR, 3.3, 2.3, at_most=True),
        ],
    )


def opened_core(symbols: Iterable[str] = feed.SYMBOLS, signer: Any = None) -> Any:
    """A core with an open link that follows every stream of the feed."""
    from bulk_proto import ClientCore, Config, SignatureDomain
    from bulk_proto import subscriptions as topics

    config = Config(
        url="ws://exchange.test",
        domain=SignatureDomain.DEVNET,
        wall_clock=lambda: 0,
        chance=lambda: 0.5,
        mask=lambda: b"mask",
        max_subscriptions=10_000,
        max_posts_per_second=100_000,
    )
    core = ClientCore(config, signer=signer, account=feed.USER)
    for symbol in symbols:
        core.want([topics.ticker(symbol), topics.l2_snapshot(symbol), topics.l2_delta(symbol)])
        core.want([topics.trades(symbol)])
    core.want([topics.account(feed.USER)])
    core.start(0.0)
    core.connection_made(0.0)
    core.receive_data(accept(core.data_to_send()), 0.0)
    core.data_to_send()
    core.events()
    return core


def ours(variant: str, messages: int, whole_frames: bool) -> Exercise:
    texts = feed.payloads(feed.recipe(variant, messages=messages))
    reads = cut_into_reads(texts, whole_frames=whole_frames)

    def ready() -> Round:
        core = opened_core()

        def run() -> Outcome:
            seen = 0
            for data in reads:
                core.receive_data(data, 1.0)
                for _event in core.events():
                    seen += 1
            return Outcome(seen, told())

        def told() -> list[Any]:
            books = core.order_books
            return [[books[name].best_bid().price, books[name].best_ask().price] for name in feed.SYMBOLS]

        return run

    return ready


def floor(variant: str, messages: int, whole_frames: bool) -> Exercise:
    """The same payloads into plain Structs by one decoder, and nothing else."""
    import msgspec

    from .shapes import Message

    texts = feed.payloads(feed.recipe(variant, messages=messages))
    decode = msgspec.json.Decoder(Message).decode
    told = rivals.touches_of(texts)

    def run() -> Outcome:
        for text in texts:
            decode(text)
        return Outcome(len(texts), told)

    return lambda: run
