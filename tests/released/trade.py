"""Run by the interpreter that has ``bulk-client`` installed: connect, watch, order, cancel, reconnect.

The exchange must hang up with code 1011 in place of the fourth transaction (a clean close would leave
this client deaf).

Usage: trade.py URL. Prints one JSON object with what happened. Nothing of this repository is imported.
"""
# mypy: ignore-errors

import asyncio
import json
import logging
import sys

from bulk_api import BulkWebSocketClient
from bulk_api.common import Side, TimeInForce, Topic
from bulk_api.common.signer import TransactionSigner


async def main(url):
    logging.disable(logging.CRITICAL)
    client = BulkWebSocketClient(url=url, symbols=["BTC-USD"], signer=TransactionSigner.generate_account())
    seen = {"connected": await client.connect()}
    for _ in range(100):
        if client.get_ticker("BTC-USD") is not None:
            break
        await asyncio.sleep(0.05)
    ticker = client.get_ticker("BTC-USD")
    seen["mark_price"] = ticker and ticker.mark_price
    try:
        order = await client.place_limit_order(
            "BTC-USD", Side.BUY, 50_000.0, 0.01, time_in_force=TimeInForce.ALO, timeout=5.0
        )
    except RuntimeError as error:  # its way of saying that the transaction was refused
        print(json.dumps(seen | {"refused": str(error)}))
        return
    seen["placed"] = str(order.status)
    cancelled = await client.cancel_order(Side.BUY, "BTC-USD", order.order_id, timeout=5.0)
    seen["cancelled"] = str(cancelled.status)
    filled = await client.place_market_order("BTC-USD", Side.BUY, 0.01, timeout=5.0)
    seen["filled"] = str(filled.status)
    await client.subscribe_orderbook_snapshot("BTC-USD", nlevels=5)
    await asyncio.sleep(0.5)
    book = client.get_book("BTC-USD")
    seen["bid_below_ask"] = book.get_best_bid().price < book.get_best_ask().price
    seen |= await come_back(client)
    await client.disconnect()
    print(json.dumps(seen))


async def come_back(client):
    """The exchange hangs up on the next order; after that, everything must work again."""
    bid = ("BTC-USD", Side.BUY, 50_000.0, 0.01)
    try:
        await client.place_limit_order(*bid, time_in_force=TimeInForce.ALO, timeout=0.5)
        return {"cut": False}
    except TimeoutError:
        pass
    tickers = []
    client.on(Topic.TICKER, tickers.append)
    for _ in range(100):
        if tickers:
            break
        await asyncio.sleep(0.05)
    order = await client.place_limit_order(*bid, time_in_force=TimeInForce.ALO, timeout=5.0)
    return {"cut": True, "streams_again": bool(tickers), "trades_again": str(order.status)}


asyncio.run(main(sys.argv[1]))
