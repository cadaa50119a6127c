"""Orders without HTTP: the events that an order is, and what the simulator would report on it."""

from decimal import Decimal

from msgspec.structs import replace

from gateway.adapters.http.placing import read_order
from gateway.core.identity import fingerprint
from gateway.domain.config import TradingConfig
from gateway.domain.effects import EvaluatePolicy
from gateway.domain.enums import ExecType, OrdType, Role, TimeInForce
from gateway.domain.events import OrderReceived, ReportsReceived
from gateway.domain.executions import ExecutionReport
from gateway.domain.market import MarketView
from gateway.domain.orders import Actor, Order
from gateway.domain.records import Record

TRADER = Actor("bench", Role.TRADER)
_BASIS_POINT = Decimal("0.0001")


class NoTelemetry:
    """Implements ``ports.telemetry.Telemetry``: counts nothing."""

    def on_record(self, record: Record) -> None: ...

    def on_order(self, venue: str, decide_ns: int, journal_ns: int, total_ns: int) -> None: ...

    def on_commit(self, batch: int, elapsed_ns: int) -> None: ...

    def on_journal_failure(self) -> None: ...

    def on_policy(self, is_allowed: bool, failure: str | None, elapsed_ns: int) -> None: ...

    def on_config(self, is_applied: bool, revision: str, now_ns: int) -> None: ...


def received(body: bytes, number: int, config: TradingConfig, now_ns: int) -> OrderReceived:
    """The event of an order with this body, at the price where the symbol's walk begins."""
    request = read_order(body)
    px = config.instruments[request.symbol].reference_px
    assert px is not None, request.symbol
    tick = config.instruments[request.symbol].tick_size
    view = MarketView(reference_px=px, bid_px=px - tick, ask_px=px + tick, age_ns=1_000_000, is_synthetic=True)
    return OrderReceived(
        ts_ns=now_ns,
        order_id=f"o-bench-{number:x}",
        request=request,
        fingerprint=fingerprint(request),
        actor=TRADER,
        view=view,
    )


def policy_question(effects: tuple[object, ...]) -> EvaluatePolicy:
    """What the policy is to be asked; an order that was denied before is a mistake of the benchmark."""
    for effect in effects:
        if isinstance(effect, EvaluatePolicy):
            return effect
    raise AssertionError("the order was denied: it never came to the policy")


def reports_on(order: Order, now_ns: int) -> ReportsReceived:
    """What a simulator says next: acknowledged, and filled, or without a fill when it is a passive IOC order."""
    new = ExecutionReport(
        order_id=order.order_id,
        exec_type=ExecType.NEW,
        transact_ns=now_ns,
        venue_order_id=f"sim-{order.order_id}",
    )
    if order.ord_type is OrdType.LIMIT and order.time_in_force is TimeInForce.IOC:
        end = replace(new, exec_type=ExecType.CANCELED, text="nothing to take at the limit")
    else:
        px = order.arrival_px or order.held_unit
        end = replace(
            new,
            exec_type=ExecType.TRADE,
            exec_id=f"x-{order.order_id}",
            last_qty=order.order_qty,
            last_px=px,
            fee=order.order_qty * px * _BASIS_POINT,
        )
    return ReportsReceived(ts_ns=now_ns, reports=(new, end))
