"""Limits and their use for readers: the page, the metrics, ``GET /risk``."""

import asyncio
import heapq
from collections.abc import Iterable

from gateway.core.limit_use import LimitUse, is_untouched, limit_uses, measured_in
from gateway.core.routing import cap_uses
from gateway.core.state import GatewayState
from gateway.core.throttle_use import throttle_uses
from gateway.core.trading.states import TradingStop
from gateway.domain.controls import CONTROL_OF
from gateway.domain.enums import ScopeKind
from gateway.domain.money import ZERO, plain
from gateway.ports.checking import CapView, StopView
from gateway.ports.clock import Clock
from gateway.ports.risk_view import LimitsQuery, LimitUseView, RiskView, VenueCapsView
from gateway.service.state_holder import StateHolder

_MS = 1_000_000
_SCOPES_PER_SLICE = 16


class RiskReader:
    """Implements ``ports.risk_view.RiskReads``."""

    def __init__(self, holder: StateHolder, clock: Clock) -> None:
        self._holder = holder
        self._clock = clock

    async def risk(self, query: LimitsQuery) -> RiskView:
        state, now_ns = self._holder.state, self._clock.now_ns()
        figures = state.figures
        limits, next_first = await self._limits(state, query, now_ns)
        caps = ((venue, cap_uses(state, venue)) for venue in sorted(state.config.venues))
        return RiskView(
            currency=state.config.base_currency,
            config_revision=state.config.revision,
            trading_state=state.trading.gateway_state,
            stops=tuple(stop_view(stop) for stop in state.trading.everything_stopped()),
            figures_age_ms=None if figures is None else max(now_ns - figures.as_of_ns, 0) // _MS,
            limits=limits,
            next_first=next_first,
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

    async def _limits(
        self, state: GatewayState, query: LimitsQuery, now_ns: int
    ) -> tuple[tuple[LimitUseView, ...], int | None]:
        """In slices: there may be thousands of scopes, and orders come between. The throttles come last."""
        scopes = [
            (route, scope)
            for route in state.books
            for scope in state.risk_plan.all_scopes()
            if _is_asked(query, route.value, scope.kind.value, scope.scope_id)
        ]
        found: list[LimitUseView] = []
        for place, uses in enumerate(measured_in(state, now_ns, scopes[query.first :]), query.first):
            if len(found) + len(uses) > query.most and found:
                return tuple(found), place
            found.extend(limit_view(one) for one in uses)
            if place % _SCOPES_PER_SLICE == 0:
                await asyncio.sleep(0)
        found.extend(
            limit_view(one)
            for one in throttle_uses(state, now_ns)
            if _is_asked(query, one.book, one.scope, one.scope_id)
        )
        return tuple(found), None

    async def fullest(self, most: int) -> tuple[tuple[LimitUseView, ...], int, int]:
        """Of the limits that are in use the ``most`` nearest to what they allow, how many are in use, and how many of
        them are exceeded."""
        state, now_ns = self._holder.state, self._clock.now_ns()
        touched = [
            (route, scope)
            for route in state.books
            for scope in state.risk_plan.all_scopes()
            if scope.kind is not ScopeKind.SYMBOL or not is_untouched(state, route, scope)
        ]
        used = [one for one in throttle_uses(state, now_ns) if one.use is not None]
        for place, uses in enumerate(measured_in(state, now_ns, touched)):
            used.extend(one for one in uses if one.use is not None)
            if place % _SCOPES_PER_SLICE == 0:
                await asyncio.sleep(0)
        nearest = heapq.nlargest(most, used, key=lambda one: one.use or ZERO)
        return tuple(limit_view(one) for one in nearest), len(used), sum(one.is_broken for one in used)

    def use_ratios(self) -> dict[tuple[str, str, str], float]:
        """By book, scope (``account:default``) and rule, for the metrics.

        Symbols have none: there may be thousands.
        """
        state, now_ns = self._holder.state, self._clock.now_ns()
        return _ratios((*limit_uses(state, now_ns, without=ScopeKind.SYMBOL), *throttle_uses(state, now_ns)))

    def daily_loss_ratios(self) -> dict[tuple[str, str, str], float]:
        """The same of ``daily_loss_limit`` alone, for the alerts: cheap enough for every few seconds."""
        uses = limit_uses(self._holder.state, self._clock.now_ns(), only="daily_loss_limit", without=ScopeKind.SYMBOL)
        return _ratios(uses)


def _ratios(uses: Iterable[LimitUse]) -> dict[tuple[str, str, str], float]:
    found: dict[tuple[str, str, str], float] = {}
    for one in uses:
        if one.use is not None and one.scope is not ScopeKind.SYMBOL:
            scope = one.scope.value if one.scope_id in ("", "gateway") else f"{one.scope.value}:{one.scope_id}"
            key = (one.book.value, scope, one.rule)
            found[key] = max(found.get(key, 0.0), float(one.use))
    return found


def _is_asked(query: LimitsQuery, book: str, scope: str, scope_id: str) -> bool:
    return query.book in (None, book) and query.scope in (None, scope) and query.scope_id in (None, scope_id)


def limit_view(one: LimitUse) -> LimitUseView:
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
