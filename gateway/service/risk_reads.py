"""Limits and their use for readers: the page, the metrics, ``GET /risk``."""

from collections.abc import Iterable, Iterator

from gateway.core.limit_use import LimitUse, limit_uses
from gateway.core.routing import cap_uses
from gateway.core.state import GatewayState
from gateway.core.throttle_use import throttle_uses
from gateway.core.trading.states import TradingStop
from gateway.domain.controls import CONTROL_OF
from gateway.domain.enums import ScopeKind
from gateway.domain.money import plain
from gateway.ports.checking import CapView, StopView
from gateway.ports.clock import Clock
from gateway.ports.risk_view import LimitUseView, RiskView, VenueCapsView
from gateway.service.state_holder import StateHolder

_MS = 1_000_000


class RiskReader:
    """Implements ``ports.risk_view.RiskReads``."""

    def __init__(self, holder: StateHolder, clock: Clock) -> None:
        self._holder = holder
        self._clock = clock

    def risk(self) -> RiskView:
        state, now_ns = self._holder.state, self._clock.now_ns()
        figures = state.figures
        caps = ((venue, cap_uses(state, venue)) for venue in state.config.venues)
        return RiskView(
            currency=state.config.base_currency,
            config_revision=state.config.revision,
            trading_state=state.trading.gateway_state,
            stops=tuple(stop_view(stop) for stop in state.trading.everything_stopped()),
            figures_age_ms=None if figures is None else max(now_ns - figures.as_of_ns, 0) // _MS,
            limits=tuple(_view(one) for one in _all_uses(state, now_ns)),
            caps=tuple(
                VenueCapsView(
                    venue=venue,
                    caps=tuple(
                        CapView(key=key, limit=None if limit is None else plain(limit), use=plain(use))
                        for key, limit, use in found
                    ),
                )
                for venue, found in caps
                if found
            ),
        )

    def use_ratios(self) -> dict[tuple[str, str], float]:
        """The larger use of the two books by scope (``account:default``) and rule, for the metrics.

        Symbols have none: there may be thousands.
        """
        state, now_ns = self._holder.state, self._clock.now_ns()
        return _ratios((*limit_uses(state, now_ns, without=ScopeKind.SYMBOL), *throttle_uses(state, now_ns)))

    def daily_loss_ratios(self) -> dict[tuple[str, str], float]:
        """The same of ``daily_loss_limit`` alone, for the alerts: cheap enough for every few seconds."""
        uses = limit_uses(self._holder.state, self._clock.now_ns(), only="daily_loss_limit", without=ScopeKind.SYMBOL)
        return _ratios(uses)


def _ratios(uses: Iterable[LimitUse]) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for one in uses:
        if one.use is not None and one.scope is not ScopeKind.SYMBOL:
            scope = one.scope.value if one.scope_id in ("", "gateway") else f"{one.scope.value}:{one.scope_id}"
            key = (scope, one.rule)
            found[key] = max(found.get(key, 0.0), float(one.use))
    return found


def _all_uses(state: GatewayState, now_ns: int) -> Iterator[LimitUse]:
    yield from limit_uses(state, now_ns)
    yield from throttle_uses(state, now_ns)


def _view(one: LimitUse) -> LimitUseView:
    control = CONTROL_OF.get(one.rule)
    return LimitUseView(
        book=one.book,
        scope=one.scope,
        scope_id=one.scope_id,
        rule=one.rule,
        code=one.code if control is None else control.code,
        limit=one.limit,
        value=one.value,
        headroom=one.headroom,
        use=None if one.use is None else plain(one.use),
        is_broken=one.is_broken,
        is_per_order=one.value is None,
        account=one.account or None,
        symbol=one.symbol or None,
    )


def stop_view(stop: TradingStop) -> StopView:
    return StopView(
        scope=stop.scope,
        scope_id=stop.scope_id,
        state=stop.state,
        book=stop.book,
        reason=stop.reason,
        by=stop.actor.name,
        breaker=stop.trip_id or None,
    )
