"""Clients under load that remember everything: what they asked, what they were answered, and what must still be true
of it after the gateway was killed."""

import asyncio
import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec

from tests.e2e.ledger import OPEN
from tests.e2e.process import Api, Reply

D = Decimal

PRICES = {
    "BTC/USDT": D(61800),
    "ETH/USDT": D(2650),
    "ES": D(5000),
    "AAPL": D(180),
    "TSLA": D(250),
}
SIZES = {"BTC/USDT": "0.00123", "ETH/USDT": "0.0217", "ES": "1"}
MULTIPLIERS = {"ES": D(50)}
#: By how much a replace moves a limit, at least: a multiple of the tick.
STEPS = {"ES": D("0.25")}
ACCOUNTS = ("default", "second")
TOO_LARGE = "5000000"

#: What never changes in an order, whatever becomes of it.
_FIXED = (
    "order_id client_order_id route route_reason mode cycle venue account strategy_id symbol side order_type "
    "time_in_force notes parent_id created_at config_revision"
).split()

#: The connection broke, or the answer did not come: nothing is known of the request.
_LOST = (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError)


class Wish(msgspec.Struct):
    """One order that a client wants, under its own id, and what it knows of it."""

    fields: dict[str, str]
    order_id: str = ""
    #: The last that was seen of the order; None: never answered.
    seen: dict[str, Any] | None = None
    #: Quantities and limits that it may have by now, because someone asked for them.
    terms: set[tuple[str, str]] = set()
    is_cancel_answered: bool = False
    #: The gateway said that it takes no orders: there may be no such order.
    is_turned_away: bool = False

    @property
    def client_order_id(self) -> str:
        return self.fields["client_order_id"]

    @property
    def is_too_large(self) -> bool:
        return self.fields["quantity"] == TOO_LARGE


class Traffic:
    """Several clients on one gateway. ``prefix`` makes their ids unique, ``rng`` makes them repeatable in kind.

    With ``may_be_denied`` someone changes limits and modes meanwhile: any order may be denied then.
    """

    def __init__(
        self,
        rng: random.Random,
        prefix: str,
        symbols: Mapping[str, str] = SIZES,
        *,
        may_be_denied: bool = False,
    ) -> None:
        self._rng = rng
        self._prefix = prefix
        self._sizes = dict(symbols)
        self._may_be_denied = may_be_denied
        self._count = 0
        self.wishes: list[Wish] = []
        self.answers = 0

    async def run(self, api: Api, clients: int) -> None:
        """Load until the connection breaks or the task is cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(self._client(api, number))

    async def _client(self, api: Api, number: int) -> None:
        rng = random.Random(self._rng.random())
        strategy = f"s{number % 3}"
        own: list[Wish] = []
        while True:
            try:
                await self._act(api, rng, strategy, number, own)
            except _LOST:
                return

    async def _act(self, api: Api, rng: random.Random, strategy: str, number: int, own: list[Wish]) -> None:
        choice = rng.random()
        known = [wish for wish in own if wish.seen is not None and not wish.is_too_large]
        if choice < 0.62 or not known:
            wish = self._new_wish(rng, strategy, ACCOUNTS[number % 2])
            own.append(wish)
            await self.place(api, wish)
        elif choice < 0.70:
            await self.place(api, rng.choice(own))
        elif choice < 0.80:
            await self.look(api, rng.choice(known))
        elif choice < 0.92:
            await self.cancel(api, rng.choice(known[-8:]))
        else:
            await self._replace(api, rng, rng.choice(known[-8:]))

    def _new_wish(self, rng: random.Random, strategy: str, account: str) -> Wish:
        symbol = rng.choice(list(self._sizes))
        kind = rng.random()
        side = rng.choice(["buy", "sell"])
        self._count += 1
        fields = {
            "symbol": symbol,
            "side": side,
            "quantity": self._sizes[symbol],
            "order_type": "limit",
            "time_in_force": "gtc",
            "strategy_id": strategy,
            "account": account,
            "client_order_id": f"{self._prefix}-{self._count}",
        }
        px = PRICES[symbol]
        if kind < 0.45:  # rests
            fields["limit_price"] = str(px / 2 if side == "buy" else px * 3 / 2)
        elif kind < 0.55:  # fills at once, or not at all
            fields |= {"limit_price": str(px * 51 / 50 if side == "buy" else px * 49 / 50), "time_in_force": "ioc"}
        elif kind < 0.60:
            fields |= {"limit_price": str(px / 2), "side": "buy", "quantity": TOO_LARGE}
        else:
            fields["order_type"] = "market"
        wish = Wish(fields)
        wish.terms.add((fields["quantity"], fields.get("limit_price", "")))
        self.wishes.append(wish)
        return wish

    async def place(self, api: Api, wish: Wish) -> Reply:
        """Ask for the order, for the first time or again: what comes back is always the one order."""
        reply = await api.place(**wish.fields)
        if reply.status == 503 and reply.body["reason"] == "stopping":
            wish.is_turned_away = wish.seen is None
            raise ConnectionResetError("the gateway is stopping")
        wish.is_turned_away = False
        expected = {200, 422} if wish.is_too_large else {200, 201, 422} if self._may_be_denied else {200, 201}
        assert reply.status in expected, reply
        assert wish.seen is None or reply.status != 201, "the same client_order_id made a second order"
        view = reply.body["order"] if reply.status == 422 else reply.body
        wish.order_id = wish.order_id or view["order_id"]
        self.note(wish, view)
        self.answers += 1
        return reply

    async def look(self, api: Api, wish: Wish) -> dict[str, Any]:
        """What the gateway says of the order now; it must follow from what it said before."""
        reply = await api.order(wish.order_id)
        assert reply.status == 200, (wish, reply)
        self.note(wish, reply.body)
        return dict(reply.body)

    async def cancel(self, api: Api, wish: Wish) -> None:
        reply = await api.cancel(wish.order_id)
        assert reply.status in (202, 409), reply
        wish.is_cancel_answered |= reply.status == 202
        self.answers += 1

    async def _replace(self, api: Api, rng: random.Random, wish: Wish) -> None:
        if wish.fields["order_type"] != "limit" or wish.fields["time_in_force"] == "ioc":
            return
        quantity = str(D(wish.fields["quantity"]) * rng.choice([1, 2, 3]))
        step = rng.randrange(1, 400) * STEPS.get(wish.fields["symbol"], D("0.01"))
        limit = D(wish.fields["limit_price"])
        limit = limit - step if wish.fields["side"] == "buy" else limit + step
        wish.terms.add((quantity, str(limit)))
        reply = await api.replace(wish.order_id, quantity=quantity, limit_price=str(limit))
        if reply.status == 503 and reply.body["reason"] == "stopping":
            raise ConnectionResetError("the gateway is stopping")
        is_denied = reply.status == 422 and (self._may_be_denied or reply.body["code"] == "REPLACE_OPENS")
        assert reply.status in (202, 409) or is_denied, reply
        self.answers += 1

    def note(self, wish: Wish, view: dict[str, Any]) -> None:
        """Remember what was said of an order, and hold it against what was said before."""
        _check_wished(wish, view)
        if wish.seen is not None:
            check_follows(wish.seen, view)
        wish.seen = view


def _check_wished(wish: Wish, view: Mapping[str, Any]) -> None:
    """The order is the one that was asked for."""
    assert view["order_id"] == wish.order_id, (wish, view)
    for name in ("symbol", "side", "order_type", "time_in_force", "strategy_id", "account", "client_order_id"):
        assert view[name] == wish.fields[name], (name, wish, view)
    terms = {(D(qty), D(px) if px else None) for qty, px in wish.terms}
    px = view["limit_price"]
    assert (D(view["order_qty"]), D(px) if px else None) in terms, (wish, view)


def check_follows(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """``after`` is a later state of the same order: nothing that was said is taken back."""
    for name in _FIXED:
        assert after[name] == before[name], (name, before, after)
    fills = {fill["exec_id"]: fill for fill in after["fills"]}
    for fill in before["fills"]:
        assert fills.get(fill["exec_id"]) == fill, ("a fill is gone", before, after)
    if before["reject"] is not None:
        assert after["reject"] == before["reject"], (before, after)
    if before["ord_status"] not in OPEN:
        assert after["ord_status"] == before["ord_status"], (before, after)
        assert after["cum_qty"] == before["cum_qty"], (before, after)
    assert D(after["cum_qty"]) >= D(before["cum_qty"]), (before, after)
