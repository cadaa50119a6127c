"""What a person sees of reconciliation, accepts of it, and settles of orders that no venue answers for."""

import logging
from decimal import Decimal

from gateway.domain.money import plain
from gateway.domain.orders import Actor, Order
from gateway.domain.reconciliation import HoldingDrift, SettleAs
from gateway.domain.reconciliation_events import DriftAcceptance, SettlementRequested
from gateway.ports.clock import Clock
from gateway.ports.intake import ControlRefused
from gateway.ports.reconciling import HoldingView, VenueReconciled
from gateway.service.engine import Engine
from gateway.service.reconciliation import Reconciler, Watched

_log = logging.getLogger(__name__)
_NS = 1_000_000_000


class AgreementDesk:
    """Implements ``ports.reconciling.Reconciliations``."""

    def __init__(self, engine: Engine, reconciler: Reconciler, clock: Clock) -> None:
        self._engine = engine
        self._reconciler = reconciler
        self._clock = clock

    def venues(self) -> tuple[VenueReconciled, ...]:
        state = self._engine.state
        names = sorted({*self._reconciler.watched, *state.agreements})
        return tuple(self._view(name, self._reconciler.watched.get(name)) for name in names)

    def _view(self, venue: str, watched: Watched | None) -> VenueReconciled:
        state = self._engine.state
        known, last = state.agreements.get(venue), None if watched is None else watched.sightings.last
        can = state.config.capabilities.get(venue)
        holdings = () if last is None else tuple(last.holdings.values())
        return VenueReconciled(
            venue=venue,
            adapter="" if can is None else can.adapter,
            read_ns=0 if watched is None else watched.read_ns,
            trouble="no order adapter runs for it now" if watched is None else watched.trouble,
            drifts=() if known is None else tuple(known.drifts.values()),
            differing=() if known is None else known.differing,
            foreign=() if known is None else tuple(known.foreign.values()),
            holdings=tuple(
                HoldingView(
                    symbol=one.symbol,
                    venue_qty=one.venue_qty,
                    book_qty=one.book_qty,
                    base_qty=one.base_qty,
                    difference=one.qty,
                    note=one.unsteady,
                )
                for one in holdings
            ),
            others={} if last is None else last.others,
        )

    async def accept(self, venue: str, symbol: str, qty: Decimal | None, actor: Actor, reason: str) -> HoldingDrift:
        known = self._engine.state.agreements.get(venue)
        drift = None if known is None else known.drifts.get(symbol)
        event = DriftAcceptance(
            ts_ns=self._clock.now_ns(), venue=venue, symbol=symbol, actor=actor, reason=reason, qty=qty
        )
        refusal = self._engine.process(event).refusal
        if refusal is not None:
            raise ControlRefused(refusal.code, refusal.text)
        assert drift is not None, "what is not there is refused"
        held = plain(drift.venue_qty)
        _log.warning("%s accepts that %s holds %s of %s: %s", actor.name, venue, held, symbol, reason)
        await self._engine.durable(self._engine.last_seq)
        return drift

    async def settle(
        self, order_id: str, settle_as: SettleAs, qty: Decimal | None, px: Decimal | None, actor: Actor, reason: str
    ) -> None:
        order = self._engine.state.orders.get(order_id)
        event = SettlementRequested(
            ts_ns=self._clock.now_ns(),
            order_id=order_id,
            settle_as=settle_as,
            actor=actor,
            reason=reason,
            qty=qty,
            px=px,
            venue_says="" if order is None else self._venue_says(order),
        )
        refusal = self._engine.process(event).refusal
        if refusal is not None:
            raise ControlRefused(refusal.code, refusal.text)
        _log.warning("order %s is settled as %s by %s: %s", order_id, settle_as, actor.name, reason)
        await self._engine.durable(self._engine.last_seq)

    def _venue_says(self, order: Order) -> str:
        """What the last reading of the venue has of the order, if it is from after the doubt began."""
        watched = self._reconciler.watched.get(order.venue)
        reading = None if watched is None else watched.reading
        if reading is None or reading.begun_ns < order.doubt_since_ns:
            return ""
        age_s = max(self._clock.now_ns() - reading.begun_ns, 0) // _NS
        for one in reading.open_orders:
            is_named_so = order.venue_order_id and one.venue_order_id == order.venue_order_id
            if one.order_id == order.order_id or (is_named_so and one.symbol == order.symbol):
                return f"listed it as open ({one.venue_order_id}) {age_s} s ago"
        booked = {fill.exec_id for fill in order.fills}
        for execution in reading.executions_after:
            if execution.order_id == order.order_id and execution.exec_id not in booked:
                return f"listed execution {execution.exec_id} of it {age_s} s ago, which is being booked"
        return ""
