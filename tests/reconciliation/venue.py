"""A venue as reconciliation sees it: what it holds, has open and has executed, and a core that is told of it or not."""

from decimal import Decimal
from typing import Any

import msgspec

from gateway.core.reconciliation.agreeing import Sightings
from gateway.core.reconciliation.comparing import Comparison, compare
from gateway.domain.capabilities import Holdings, IdReuse, Reach, VenueCapabilities
from gateway.domain.enums import ExecType, Mode, OrdType, Side, TimeInForce
from gateway.domain.events import ReportsReceived
from gateway.domain.executions import ExecutionReport
from gateway.domain.money import ZERO
from gateway.domain.orders import Order
from gateway.domain.venue_account import AccountReading, VenueExecution, VenueOrder, VenuePosition
from tests.world import World, trading_config

D = Decimal
NS = 1_000_000_000
ALPHA = VenueCapabilities(
    adapter="alpha",
    id_reuse=IdReuse.NEVER_REFUSED,
    lookup=Reach.ALL,
    executions=Reach.ALL,
    holdings=Holdings.POSITIONS,
    order_types=tuple(OrdType),
    times_in_force=tuple(TimeInForce),
)
BETA = msgspec.structs.replace(ALPHA, adapter="beta", holdings=Holdings.BALANCES)


class Venue:
    """``alpha`` unless told otherwise. What happens here reaches the gateway only by ``tell``, or by reconciliation."""

    def __init__(self, world: World, name: str = "alpha") -> None:
        self.world = world
        self.name = name
        self.held: dict[str, Decimal] = {}
        self.open: dict[str, VenueOrder] = {}
        self.executions: list[VenueExecution] = []
        self.sightings = Sightings()
        #: What the archive gives of orders that left memory.
        self.archived: dict[str, Order] = {}
        self._count = 0

    @property
    def can(self) -> VenueCapabilities:
        return self.world.state.config.capabilities[self.name]

    def take(self, order: Order) -> None:
        """The order arrives and works."""
        self.open[order.order_id] = VenueOrder(
            venue_order_id=f"v-{order.order_id}",
            order_id=order.order_id,
            symbol=order.symbol,
            side=order.side,
            order_qty=order.order_qty,
        )

    def place_by_hand(self, symbol: str, qty: int, side: Side = Side.BUY) -> str:
        """Somebody else places an order."""
        self._count += 1
        key = f"hand-{self._count}"
        self.open[key] = VenueOrder(venue_order_id=key, symbol=symbol, side=side, order_qty=D(qty))
        return key

    def execute(
        self, key: str, qty: Decimal | int, px: int = 180, fee: Decimal = ZERO, fee_in: str = ""
    ) -> ExecutionReport:
        """An open order fills, in part or whole; returns the report that may be lost on the way."""
        self._count += 1
        order = self.open[key]
        one = VenueExecution(
            exec_id=f"e{self._count}",
            symbol=order.symbol,
            side=order.side,
            last_qty=D(qty),
            last_px=D(px),
            transact_ns=self.world.now_ns,
            order_id=order.order_id,
            venue_order_id=order.venue_order_id,
            fee=fee,
            fee_currency=fee_in,
        )
        self.executions.append(one)
        is_assets = self.can.holdings is Holdings.BALANCES
        held = order.symbol.partition("/")[0] if is_assets else order.symbol
        self.held[held] = self.held.get(held, ZERO) + order.side.sign * D(qty)
        if fee_in and is_assets:
            self.held[fee_in] = self.held.get(fee_in, ZERO) - fee
        filled = order.cum_qty + D(qty)
        self.open[key] = msgspec.structs.replace(order, cum_qty=filled)
        if filled >= order.order_qty:
            del self.open[key]
        return ExecutionReport(
            order_id=order.order_id,
            exec_type=ExecType.TRADE,
            transact_ns=one.transact_ns,
            exec_id=one.exec_id,
            last_qty=one.last_qty,
            last_px=one.last_px,
            fee=fee,
            fee_currency=fee_in,
            venue_order_id=one.venue_order_id,
        )

    def tell(self, *reports: ExecutionReport) -> None:
        self.world.send(ReportsReceived(ts_ns=self.world.tick(), reports=reports))

    def reading(self, **other: Any) -> AccountReading:
        """What the venue says now; ``other`` puts something else in its place."""
        is_balance = self.can.holdings is Holdings.BALANCES
        fields: dict[str, Any] = {
            "venue": self.name,
            "begun_ns": self.world.tick(),
            "ended_ns": self.world.tick(),
            "executions_before": tuple(self.executions),
            "executions_after": tuple(self.executions),
            "open_orders": tuple(self.open.values()),
            "positions": tuple(
                VenuePosition(symbol=symbol, qty=qty, is_balance=is_balance) for symbol, qty in self.held.items() if qty
            ),
        }
        return AccountReading(**{**fields, **other})

    def compared(self, reading: AccountReading | None = None) -> Comparison:
        """Read and compare; what was missed is booked as the service books it."""
        found = compare(self.world.state, self.can, reading or self.reading(), self.archived)
        if found.missing:
            self.tell(*found.missing)
        corrected = self.sightings.corrections(self.world.state, found)
        event = self.sightings.take(self.world.state, found)
        if event is not None:
            self.world.send(msgspec.structs.replace(event, ts_ns=self.world.tick()))
        if corrected:
            self.tell(*corrected)
        return found

    def look(self, times: int = 1) -> None:
        """Readings as far apart as the clock makes them."""
        for _ in range(times):
            self.world.tick(60 * NS)
            self.compared()

    @property
    def drifts(self) -> dict[str, Decimal]:
        agreement = self.world.state.agreements.get(self.name)
        return {} if agreement is None else {key: one.qty for key, one in agreement.drifts.items()}


def world_of(mode: Mode = Mode.LIVE) -> World:
    return World(trading_config(mode, weight_bp=10_000, capabilities={"alpha": ALPHA, "beta": BETA}))
