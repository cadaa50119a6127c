"""``make soak``: gateways in processes of their own trade for half an hour at venues that break, and get killed.

Each venue gets random orders (with exits where it has them), cancels and changes, a market that moves, random faults,
lost connections, and a gateway that is killed and restarted, also while orders are in doubt. It ends with the gateway's
book being the venue's, no order twice, nothing in doubt; and the gateway must never have taken a difference of holdings
for real, or an order of its own for somebody else's. What is drawn follows from the seed, which is printed; how it
falls in with the timing of the machine does not.
"""

import argparse
import asyncio
import random
import re
import shutil
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import yaml

from tests.e2e.process import Api, GatewayProcess, Site
from tests.venues.contract.drivers import Driver
from tests.venues.contract.matrix import VENUES
from tests.venues.contract.registry import DRIVERS

D = Decimal
Drawn = TypeVar("Drawn")
REQUEST_FAULTS = ("drop_before", "drop_after", "stuck", "late", "error", "error_after", "cut", "garble", "silent")
STREAM_FAULTS = ("lose", "twice", "hold", "swap")
OPERATIONS = ("place", "cancel", "replace", "lookup", "*")
EVENTS = ("ack", "fill", "canceled", "*")
#: What a step may be, and how often.
STEPS = {"place": 40, "enter": 8, "cancel": 15, "replace": 8, "trade": 20, "fault": 5, "stream fault": 4}
#: What ends a connection, and how often; these come by the clock.
BREAKS = (*("breaking fault",) * 5, *("hang up", "down", "kill") * 2, *("kill in doubt",) * 3, "silent")
#: Between two of them, in seconds. A connection that never stands for ten is made again after ever longer waits, and
#: nothing trades meanwhile: so most come later than that, and one in so many at once.
_BREAK_EVERY_S, _BREAK_AT_ONCE_S, _AT_ONCE = (11, 24), (0.2, 3), 5
#: An exchange that takes ten requests a second is asked about hundreds of orders, several times each.
_SETTLE_WITHIN_S = 600.0
#: A run with so many faults of requests must have seen everything that can happen.
_MANY_FAULTS = 400
#: How the gateway holds its book against the venue: often, so that a short run sees many readings.
_RECONCILIATION = {"every_s": 6, "grace_s": 1}
#: What the gateway logs when it takes a difference for real, or an order for somebody else's.
_ACCUSATIONS = re.compile(r"reconciliation of \S+: (?:\S+ holds .*|order \S+ did not come through this gateway.*)")
#: So many faults wait for what they hit, at most.
_FAULTS_WAITING = 4
#: What an order waits that came while the venue was away: a desk would.
_AWAY_S = 0.2
_GONE = (aiohttp.ClientError, OSError, TimeoutError)


class Soak:
    """One venue and its gateway."""

    def __init__(self, driver: Driver, folder: Path, seed: str) -> None:
        self.driver = driver
        self.rng = random.Random(f"{seed} {driver.name}")
        self.site = Site(folder)
        self._gateway: GatewayProcess | None = None
        self.api: Api
        self.done: Counter[str] = Counter()
        #: How many differences were logged before anything was traded.
        self.known_accusations = 0
        self._mine: list[str] = []
        self._next_break_s = 0.0
        self._closing: set[str] = set()
        self._bags: dict[tuple[Any, ...], list[Any]] = {}

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
        self._gateway = GatewayProcess(self.site, environ=driver.environ())
        self._gateway.spawn()
        await self._ready()
        await self._accept_what_was_there()
        self.known_accusations = len(self._accusations())

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
        nothing: dict[str, Any] = {"read_at": None, "trouble": "", "differences": [], "unknown_orders": []}
        return next((one for one in venues if one["venue"] == self.driver.name), nothing)

    def _accusations(self) -> list[str]:
        """Every difference and unknown order that the gateway told of in its log: there is none while the books are
        right, for nobody else trades here."""
        return _ACCUSATIONS.findall((self.site.root / "gateway.log").read_text())

    def accusations(self) -> list[str]:
        return self._accusations()[self.known_accusations :]

    @property
    def gateway(self) -> GatewayProcess:
        assert self._gateway is not None, "it has begun"
        return self._gateway

    async def _ready(self) -> None:
        await self.gateway.ready()
        self.api = self.gateway.api()

    async def run(self, seconds: float) -> None:
        """Random steps until the time is over, and a break whenever one is due."""
        end = time.monotonic() + seconds
        self._plan_break()
        while time.monotonic() < end:
            is_break = time.monotonic() >= self._next_break_s
            step = self._draw(BREAKS) if is_break else self.rng.choices(list(STEPS), list(STEPS.values()))[0]
            try:
                await getattr(self, f"_{step.replace(' ', '_')}")()
                self.done[step] += 1
            except _GONE:
                self.done["unanswered"] += 1
            if is_break:
                self._plan_break()
            await asyncio.sleep(self.rng.random() * self.driver.soak_pace_s)

    def _plan_break(self) -> None:
        within = _BREAK_AT_ONCE_S if self.rng.randrange(_AT_ONCE) == 0 else _BREAK_EVERY_S
        self._next_break_s = time.monotonic() + self.rng.uniform(*within)

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
        await self._send(order)

    async def _enter(self) -> None:
        """An order with exits, where the venue has them."""
        kinds = [one.value for one in self.driver.capabilities.order_classes]
        if not kinds:
            return
        rng, kind = self.rng, self.rng.choice(kinds)
        order: dict[str, Any] = {
            "symbol": self.driver.symbol,
            "side": "buy",
            "quantity": f"{rng.randint(1, 10) * self.driver.unit:f}",
            "strategy_id": f"exits{rng.randint(1, 1_000)}",
            "time_in_force": "gtc",
            "order_type": "limit",
            "account": "default",
        }
        exits = {"order_class": kind, "take_profit": {"limit_price": "105"}}
        if kind != "oto":
            exits["stop_loss"] = {"stop_price": "94"}
        if kind != "oco":
            order |= exits | {"limit_price": str(rng.choice((95, 96, 102)))}
        elif (held := await self._held_for_oco()) is not None:
            order |= exits | {"side": "sell", "quantity": held["quantity"], "strategy_id": held["strategy_id"]}
        else:  # what it closes is bought first
            kind = "bought for an oco"
            order |= {"limit_price": "102", "strategy_id": f"oco{self.done[kind]}"}
        if await self._send(order):
            self.done[kind] += 1

    async def _held_for_oco(self) -> dict[str, Any] | None:
        """A position that no exit was sent for yet."""
        found = (await self.api.fetch("/api/trading/positions?book=live"))["positions"]
        for one in found:
            is_meant = one["strategy_id"].startswith("oco") and one["strategy_id"] not in self._closing
            if is_meant and one["venue"] == self.driver.name and D(one["quantity"]) > 0:
                self._closing.add(one["strategy_id"])
                return dict(one)
        return None

    async def _send(self, order: Mapping[str, Any]) -> bool:
        reply = await self.api.place(**order)
        if reply.status == 201:
            self._mine.append(reply.body["order_id"])
            return True
        code = _code_of(reply.body) or str(reply.status)
        self.done[f"refused {code}"] += 1
        if code == "VENUE_NOT_CONNECTED":
            await asyncio.sleep(_AWAY_S)
        return False

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
            low = self.rng.choice((93, 97, 98, 99, 99))
            self.driver.quote(low, low + 2)

    async def _fault(self) -> None:
        """One request goes wrong."""
        kind = self._draw(REQUEST_FAULTS)
        ops = [op for op in OPERATIONS if not self.driver.is_break(kind, op)]
        if ops:
            self._add_fault(kind, self.rng.choice(ops))

    async def _breaking_fault(self) -> None:
        """One that costs the connection, at venues where a request has none of its own."""
        if self.driver.breaking_faults:
            self._add_fault(*self._draw(self.driver.breaking_faults))
        else:
            self.driver.hang_up()

    def _add_fault(self, kind: str, op: str) -> None:
        """Faults that nothing comes to hit would pile up, and hit together: the oldest gives way."""
        faults = self.driver.faults
        if len(faults.waiting) >= _FAULTS_WAITING:
            faults.waiting.pop(0).release()
        statuses = (500, 503, 504, 429) if kind == "error" else (500, 503, 504)  # 429 says that it was not done
        faults.add(kind, op, status=self.rng.choice(statuses), delay_s=1.0, retry_after_s=1)

    def _draw(self, what: tuple[Drawn, ...]) -> Drawn:
        """Chance, but each comes before any comes again."""
        bag = self._bags.setdefault(what, [])
        if not bag:
            bag.extend(self.rng.sample(what, len(what)))
        drawn: Drawn = bag.pop()
        return drawn

    async def _stream_fault(self) -> None:
        self._add_fault(self._draw(STREAM_FAULTS), self.rng.choice(EVENTS))

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

    async def _kill_in_doubt(self) -> None:
        """Orders are with the venue, which does not answer; then the gateway is killed."""
        self.driver.faults.clear()
        kind = self.rng.choice(("late", "stuck", "silent", "drop_after"))
        faults = [self.driver.faults.add(kind, "place", delay_s=3.0) for _ in range(3)]
        places = [asyncio.create_task(self._place()) for _ in range(6)]
        with suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await asyncio.gather(*(one.hit.wait() for one in faults))
        self.done["killed in doubt"] += sum(1 for one in faults if one.hit.is_set())
        await self._kill()
        await asyncio.gather(*places, return_exceptions=True)

    # --- the end ------------------------------------------------------------------------------------------

    async def settle(self) -> list[str]:
        """Let everything work again, take back what works, and wait until the books agree: what then still differs."""
        self.driver.faults.clear()
        self.driver.hang_up()
        end = time.monotonic() + _SETTLE_WITHIN_S
        found = ["it was not looked at"]
        while found and time.monotonic() < end:
            try:
                await self._take_back()
                for _ in range(10):
                    found = await self.differences()
                    if not found:
                        break
                    await asyncio.sleep(0.5)
            except _GONE as error:
                found = [f"the gateway does not answer: {error!r}"]
        return found

    def unseen(self) -> list[str]:
        """Kinds of faults, and steps, that never happened."""
        hit = {str(kind) for kind, _ in self.driver.faults.log}
        wanted = [one for one in dict.fromkeys((*STEPS, *BREAKS, "killed in doubt")) if one != "enter"]
        wanted += [kind.value for kind in self.driver.capabilities.order_classes]
        lacking = [one for one in wanted if not self.done[one]]
        return lacking + [one for one in (*REQUEST_FAULTS, *STREAM_FAULTS) if one not in hit]

    def statistics(self) -> str:
        truths = self.driver.truths()
        fills = sum(1 for one in truths.values() if one.cum_qty)
        hits = Counter(str(kind) for kind, _ in self.driver.faults.log)
        parts = [f"{len(truths)} orders at the venue, {fills} filled"]
        for counted in (self.done, hits):
            parts.append(", ".join(f"{what} {count}" for what, count in sorted(counted.items())))
        return "; ".join(parts)

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
        return found + await self._told_differences()

    async def _told_differences(self) -> list[str]:
        """What the gateway itself says that differs."""
        told = await self._holdings()
        found = [f"the gateway says that {one['symbol']} differs by {one['difference']}" for one in told["differences"]]
        for order in told["unknown_orders"]:
            found.append(f"the gateway says that {order['venue_order_id']} is somebody else's: {order['text']}")
        if told["trouble"]:
            found.append(f"the account was not read: {told['trouble']}")
        return found

    async def end(self) -> None:
        if self._gateway is not None:
            await self._gateway.close()
        await self.driver.close_peer()


def _code_of(body: Any) -> str:
    """Why an order was refused: of the order, or of the problem."""
    if not isinstance(body, dict):
        return ""
    order = body.get("order", body)
    return str((order.get("reject") or order).get("code", ""))


async def soak(venues: list[str], seconds: float, seed: str, folder: Path) -> bool:
    """All venues side by side; True when all is well."""

    async def one(name: str) -> bool:
        place = folder / name
        place.mkdir(parents=True, exist_ok=True)
        (place / "site").mkdir(exist_ok=True)
        run = Soak(DRIVERS[name](place), place / "site", seed)
        try:
            await run.begin()
            await run.run(seconds)
            wrong = await run.settle() + run.accusations()
            _say(f"{name}: {run.statistics()}")
            unseen = run.unseen()
            if unseen:
                _say(f"{name}: never happened: {', '.join(unseen)}")
            if unseen and run.done["fault"] >= _MANY_FAULTS:
                wrong.append("a run as long as this should have seen everything")
            for text in wrong[:20]:
                _say(f"{name}: WRONG {text}")
            return not wrong
        finally:
            await run.end()

    results = await asyncio.gather(*(one(name) for name in venues), return_exceptions=True)
    for name, result in zip(venues, results, strict=True):
        if isinstance(result, BaseException):
            _say(f"{name}: WRONG {result!r}")
    return all(result is True for result in results)


def _say(text: str) -> None:
    print(text, flush=True)


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
    _say(f"soak of {options.seconds:g} s at {', '.join(venues)}, seed {options.seed}")
    folder = options.keep or Path(tempfile.mkdtemp(prefix="soak-"))
    is_well = asyncio.run(soak(venues, options.seconds, options.seed, folder))
    if is_well and options.keep is None:
        shutil.rmtree(folder)
    _say("the books agree" if is_well else f"NOT WELL: make soak ARGS='--seed {options.seed}'; all is in {folder}")
    return 0 if is_well else 1


if __name__ == "__main__":
    raise SystemExit(main())
