"""Put the page together: its files, and a read model that knows the journal and the outside, and no engine."""

from gateway.adapters.calendar import ExchangeCalendar
from gateway.adapters.dashboard import page_files
from gateway.adapters.journal import SqliteJournal
from gateway.adapters.marketdata.routed import RoutedMarket
from gateway.adapters.policy.live import LivePolicies
from gateway.app.alerting import Alerting
from gateway.ports.clock import Clock
from gateway.ports.page import Page
from gateway.service.approvals import Approvals
from gateway.service.breaker_views import BreakerReader
from gateway.service.connections import ConnectionReader
from gateway.service.feed import Feed
from gateway.service.page.model import Outside, PageModel
from gateway.service.page.replica import Replica
from gateway.service.reload import Reloader
from gateway.service.risk_reads import RiskReader
from gateway.service.rollout_states import RolloutStates
from gateway.service.stories import DurableTimes, Stories
from gateway.service.tasks import TaskGroup
from gateway.service.venue_table import VenueTable


def assemble_page(
    journal: SqliteJournal,
    feed: Feed,
    market: RoutedMarket,
    table: VenueTable,
    calendar: ExchangeCalendar,
    policy: LivePolicies,
    reloader: Reloader,
    approvals: Approvals,
    alerting: Alerting,
    durable_times: DurableTimes,
    clock: Clock,
    tasks: TaskGroup,
) -> Page:
    """Everything that the page reads; all of it reads one replica."""
    replica = Replica()
    outside = Outside(
        connections=ConnectionReader(replica, table, market, lambda: reloader.settings.venues, clock),
        breakers=BreakerReader(replica, market, calendar, clock),
        risk=RiskReader(replica, clock),
        rollouts=RolloutStates(replica, clock, lambda: policy.revision, lambda: bool(reloader.settings.notifications)),
        channels=alerting.desk.channels,
        waiting=approvals.waiting,
    )
    model = PageModel(replica, journal, feed, journal, journal, market, clock, tasks, outside)
    return Page(page_files(), model, Stories(model, journal, durable_times))
