"""The page's read model of a fake gateway."""

from gateway.domain.orders import Order
from gateway.domain.positions import PortfolioPoint
from gateway.ports.alerts import Alerts
from gateway.ports.intake import OrderStory
from gateway.ports.journal import OrderQuery, PortfolioQuery
from gateway.ports.page import PageBehind, PageView
from gateway.ports.rollouts import Rollouts
from tests.fakes.gateway import FakeGateway


class FakePage:
    """Implements ``ports.page.PageReads``. ``behind`` is raised when it is set."""

    def __init__(self, fake: FakeGateway, alerts: Alerts, rollouts: Rollouts) -> None:
        self._fake = fake
        self._alerts = alerts
        self._rollouts = rollouts
        self.behind: PageBehind | None = None

    async def view(self) -> PageView:
        if self.behind is not None:
            raise self.behind
        fake, limits = self._fake, self._fake.risk_view.limits
        return PageView(
            seq=fake.last_seq,
            last_seq=fake.last_seq,
            modes=fake.modes(),
            stops=fake.stops(),
            flattens=fake.flattens(),
            locks=fake.locks(),
            breakers=fake.breakers(),
            accounts=fake.accounts,
            positions=fake.holdings,
            limits=limits,
            limits_used=len(limits),
            limits_broken=0,
            rollouts=tuple(self._rollouts.states()),
            active_alerts=self._alerts.active(),
            resolved_alerts=self._alerts.resolved(),
            statistics=fake.statistics(),
            connections=fake.connections(),
            channels=self._alerts.channels(),
            waiting=fake.waiting(),
        )

    async def orders(self, query: OrderQuery) -> tuple[int, list[OrderStory]]:
        return self._fake.last_seq, await self._fake.orders(query)

    async def order(self, order_id: str) -> OrderStory | None:
        found: Order | None = self._fake.stories.get(order_id)
        return None if found is None else OrderStory(found)

    async def history(self, query: PortfolioQuery) -> list[tuple[int, PortfolioPoint]]:
        return await self._fake.portfolio_history(query)
