"""Reconciliation as a test wants it to be."""

from decimal import Decimal

from gateway.domain.enums import Side
from gateway.domain.orders import Actor
from gateway.domain.reconciliation import ExecutionDifference, ForeignOrder, HoldingDrift, SettleAs
from gateway.ports.intake import ControlRefused
from gateway.ports.reconciling import HoldingView, VenueReconciled

D = Decimal
DRIFT = HoldingDrift(
    venue="ibkr",
    symbol="AAPL",
    venue_qty=D(15),
    expected_qty=D(10),
    symbols=("AAPL",),
    since_ns=1_700_000_000_000_000_000,
)
FOREIGN = ForeignOrder(venue="ibkr", venue_order_id="991", symbol="TSLA", side=Side.BUY, order_qty=D(3), text="LMT")
EXECUTION = ExecutionDifference(
    venue="ibkr",
    symbol="AAPL",
    order_id="o1",
    exec_id="e1",
    booked_qty=D(10),
    booked_px=D(180),
    venue_qty=D(10),
    venue_px=D("179.5"),
    transact_ns=DRIFT.since_ns,
)
HOLDING = HoldingView(symbol="AAPL", venue_qty=D(15), book_qty=D(10), base_qty=D(0), difference=D(5))


class FakeAgreement:
    """Implements ``ports.reconciling.Reconciliations``: one venue, at which one thing differs. ``calls`` are the
    commands; ``refusal`` is raised by every one."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.refusal: ControlRefused | None = None

    def venues(self) -> tuple[VenueReconciled, ...]:
        one = VenueReconciled(
            venue="ibkr",
            adapter="ibkr",
            read_ns=DRIFT.since_ns,
            trouble="",
            drifts=(DRIFT,),
            differing=(EXECUTION,),
            foreign=(FOREIGN,),
            holdings=(HOLDING,),
            others={"GME": D(2)},
        )
        return (one,)

    async def accept(self, venue: str, symbol: str, qty: Decimal | None, actor: Actor, reason: str) -> HoldingDrift:
        self._enter("accept", venue, symbol, qty, actor.name, reason)
        return DRIFT

    async def settle(
        self, order_id: str, settle_as: SettleAs, qty: Decimal | None, px: Decimal | None, actor: Actor, reason: str
    ) -> None:
        self._enter("settle", order_id, settle_as, qty, px, actor.name, reason)

    def _enter(self, *call: object) -> None:
        self.calls.append(call)
        if self.refusal is not None:
            raise self.refusal
