"""``make soak``: gateways in processes of their own trade for half an hour at venues that break, and get killed.

Each venue gets random orders, cancels and changes, a market that moves, random faults, lost connections, and a gateway
that is killed and restarted. It ends with the gateway's book being the venue's, no order twice, nothing in doubt.
What is drawn follows from the seed, which is printed; how it falls in with the timing of the machine does not.
"""

import argparse
import asyncio
import random
import re
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.e2e.process import Api, GatewayProcess, Site
from tests.venues.contract.drivers import Driver
from tests.venues.contract.matrix import VENUES
from tests.venues.contract.registry import DRIVERS

D = Decimal
REQUEST_FAULTS = ("drop_before", "drop_after", "stuck", "late", "error", "error_after", "cut", "garble", "silent")
STREAM_FAULTS = ("lose", "twice", "hold", "swap")
OPERATIONS = ("place", "cancel", "replace", "lookup", "*")
EVENTS = ("ack", "fill", "canceled", "*")
#: What a step may be, and how often.
STEPS = {
    "place": 40,
    "cancel": 15,
    "replace": 8,
    "trade": 20,
    "fault": 3,
    "stream fault": 3,
    "hang up": 0.5,
    "down": 0.2,
    "silent": 0.05,
    "kill": 0.3,
}
#: Steps that may cost the connection, and how many orders go out between two of them, most of the time: gateways that
#: are always reconnecting trade nothing.
TROUBLES = {"fault", "stream fault", "hang up", "down", "silent"}
_ORDERS_BETWEEN_TROUBLES = 8
_TROUBLE_AFTER_TROUBLE = 0.1
#: At most between two steps.
_PACE_S = 0.05
_SETTLE_WITHIN_S = 120.0
#: How the gateway holds its book against the venue: often, so that a short run sees many readings.
_RECONCILIATION = {"every_s": 6, "grace_s": 1}
_GONE = (aiohttp.ClientError, OSError, TimeoutError)


class Soak:
    """One venue and its gateway."""

    def __init__(self, driver: Driver, folder: Path, seed: str) -> None:
        self.driver = driver
        self.rng = random.Random(f"{seed} {driver.name}")
        self.site = Site(folder)
        self.gateway: GatewayProcess
        self.api: Api
        self.done: Counter[str] = Counter()
        #: How many differences of holdings were logged before anything was traded.
        self.known_drifts = 0
        self._mine: list[str] = []
        self._since_trouble = 0

    async def begin(self) -> None:
        driver, name = self.driver, self.driver.name
        await driver.open_peer()
        self.site.lift_limits()
        symbols = yaml.safe_load(self.site.read("instruments.yaml"))["symbols"]
        group = symbols["crypto" if "/" in driver.symbol else "equities"]
        group[:] = [one for one in group if one["symbol"] != driver.symbol]
        group.append({"symbol": driver.symbol, **driver.symbol_keys()})
        self.site.merge("instruments.yaml", {"symbols": symbols})
        self.site.merge("gateway.yaml", {"venues": {name: driver.venue_keys()}})
        self.site.merge("risk.yaml", {"reconciliation": _RECONCILIATION})
        self.site.set_modes("CANARY", **{name: ("CANARY", 100)})
        self.gateway = GatewayProcess(self.site, environ=driver.environ())
        self.gateway.spawn()
        await self._ready()
        await self._accept_what_was_there()
        self.known_drifts = len(self.drifts())

    async def _accept_what_was_there(self) -> None:
        """Take what the account holds before anything was traded as given, as whoever opens an account here must:
        the books cannot explain it, and new risk in it is stopped until somebody does."""
        async with asyncio.timeout(60):
            while not (found := await self._holdings())["read_at"]:  # noqa: ASYNC110  # asking is all one can do
                await asyncio.sleep(0.5)
            for symbol in [one["symbol"] for one in found["holdings"] if one["difference"] != "0"]:
                wish = {"venue": self.driver.name, "symbol": symbol, "reason": "it was there before"}
                while (await self.api.post("/api/trading/reconciliation/accept", wish)).status != 200:  # noqa: ASYNC110
                    await asyncio.sleep(0.5)

    async def _holdings(self) -> dict[str, Any]:
        """How the gateway says that its book agrees with the venue."""
        venues = (await self.api.fetch("/api/trading/reconciliation"))["venues"]
        return next((one for one in venues if one["venue"] == self.driver.name), {"read_at": None, "differences": []})

    def drifts(self) -> list[str]:
        """Every difference of holdings that the gateway told of in its log: there is none while the books are right."""
        words = re.compile(r"reconciliation of \S+: \S+ holds .*")
        return words.findall((self.site.root / "gateway.log").read_text())

    async def _ready(self) -> None:
        await self.gateway.ready()
        self.api = self.gateway.api()

    async def run(self, seconds: float) -> None:
        """Random steps until the time is over."""
        end = time.monotonic() + seconds
        names, weights = list(STEPS), list(STEPS.values())
        while time.monotonic() < end:
            step = self.rng.choices(names, weights)[0]
            if step in TROUBLES:
                if self._since_trouble < _ORDERS_BETWEEN_TROUBLES and self.rng.random() > _TROUBLE_AFTER_TROUBLE:
                    continue
                self._since_trouble = 0
            self.done[step] += 1
            try:
                await getattr(self, f"_{step.replace(' ', '_')}")()
            except _GONE:
                self.done["unanswered"] += 1
            await asyncio.sleep(self.rng.random() * _PACE_S)

    # --- steps --------------------------------------------------------------------------------------------

    async def _place(self) -> None:
        rng = self.rng
        is_buy = rng.random() < 0.6
        order: dict[str, Any] = {
            "symbol": self.driver.symbol,
            "side": "buy" if is_buy else "sell",
            "quantity": f"{rng.randint(1, 10) * self.driver.unit:f}",
            "strategy_id": f"soak{rng.randint(1, 50)}",
            "time_in_force": rng.choice(("gtc", "gtc", "ioc")),
            "order_type": "limit",
            "limit_price": str(rng.choice((95, 96, 102) if is_buy else (105, 104, 98))),
            "account": "default",
        }
        reply = await self.api.place(**order)
        if reply.status == 201:
            self._mine.append(reply.body["order_id"])
            self._since_trouble += 1
        else:
            self.done[f"refused {_code_of(reply.body) or reply.status}"] += 1

    def _one(self) -> str:
        return self.rng.choice(self._mine[-30:]) if self._mine else "none"

    async def _cancel(self) -> None:
        await self.api.cancel(self._one())

    async def _replace(self) -> None:
        quantity = f"{self.rng.randint(1, 12) * self.driver.unit:f}"
        await self.api.replace(self._one(), quantity=quantity, limit_price=str(self.rng.choice((94, 95, 104, 105))))

    async def _trade(self) -> None:
        if self.rng.random() < 0.8:
            self.driver.trade(self.rng.choice((94, 95, 96, 104, 105)), self.rng.randint(1, 8))
        else:
            low = self.rng.randint(97, 99)
            self.driver.quote(low, low + 2)

    async def _fault(self) -> None:
        kind, op = self.rng.choice(REQUEST_FAULTS), self.rng.choice(OPERATIONS)
        statuses = (500, 503, 504, 429) if kind == "error" else (500, 503, 504)  # 429 says that it was not done
        self.driver.faults.add(kind, op, status=self.rng.choice(statuses), delay_s=1.0, retry_after_s=1)

    async def _stream_fault(self) -> None:
        self.driver.faults.add(self.rng.choice(STREAM_FAULTS), self.rng.choice(EVENTS), delay_s=1.0)

    async def _hang_up(self) -> None:
        self.driver.hang_up()

    async def _silent(self) -> None:
        self.driver.go_silent()

    async def _down(self) -> None:
        await self.driver.close_peer()
        await asyncio.sleep(self.rng.random() * 2)
        await self.driver.open_peer()

    async def _kill(self) -> None:
        self.gateway.kill()
        await asyncio.sleep(self.rng.random())
        self.gateway.spawn()
        await self._ready()

    # --- the end ------------------------------------------------------------------------------------------

    async def settle(self) -> list[str]:
        """Let everything work again, take back what works, and wait until the books agree: what then still differs."""
        self.driver.faults.clear()
        self.driver.hang_up()
        for _ in range(int(_SETTLE_WITHIN_S / 5)):
            await self._take_back()
            for _ in range(10):
                found = await self.differences()
                if not found:
                    return found
                await asyncio.sleep(0.5)
        return found

    async def _take_back(self) -> None:
        for order in await self._orders():
            if not order["is_over"] and order["ord_status"] in ("new", "partially_filled"):
                await self.api.cancel(order["order_id"])

    async def _orders(self) -> list[dict[str, Any]]:
        """Every order that went to the venue; those that were split, as their parts."""
        found: list[dict[str, Any]] = []
        for order in await self.api.orders():
            found += order["legs"] or [order]
        over = ("filled", "canceled", "rejected", "expired", "denied")
        return [one | {"is_over": one["ord_status"] in over} for one in found if one["route"] == "live"]

    async def differences(self) -> list[str]:
        truths, sent = self.driver.truths(), self.driver.sent()
        orders = {one["order_id"]: one for one in await self._orders()}
        found = [f"{key} was sent {count} times" for key, count in sent.items() if count > 1]
        found += [f"{key} is at the venue {one.orders} times" for key, one in truths.items() if one.orders > 1]
        found += [f"{key} is at the venue and not here" for key in truths if key not in orders]
        for order_id, order in orders.items():
            truth = truths.get(order_id)
            cum_qty = D(order["cum_qty"])
            if order.get("is_in_doubt"):
                found.append(f"{order_id} is in doubt")
            elif truth is None:
                if cum_qty or not order["is_over"]:
                    found.append(f"{order_id} is {order['ord_status']} here, and the venue never had it")
            elif cum_qty != truth.cum_qty or order["is_over"] == truth.is_open:
                state = "open" if truth.is_open else "done"
                found.append(f"{order_id}: {order['ord_status']} {cum_qty} here, {state} {truth.cum_qty} there")
            elif order["ord_status"] == "rejected":
                found.append(f"{order_id} is called rejected, and the venue has it")
        positions = (await self.api.fetch("/api/trading/positions?book=live"))["positions"]
        held = sum((D(one["quantity"]) for one in positions if one["venue"] == self.driver.name), D(0))
        signs = {"buy": 1, "sell": -1}
        signed = sum((one.cum_qty * signs[orders[key]["side"]] for key, one in truths.items() if key in orders), D(0))
        if held != signed:
            found.append(f"the position is {held}, and the venue filled {signed}")
        for drift in (await self._holdings())["differences"]:
            found.append(f"the gateway says that {drift['symbol']} differs by {drift['difference']}")
        return found

    async def end(self) -> None:
        await self.gateway.close()
        await self.driver.close_peer()


def _code_of(body: Any) -> str:
    """Why an order was refused: of the order, or of the problem."""
    if not isinstance(body, dict):
        return ""
    order = body.get("order", body)
    return str((order.get("reject") or order).get("code", ""))


async def soak(venues: list[str], seconds: float, seed: str, folder: Path, say: Callable[[str], None] = print) -> bool:
    """All venues side by side; True when all is well. Folders of gateways that went wrong are kept."""

    async def one(name: str) -> bool:
        place = folder / name
        place.mkdir(parents=True)
        run = Soak(DRIVERS[name](place), place / "site", seed)
        run.site.root.mkdir(exist_ok=True)
        await run.begin()
        try:
            await run.run(seconds)
            wrong = await run.settle()
            truths = run.driver.truths()
            steps = ", ".join(f"{step} {count}" for step, count in sorted(run.done.items()))
            wrong += run.drifts()[run.known_drifts :]
            fills = sum(1 for one in truths.values() if one.cum_qty)
            say(f"{name}: {len(truths)} orders at the venue, {fills} filled; {steps}")
            for text in wrong[:20]:
                say(f"{name}: WRONG {text}")
            return not wrong
        finally:
            await run.end()

    results = await asyncio.gather(*(one(name) for name in venues), return_exceptions=True)
    for name, result in zip(venues, results, strict=True):
        if isinstance(result, BaseException):
            say(f"{name}: WRONG {result!r}")
    return all(result is True for result in results)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.venues.contract.soak", description=__doc__)
    parser.add_argument("venues", nargs="*", metavar="VENUE", help=f"of {', '.join(VENUES)}; all without")
    parser.add_argument("--seconds", type=float, default=1_800)
    parser.add_argument("--seed", default=str(time.time_ns() % 1_000_000))
    parser.add_argument("--keep", type=Path, help="where the folders of the gateways stay")
    options = parser.parse_args()
    venues = options.venues or list(VENUES)
    unknown = set(venues) - set(VENUES)
    if unknown:
        parser.error(f"there is no venue {', '.join(sorted(unknown))}")
    warnings.simplefilter("ignore")
    print(f"soak of {options.seconds:g} s at {', '.join(venues)}, seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        place = options.keep or Path(folder)
        is_well = asyncio.run(soak(venues, options.seconds, options.seed, place))
    print("the books agree" if is_well else f"NOT WELL: make soak ARGS='--seed {options.seed}'")
    return 0 if is_well else 1


if __name__ == "__main__":
    raise SystemExit(main())
