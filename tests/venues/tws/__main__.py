"""``python -m tests.venues.tws [--port 7497]``: a TWS by hand, with a market that moves and a prompt for its faults."""

import argparse
import asyncio
import random
import sys
from dataclasses import fields
from decimal import Decimal

from tests.venues.tws.faults import TwsFaults
from tests.venues.tws.server import TwsServer

PRICES = {"AAPL": Decimal("180.00"), "TSLA": Decimal("250.00"), "SPY": Decimal("560.00"), "ES": Decimal("5000.00")}
HELP = f"""commands: quote SYMBOL BID ASK | trade SYMBOL PX QTY | orders | set FAULT VALUE | quit
          hangup | lose (IB's servers: 1100) | find (them again: 1102; find lost: 1101) | rollback CLIENT_ID NEXT_ID
faults:   {" ".join(field.name for field in fields(TwsFaults) if type(field.default) in (bool, int, float, str))}"""


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.venues.tws", description=__doc__)
    parser.add_argument("--port", type=int, default=7497)
    parser.add_argument("--still", action="store_true", help="do not move the market")
    options = parser.parse_args()
    async with TwsServer(options.port) as tws:
        print(f"a TWS for paper trading on 127.0.0.1:{tws.port}, account {tws.market.accounts[0]}")
        print(f"point a client at it: venues: {{ibkr: {{host: 127.0.0.1, port: {tws.port}, paper_only: true}}}}")
        print(HELP, flush=True)
        async with asyncio.TaskGroup() as group:
            walk = group.create_task(_walk(tws, options.still))
            await _listen(tws)
            walk.cancel()


async def _walk(tws: TwsServer, is_still: bool) -> None:
    rng = random.Random(1)
    prices = dict(PRICES)
    while True:
        for symbol, px in prices.items():
            tick = Decimal("0.25") if symbol == "ES" else Decimal("0.01")
            prices[symbol] = px if is_still else px + tick * rng.randint(-2, 2)
            tws.quote(symbol, prices[symbol] - tick, prices[symbol] + tick, 500)
        await asyncio.sleep(1)


async def _listen(tws: TwsServer) -> None:
    """Read commands until the end of the input."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        words = line.split()
        if words == ["quit"]:
            return
        try:
            _obey(tws, words)
        except (ValueError, StopIteration, AttributeError, ArithmeticError) as error:
            print(f"{error!r}\n{HELP}", flush=True)


def _obey(tws: TwsServer, words: list[str]) -> None:
    match words:
        case ["quote", symbol, bid, ask]:
            tws.quote(symbol, bid, ask)
        case ["trade", symbol, px, qty]:
            tws.trade(symbol, px, qty)
        case ["hangup"]:
            tws.hang_up()
        case ["lose"]:
            tws.lose_servers()
        case ["find", *how]:
            tws.find_servers(data_lost=how == ["lost"])
        case ["rollback", client_id, next_id]:
            tws.roll_ids_back(int(client_id), int(next_id))
        case ["orders"]:
            _print_orders(tws)
        case ["set", name, *rest]:
            _set_fault(tws.faults, name, " ".join(rest))
        case [_, *_]:
            raise ValueError(f"no such command: {' '.join(words)}")


def _print_orders(tws: TwsServer) -> None:
    for order in tws.market.orders.values():
        print(order.perm_id, order.terms.order_ref, order.status, order.cum_qty, order.terms.qty, flush=True)


def _set_fault(faults: TwsFaults, name: str, value: str) -> None:
    kind = type(getattr(faults, name))
    setattr(faults, name, value in ("1", "true", "yes") if kind is bool else kind(value))


if __name__ == "__main__":
    asyncio.run(main())
