"""The simulated exchange on a port of its own: ``python -m benchmarks.market`` prints its port."""

from __future__ import annotations

import sys

import anyio
import anyio.to_thread

from bulk_anyio.exchange import serve_exchange
from bulk_proto.exchange import ExchangeConfig


async def main() -> None:
    # The released client signs a form without the network's byte.
    async with serve_exchange(ExchangeConfig(accept_undomained=True, flow_rate=0.0), seed=7) as server:
        print(server.port, flush=True)
        await anyio.to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    anyio.run(main)
