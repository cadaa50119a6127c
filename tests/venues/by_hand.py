"""A peer started by hand: a market that moves, and the verbs of its switchboard for another terminal."""

import argparse
import asyncio
import random
from collections.abc import Callable
from decimal import Decimal

from tests.venues.peer import Peer


def run(name: str, doc: str, port: int, make: Callable[[int], Peer], prices: dict[str, str], lines: list[str]) -> None:
    """Serve ``make(port)`` until interrupted. ``lines`` say how to point a client at it; ``{url}`` and ``{ws_url}`` are
    filled in."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.venues.{name}", description=doc)
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--still", action="store_true", help="do not move the market")
    options = parser.parse_args()
    try:
        asyncio.run(_serve(make(options.port), prices, lines, options.still))
    except KeyboardInterrupt:
        return


async def _serve(peer: Peer, prices: dict[str, str], lines: list[str], is_still: bool) -> None:
    async with peer:
        for line in lines:
            print(line.format(url=peer.url, ws_url=peer.ws_url))
        print(f"verbs: curl {peer.url}/_control")
        print(f'fault: curl {peer.url}/_control/fault -d \'{{"kind": "drop_after", "on": "place"}}\'', flush=True)
        rng = random.Random(1)
        now = {symbol: Decimal(px) for symbol, px in prices.items()}
        while True:
            for symbol, px in now.items():
                tick = Decimal(1).scaleb(int(px.as_tuple().exponent))
                now[symbol] = px if is_still else px + tick * rng.randint(-3, 3)
                peer.quote(symbol, now[symbol] - tick, now[symbol] + tick, 100)
            await asyncio.sleep(1)
