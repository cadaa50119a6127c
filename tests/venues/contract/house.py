"""A whole gateway but for HTTP, on one venue: the real engine and adapter, with a journal that outlives them."""

import asyncio
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from gateway.domain.config import LimitTable, Rollout, VenueMode
from gateway.domain.enums import Mode, OrderClass, OrdStatus, OrdType, Route, Side, TimeInForce
from gateway.domain.order_class import StopLoss, TakeProfit
from gateway.domain.orders import NewOrderSingle, Order, ReplaceRequest
from gateway.domain.reasons import RejectCode
from gateway.domain.rollout import Promotions
from gateway.ports.intake import Reply
from gateway.service.venue_table import VenueSlot, VenueTable
from tests.fakes.journal import MemoryJournal
from tests.fakes.outside import FixedMarket, FunctionPolicy
from tests.patience import PATIENCE_S
from tests.service.desk import Desk
from tests.venues.contract.drivers import Driver, Truth
from tests.world import TRADER, trading_config

D = Decimal
#: What "the venue never had it" looks like: over, and nothing filled.
NEVER_THERE = frozenset({OrdStatus.CANCELED, OrdStatus.REJECTED})


class House(Desk):
    """``kill`` and ``open`` again are a crash and a restart: the journal, the venue and what is on disk stay."""

    def __init__(self, driver: Driver, journal: MemoryJournal) -> None:
        super().__init__(journal, FunctionPolicy(), driver.new_venue(), 1.0)  # type: ignore[arg-type]
        self.driver = driver
        self.market = FixedMarket({driver.symbol: D(100)})
        self.table = VenueTable(VenueSlot(self.simulator, None))
        self.table.add(driver.name, VenueSlot(self.venue, float(driver.timeout_s)))

    async def open(self) -> None:
        """Start, and wait until the venue can be traded at."""
        driver = self.driver
        config = trading_config(
            Mode.CANARY,
            venues={driver.name: VenueMode(mode=Mode.CANARY, canary_weight_bp=10_000)},
            instruments={driver.symbol: driver.instrument},
            table=LimitTable(),
            rollout=Rollout(salt="test", promotions={driver.name: Promotions.MANUAL}),
            capabilities={driver.name: driver.capabilities},
        )
        await self.start(config)
        await self.reachable()

    async def reachable(self) -> None:
        await self.until(lambda: self.engine.state.venues[self.driver.name].is_connected, 15)

    async def kill(self) -> None:
        await self.crash()
        await self.venue.close()

    async def buy(self, units: int = 10, px: int = 95, **more: Any) -> Order:
        """An order of our own; it must have been admitted, or refused because the venue cannot be reached."""
        qty: Any = units * self.driver.unit
        order = self.order(await self.place(qty=qty, symbol=self.driver.symbol, limit=D(px), **more))
        reasons = (None, RejectCode.VENUE_NOT_CONNECTED)
        assert (order.reject.code if order.reject is not None else None) in reasons, order.reject
        return order

    async def enter(self, order_class: OrderClass) -> Order:
        """Buy ten units with exits at 105 and 90, or put these beside ten that are held; what is sent of it."""
        is_oco = order_class is OrderClass.OCO
        terms: dict[str, Any] = {"take_profit": TakeProfit(D(105))}
        if order_class is not OrderClass.OTO:
            terms["stop_loss"] = StopLoss(D(90))
        request = NewOrderSingle(
            symbol=self.driver.symbol,
            side=Side.SELL if is_oco else Side.BUY,
            order_qty=10 * self.driver.unit,
            ord_type=OrdType.LIMIT,
            limit_px=None if is_oco else D(95),
            time_in_force=TimeInForce.GTC,
            strategy_id="s1",
            order_class=order_class,
            **terms,
        )
        order = self.order(await self.intake.place(request, TRADER, 0, lambda reply: reply))
        assert order.reject is None or order.reject.code == RejectCode.VENUE_NOT_CONNECTED, order.reject
        return self.engine.state.orders[order.leg_ids[0]] if order.leg_ids else order

    async def cancel(self, order: Order) -> Reply:
        return await self.intake.cancel(order.order_id, TRADER)

    async def change(self, order: Order, units: int, px: int) -> Reply:
        request = ReplaceRequest(order_qty=units * self.driver.unit, limit_px=D(px))
        return await self.intake.replace(order.order_id, request, TRADER)

    # --- the two books -----------------------------------------------------------------------------------

    def orders(self) -> Iterable[Order]:
        return [order for order in self.engine.state.orders.values() if order.route is Route.LIVE and not order.leg_ids]

    def differences(self) -> list[str]:
        """What the gateway's book and the venue's do not agree on. Empty: all of it is the same."""
        truths = self.driver.truths()
        known = {order.order_id: order for order in self.orders()}
        found = [f"{order_id} is at the venue and not here" for order_id in truths if order_id not in known]
        for order_id, order in known.items():
            found += [f"{order_id}: {text}" for text in _differences(order, truths.get(order_id))]
        held = self.engine.state.books[Route.LIVE].positions.values()
        position = sum((one.qty for one in held), D(0))
        signed = sum((one.cum_qty * known[key].side.sign for key, one in truths.items() if key in known), D(0))
        if position != signed:
            found.append(f"the position is {position}, and the venue filled {signed}")
        return found

    def broken(self) -> list[str]:
        """Invariants that do not hold (2, 7 and 8), whatever the books say."""
        truths, sent = self.driver.truths(), self.driver.sent()
        found = [f"2: {key} was sent {count} times" for key, count in sent.items() if count > 1]
        found += [f"2: {key} is at the venue {one.orders} times" for key, one in truths.items() if one.orders > 1]
        for order in self.orders():
            truth = truths.get(order.order_id)
            if not 0 <= order.cum_qty <= order.order_qty:
                found.append(f"7: {order.order_id} filled {order.cum_qty} of {order.order_qty}")
            if truth is not None and order.ord_status is OrdStatus.REJECTED:
                found.append(f"8: {order.order_id} is called rejected, and the venue has it")
        return found

    async def agrees(self, within_s: float) -> bool:
        """Whether the books come to agree in time, by themselves."""
        try:
            await self.until(lambda: not self.differences(), within_s)
        except TimeoutError:
            return False
        return True

    async def until(self, condition: Callable[[], Any], within_s: float = PATIENCE_S) -> None:
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110 - conditions of many objects, none of which could set an event
                await asyncio.sleep(0.01)


def _differences(order: Order, truth: Truth | None) -> list[str]:
    if order.is_in_doubt:
        return ["in doubt"]
    if truth is None:
        is_over = order.ord_status in NEVER_THERE and not order.cum_qty
        return [] if is_over else [f"{order.ord_status.value} here, and the venue never had it"]
    found = []
    if order.cum_qty != truth.cum_qty:
        found.append(f"filled {order.cum_qty} here, {truth.cum_qty} there")
    if order.is_open != truth.is_open:
        found.append(f"{order.ord_status.value} here, {'open' if truth.is_open else 'done'} there")
    return found
