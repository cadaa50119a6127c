"""How the gateway itself is doing. Nothing here touches the disk, so it answers when the disk does not."""

from collections.abc import Callable

from gateway.core.limit_advice import exceeded
from gateway.domain.settings import VenueSettings
from gateway.domain.throttles import StrategyLock
from gateway.ports.clock import Clock
from gateway.ports.market_data import MarketSources
from gateway.ports.policy import PolicyEngine
from gateway.ports.read_model import BreakerView, ConnectionView, FlattenView, HealthView, ModesView, StopView
from gateway.service.breakers import BreakerWatch
from gateway.service.connections import ConnectionReader
from gateway.service.engine import Engine
from gateway.service.intake import Intake
from gateway.service.venue_table import VenueTable
from gateway.service.views import flatten_views, locks_of, modes_view, stop_views


class GatewayStatus:
    """Implements ``ports.read_model.Status``. ``venues`` gives the configured venues of now."""

    def __init__(
        self,
        engine: Engine,
        intake: Intake,
        table: VenueTable,
        market: MarketSources,
        policy: PolicyEngine,
        clock: Clock,
        breakers: BreakerWatch,
        venues: Callable[[], dict[str, VenueSettings]],
    ) -> None:
        self._engine = engine
        self._intake = intake
        self._table = table
        self._connections = ConnectionReader(engine, table, market, venues, clock)
        self._policy = policy
        self._breakers = breakers
        self._clock = clock
        self._started_ns = clock.now_ns()
        #: Why the last edit of the configuration was refused; empty when it was not.
        self.config_error = ""
        #: Limits of the configuration in force that never decide.
        self.config_notes: tuple[str, ...] = ()
        #: The last edit set a limit that was exceeded already: told for as long as something is.
        self.is_limit_exceeded = False
        #: What of an edit waits for approval; empty when nothing does.
        self.config_waiting = ""
        #: What is wrong with candidates. No order is affected.
        self.candidate_warnings: Callable[[], tuple[str, ...]] = tuple
        #: Why the last edit of the policies was refused; empty when it was not.
        self.policy_error = ""

    @property
    def has_policies(self) -> bool:
        """Whether any are in force; without, every order is denied."""
        return bool(self._policy.revision)

    @property
    def policy_refusal(self) -> str:
        """What ``policy_error`` comes to: with a first start, or a server that is down, there may be none before."""
        if self.has_policies:
            return f"the last policy edit was refused, the one before is in force: {self.policy_error}"
        return f"every order is denied (POLICY_UNAVAILABLE), no policies are in force: {self.policy_error}"

    def modes(self) -> ModesView:
        return modes_view(self._engine.state)

    def stops(self) -> tuple[StopView, ...]:
        return stop_views(self._engine.state)

    def breakers(self) -> tuple[BreakerView, ...]:
        return self._breakers.views()

    def flattens(self) -> tuple[FlattenView, ...]:
        return flatten_views(self._engine.state)

    def locks(self) -> tuple[StrategyLock, ...]:
        return locks_of(self._engine.state)

    def connections(self) -> tuple[ConnectionView, ...]:
        return self._connections.connections()

    def seconds_without(self) -> dict[tuple[str, ...], float]:
        """For how long each connection that should stand has been down since this process began; 0 while it stands."""
        now_ns = self._clock.now_ns()
        return {
            (view.name, view.kind): 0.0
            if view.is_connected
            else max(now_ns - max(view.since_ns, self._started_ns), 0) / 1e9
            for view in self.connections()
            if view.kind != "venue" or view.name == "simulator" or self._table.has(view.name)
        }

    def health(self) -> HealthView:
        reasons: list[str] = []
        if self._intake.closed is not None:
            reasons.append(self._intake.closed[1])
        if self._engine.failure is not None:
            reasons.append(self._engine.failure)
        warnings: list[str] = []
        state = self._engine.state
        for stop in self.stops():
            where = f" for {stop.scope} {stop.id}" if stop.id else ""
            warnings.append(f"trading is {stop.trading_state}{where}: {stop.cause or 'no reason given'}")
        if self.config_error:
            warnings.append(f"the last configuration edit was refused, the one before is in force: {self.config_error}")
        if self.policy_error:
            warnings.append(self.policy_refusal)
        warnings.extend(self.config_notes)
        if self.is_limit_exceeded:
            found = exceeded(state, self._clock.now_ns())
            warnings.extend(found)
            self.is_limit_exceeded = bool(found)
        warnings.extend(self.candidate_warnings())
        if self.config_waiting:
            warnings.append(self.config_waiting)
        return HealthView(
            is_ready=not reasons,
            reasons=tuple(reasons),
            warnings=tuple(warnings),
            last_seq=self._engine.last_seq,
            durable_seq=self._engine.durable_seq,
            config_revision=state.config.revision,
            policy_revision=self._policy.revision,
            config_error=self.config_error or self.policy_error,
        )
