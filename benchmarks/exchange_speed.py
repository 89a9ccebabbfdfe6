"""How fast the simulated exchange is in process: it must never be what a client's benchmark measures.

Run ``python -m benchmarks.exchange_speed``. Matching is measured without signatures and sessions, deltas
without matching; transactions are everything together, with one signature to verify for each. What
verifying alone would allow is the last row: the ceiling of any exchange that checks signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from statistics import median
from time import perf_counter

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bulk_proto import wire
from bulk_proto.actions import CancelOrder, LimitOrder
from bulk_proto.enums import Side, SignatureDomain, TimeInForce
from bulk_proto.exchange import ExchangeConfig, Session, SimulatedExchange
from bulk_proto.exchange.orders import Order
from bulk_proto.exchange.units import SCALE
from bulk_proto.signing.signer import TransactionSigner
from bulk_proto.signing.transaction import sign

ROUNDS = 5
SYMBOL = "BTC-USD"
KEY = "1" * 32

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def main() -> None:
    print(f"{'':44}per second (median of {ROUNDS})")
    for name, measure in (
        ("orders matched or rested, without sessions", matching),
        ("deltas served to one client, without matching", deltas),
        ("signed transactions of one order, answered", transactions),
        ("signatures verified, and nothing else", verifications),
    ):
        print(f"{name:44}{median(measure() for _ in range(ROUNDS)):>12,.0f}")


def quiet() -> SimulatedExchange:
    config = ExchangeConfig(flow_rate=0.0, past_candles=0, max_messages_per_second=10**9)
    return SimulatedExchange(config, Random(1), 0.0)


def opened(served: SimulatedExchange, *streams: dict[str, str]) -> Session:
    session = served.open_session(0.0)
    session.receive_data(HANDSHAKE, 0.0)
    if streams:
        session.receive_data(frame(wire.subscribe(list(streams))), 0.0)
    session.data_to_send()
    return session


def frame(payload: bytes) -> bytes:
    """One text frame, masked with zeros as a client may."""
    size = len(payload)
    head = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return b"\x81" + head + bytes(4) + payload


def timed(count: int, work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return count / (perf_counter() - began)


def matching(count: int = 20_000) -> float:
    """Random limit orders around one price: about half of them trade."""
    served = quiet()
    chance = Random(2)
    accounts = [served._ledger.open_internal(str(number) * 32) for number in range(1, 5)]
    orders = []
    for number in range(count):
        is_buy = chance.random() < 0.5
        price = round(100_000 + chance.gauss(-5 if is_buy else 5, 10)) * SCALE
        orders.append(
            Order(
                id=str(number),
                account=chance.choice(accounts).key,
                symbol=SYMBOL,
                is_buy=is_buy,
                price=price,
                size=chance.randint(1, 1000) * SCALE // 1000,
                tif=TimeInForce.GTC,
            )
        )

    def work() -> None:
        place, owners = served._admission._desk._trading.place, served._ledger.accounts
        for order in orders:
            place(owners[order.account], order)

    return timed(count, work)


def deltas(count: int = 50_000) -> float:
    """Levels come and go; each is told in a message of its own."""
    served = quiet()
    session = opened(served, {"type": "l2Delta", "symbol": SYMBOL})
    book = served._markets[SYMBOL].book
    batch = [
        Order(
            id=str(level), account=KEY, symbol=SYMBOL, is_buy=True, price=(90_000 + level) * SCALE, size=SCALE
        )
        for level in range(10)
    ]

    def work() -> None:
        for _ in range(count // (2 * len(batch))):
            for order in batch:
                book.rest(order)
            served._feeds.publish(served._journal)
            for order in batch:
                book.remove(order)
            served._feeds.publish(served._journal)
            session.data_to_send()

    return timed(count, work)


def transactions(count: int = 2_000) -> float:
    """An order is placed, the next transaction cancels it."""
    served = quiet()
    session = opened(served)
    signer = TransactionSigner.generate_account()
    frames = []
    for number in range(count // 2):
        order = LimitOrder(SYMBOL, Side.BUY, 90_000.0, 0.01)
        placed = sign(
            [order], signer=signer, nonce=2 * number, account=signer.public_key, domain=SignatureDomain.DEVNET
        )
        cancel = CancelOrder(SYMBOL, placed.order_ids[0][0], Side.BUY)
        undone = sign(
            [cancel],
            signer=signer,
            nonce=2 * number + 1,
            account=signer.public_key,
            domain=SignatureDomain.DEVNET,
        )
        frames += [frame(wire.post(number, each.payload)) for each in (placed, undone)]

    def work() -> None:
        for data in frames:
            session.receive_data(data, 0.0)
            session.data_to_send()

    return timed(count, work)


def verifications(count: int = 2_000) -> float:
    """As many bytes as a transaction of one order signs."""
    signer = Ed25519PrivateKey.generate()
    message = bytes(100)
    signature, key = signer.sign(message), signer.public_key()

    def work() -> None:
        for _ in range(count):
            key.verify(signature, message)

    return timed(count, work)


if __name__ == "__main__":
    main()
