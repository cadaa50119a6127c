"""``python -m tests.bench.replayed_day DATA``: the page over a recorded journal, played again second by second.

No engine runs here: what the page reads is folded from the records alone. Each line on standard input is a record to
play up to; the answer is that line again. The first line of the output says which port, and how many records there are.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from gateway.adapters.calendar import ExchangeCalendar
from gateway.adapters.clock import SystemClock
from gateway.adapters.dashboard import page_files
from gateway.adapters.http.handlers import ServerPorts
from gateway.adapters.http.server import HttpServer
from gateway.adapters.journal.outside import Outside as Recorded
from gateway.adapters.journal.outside import from_outside
from gateway.domain.orders import Order
from gateway.domain.positions import PortfolioPoint
from gateway.domain.records import Checkpoint, Record
from gateway.domain.settings import ServerSettings
from gateway.ports.journal import OrderQuery, OrderTrace, PortfolioQuery
from gateway.ports.page import Page
from gateway.service.breaker_views import BreakerReader
from gateway.service.connections import ConnectionReader
from gateway.service.feed import Feed
from gateway.service.page.model import Outside, PageModel
from gateway.service.page.replica import Replica
from gateway.service.risk_reads import RiskReader
from gateway.service.rollout_states import RolloutStates
from gateway.service.stories import DurableTimes, Stories
from gateway.service.tasks import TaskGroup
from gateway.service.venue_table import VenueSlot, VenueTable
from tests.fakes.agreement import FakeAgreement
from tests.fakes.alerts import MemoryAlerts
from tests.fakes.gateway import FakeGateway
from tests.fakes.gateway_samples import FakeMarket
from tests.fakes.rollouts import FakeRollouts, FakeStepRecords
from tests.fakes.venue import FakeVenue

#: Often, for an hour passes in a minute or two and the page's clock runs along.
_HEARTBEAT_S = 0.2
#: More than any journal holds: for the page, it is never another journal than before.
_ENDLESS = 2**53


class Played:
    """The recorded journal as far as it was played: nothing of what is to come."""

    def __init__(self, recorded: Recorded) -> None:
        self._recorded = recorded
        self.seq = 0

    async def read(self, after_seq: int) -> AsyncIterator[Record]:
        async for record in self._recorded.read(after_seq):
            if record.seq > self.seq:
                return
            yield record

    async def load_checkpoint(self) -> Checkpoint | None:
        return await self._recorded.load_checkpoint(until_seq=self.seq)

    async def find(self, order_id: str) -> Order | None:
        return None

    async def list_portfolio(self, query: PortfolioQuery) -> list[tuple[int, PortfolioPoint]]:
        return []

    async def trace(self, order_id: str, since_ns: int, until_ns: int) -> OrderTrace:
        return OrderTrace((), False)

    async def list(self, query: OrderQuery) -> Sequence[Order]:
        return ()


def served(played: Any, feed: Feed, tasks: TaskGroup) -> HttpServer:
    """The page and its read model; of everything else there is a stand-in."""
    clock, market, alerts = SystemClock(), FakeMarket(), MemoryAlerts()
    replica, fake = Replica(), FakeGateway(clock)
    fake.health_view = msgspec.structs.replace(fake.health_view, last_seq=_ENDLESS)
    outside = Outside(
        connections=ConnectionReader(replica, VenueTable(VenueSlot(FakeVenue("sim"), None)), market, dict, clock),
        breakers=BreakerReader(replica, market, ExchangeCalendar(), clock),
        risk=RiskReader(replica, clock),
        rollouts=RolloutStates(replica, clock, lambda: "", lambda: True),
        channels=tuple,
        waiting=lambda: None,
    )
    model = PageModel(replica, played, feed, played, played, market, clock, tasks, outside)
    reads: Any = model
    stories = Stories(model, played, DurableTimes(clock))
    return HttpServer(
        ServerPorts(
            intake=fake,
            checks=fake,
            controls=fake,
            approvals=fake,
            overrides=fake,
            drop_copies=fake,
            agreement=FakeAgreement(),
            alerts=alerts,
            rollouts=FakeRollouts(),
            step_records=FakeStepRecords(),
            risk=fake,
            candidates=fake,
            reads=reads,
            stories=stories,
            explainer=fake,
            status=fake,
            feed=feed,
            market=market,
            clock=clock,
            metrics_page=lambda: b"",
            page=Page(page_files(), model, stories),
        ),
        principals=tuple,
        settings=ServerSettings(port=0),
        heartbeat_s=_HEARTBEAT_S,
    )


async def play(data: Path) -> None:
    """Until standard input ends."""
    tasks = TaskGroup()
    async with from_outside(data) as recorded:
        played = Played(recorded)
        feed = Feed(played, 0)  # type: ignore[arg-type]
        records = aiter(recorded.read(0))
        server = served(played, feed, tasks)
        await server.start()
        print(f"ready on http://127.0.0.1:{server.port} {recorded.last_seq}", flush=True)
        try:
            while line := await asyncio.to_thread(sys.stdin.readline):
                while played.seq < int(line):
                    record = await anext(records)
                    played.seq = record.seq
                    feed.publish(record)
                print(line.strip(), flush=True)
        finally:
            await server.close()
            await tasks.close()


if __name__ == "__main__":
    asyncio.run(play(Path(sys.argv[1])))
