"""The real engine, intake and executor between a fake client and a fake outside."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from gateway.adapters.clock import SystemClock
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Mode, OrdType, Side, TimeInForce
from gateway.domain.events import ConfigLoaded, GatewayStarted
from gateway.domain.orders import NewOrderSingle, Order
from gateway.domain.records import Record
from gateway.ports.clock import Clock
from gateway.ports.intake import Reply
from gateway.service.breakers import BreakerWatch
from gateway.service.controls import OperatorControls
from gateway.service.engine import Engine
from gateway.service.executor import Executor
from gateway.service.feed import Feed
from gateway.service.flattening import Flattener
from gateway.service.intake import Intake
from gateway.service.reads import Reads
from gateway.service.recovery import recover
from gateway.service.tasks import TaskGroup
from gateway.service.venue_table import VenueSlot, VenueTable
from tests.fakes.journal import MemoryJournal
from tests.fakes.outside import (
    CountingTelemetry,
    FixedMarket,
    FunctionPolicy,
    MemoryFiles,
    MemoryHaltMark,
    OpenCalendar,
)
from tests.fakes.venue import FakeVenue
from tests.patience import PATIENCE_S
from tests.world import ADMIN, PRICES, TRADER, trading_config

D = Decimal


class Desk:
    """One running gateway. ``simulator`` and ``venue`` are both fakes, so every send can be counted."""

    def __init__(self, journal: MemoryJournal, policy: FunctionPolicy, venue: FakeVenue, timeout_s: float) -> None:
        self.journal = journal
        self.policy = policy
        self.venue = venue
        self.simulator = FakeVenue("sim")
        self.telemetry = CountingTelemetry()
        self.tasks = TaskGroup()
        self.clock: Clock = SystemClock()
        self.market = FixedMarket(PRICES)
        self.files = MemoryFiles()
        self.halt_mark = MemoryHaltMark()
        self.table = VenueTable(VenueSlot(self.simulator, None))
        self.table.add("alpha", VenueSlot(venue, timeout_s))

    def _tell(self, record: Record) -> None:
        self.flattener.on_record(record)
        self.feed.publish(record)

    async def start(self, config: TradingConfig) -> None:
        state, seq = await recover(self.journal)
        self.engine = Engine(
            state,
            seq,
            self.journal,
            self.clock,
            self.telemetry,
            self.tasks,
            max_batch=64,
            checkpoint_every=1_000_000,
        )
        self.breakers = BreakerWatch(self.engine, self.market, OpenCalendar(), self.clock)
        self.executor = Executor(
            self.table,
            self.breakers.process,
            self.engine.state,
            self.engine.find_order,
            self.journal,
            self.clock,
            self.tasks,
        )
        self.executor.on_connection = self.on_connection
        self.engine.run_effects = self.executor.run
        self.feed = Feed(self.journal, seq)
        self.flattener = Flattener(self.engine, self.market, self.clock)
        self.engine.on_durable = self._tell
        self.intake = Intake(
            self.engine,
            self.journal,
            self.policy,
            self.market,
            OpenCalendar(),
            self.clock,
            self.telemetry,
            self.tasks,
        )
        self.controls = OperatorControls(
            self.engine, self.halt_mark, self.flattener, self.breakers, self.files, self.clock
        )
        self.reads = Reads(self.engine, self.intake, self.journal, self.journal, self.market, self.clock)
        for venue in (self.simulator, self.venue):
            await venue.start(self.executor)
        self.engine.start()
        self.engine.process(GatewayStarted(ts_ns=self.clock.now_ns(), version="test"))
        self.engine.process(ConfigLoaded(ts_ns=self.clock.now_ns(), config=config, actor=ADMIN))
        await self.engine.durable(self.engine.last_seq)
        self.intake.closed = None

    def on_connection(self, venue: str, is_connected: bool) -> None:
        """For who watches that."""

    async def crash(self) -> None:
        """Everything in memory is gone; the journal and the venue are not."""
        await self.tasks.close()

    async def place(self, side: Side = Side.BUY, qty: int = 10, cl_ord_id: str = "", **fields: Any) -> Reply:
        limit = fields.pop("limit", None)
        answer = fields.pop("answer", lambda reply: reply)
        request = NewOrderSingle(
            symbol=fields.pop("symbol", "AAPL"),
            side=side,
            order_qty=D(qty),
            ord_type=OrdType.MARKET if limit is None else OrdType.LIMIT,
            limit_px=limit,
            time_in_force=TimeInForce.GTC,
            strategy_id=fields.pop("strategy", "s1"),
            cl_ord_id=cl_ord_id,
            **fields,
        )
        return await self.intake.place(request, TRADER, 0, answer)

    def order(self, reply: Reply) -> Order:
        assert reply.story is not None
        return self.engine.state.orders[reply.story.order.order_id]

    async def until(self, condition: Any, within_s: float = PATIENCE_S) -> None:
        """Wait for something to become true; fails when it does not in time."""
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110 - conditions of many objects, none of which could set an event
                await asyncio.sleep(0.001)


@asynccontextmanager
async def desk(
    mode: Mode = Mode.SHADOW,
    *,
    journal: MemoryJournal | None = None,
    policy: FunctionPolicy | None = None,
    venue: FakeVenue | None = None,
    timeout_s: float = 0.05,
    config: TradingConfig | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[Desk]:
    """A desk that is open for business, and closed again afterwards."""
    one = Desk(journal or MemoryJournal(), policy or FunctionPolicy(), venue or FakeVenue(), timeout_s)
    one.clock = clock or one.clock
    await one.start(config or trading_config(mode))
    try:
        yield one
    finally:
        await one.tasks.close()
