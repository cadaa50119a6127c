"""Figure 6: the complete gate: every rule configured, in every scope, with many positions and open orders.

What is timed is all that stands between an order and its hold: trading state, session, connection and every limit.
Nothing is scanned, so ten times the positions must cost the same. It is computation alone, which waits for nothing, so
CPU time is what it takes, and on a shared machine the only figure that is its own; the clock on the wall is a note.
"""

import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from gateway.core.apply import apply_record
from gateway.core.decide import decide
from gateway.core.measuring import Priced, measured_order
from gateway.core.refusal import refusal_of
from gateway.core.state import GatewayState
from gateway.domain.config import AccountConfig, GapEvent, Limits, LimitTable, TradingConfig, VenueMode
from gateway.domain.enums import Mode, OrdType, ScopeKind, ShortSale, Side, TimeInForce
from gateway.domain.events import ConfigLoaded, Event, FiguresObserved, OrderReceived, PolicyVerdict
from gateway.domain.figures import RiskFigures
from gateway.domain.instruments import Instrument
from gateway.domain.limit_controls import LIMIT_CONTROLS
from gateway.domain.market import MarketView
from gateway.domain.orders import NewOrderSingle, Order
from tests.bench.figures import Report, duration, quantile, spread
from tests.bench.inprocess import TRADER, reports_on
from tests.bench.sizes import Sizes
from tests.bench.stage import Stage

TARGET_P50_US = 60
TARGET_P99_US = 150
#: Ten times the positions may cost this much more, which is noise.
TARGET_GROWTH = 1.25
_ACCOUNTS, _STRATEGIES, _SECTORS = 10, 20, 11
_CORRELATED = 400
_NOW_NS = 1_790_000_000_000_000_000
_D = Decimal
_WIDE = _D(10**12)

#: Every limit of every scope, none of which any order of the benchmark breaks.
LIMITS: dict[str, Any] = {
    **dict.fromkeys(
        (
            *("max_order_size", "max_order_value", "max_position_size", "max_position_value", "max_intraday_position"),
            *("max_open_order_value", "max_gross_exposure", "max_net_exposure", "max_open_orders"),
            *("max_open_positions", "daily_loss_limit", "max_leverage", "max_market_data_age_ms", "max_spread_bps"),
            "volatility_target",
        ),
        _WIDE,
    ),
    **dict.fromkeys(("max_order_adv", "max_adv_participation", "price_collar", "price_collar_window"), _D("0.5")),
    **dict.fromkeys(("max_concentration", "max_portfolio_exposure", "max_margin_use", "max_drawdown"), _D("0.99")),
    **dict.fromkeys(("min_buying_power", "min_account_balance"), _D(0)),
    **dict.fromkeys(("min_displayed_qty", "min_depth_multiple", "min_average_volume"), _D(1)),
    **dict.fromkeys(("require_market_data", "deny_crossed_market", "market_hours"), True),
    "risk_per_trade": _D("0.5"),
    "max_correlation": _D("0.8"),
    "short_sale": ShortSale.DENY,
    "no_short": ("S1",),
    "blocked_symbols": ("NONE",),
    "restricted_symbols": {"NONE": "no such thing"},
}
_SCOPES = {control.key: control.scopes for control in LIMIT_CONTROLS}
_ALLOW = PolicyVerdict(is_allowed=True)
_VIEW = MarketView(
    reference_px=_D("100.00"),
    bid_px=_D("99.99"),
    ask_px=_D("100.01"),
    bid_qty=_D(5_000),
    ask_qty=_D(5_000),
    window_px=_D("100.00"),
    age_ns=1_000_000,
)


class FullGate:
    """A gateway with ``positions`` positions and twice as many open orders, and everything configured."""

    def __init__(self, positions: int, instruments: int) -> None:
        self.state = GatewayState()
        self._count = 0
        symbols = [f"S{n}" for n in range(instruments)]
        config = _config(symbols)
        self._take(ConfigLoaded(ts_ns=_NOW_NS, config=config, actor=TRADER))
        for n in range(positions):
            self._take(reports_on(self._place(n, symbols[n % instruments]), _NOW_NS))
        for n in range(2 * positions):
            self._place(n, symbols[n % instruments])
        full = msgspec.structs.replace(config, revision="full", limits=_table(symbols))
        self._take(ConfigLoaded(ts_ns=_NOW_NS, config=full, actor=TRADER))
        self._take(FiguresObserved(ts_ns=_NOW_NS, figures=_figures(symbols)))
        #: What is asked of it: orders that exist already, so that nothing but the gate is timed.
        self.asked = [order for order in self.state.orders.values() if order.is_open][:200]

    def _take(self, event: Event) -> None:
        apply_record(self.state, decide(self.state, event).facts)

    def _place(self, number: int, symbol: str) -> Order:
        self._count += 1
        request = NewOrderSingle(
            symbol=symbol,
            side=Side.BUY,
            order_qty=_D(10),
            ord_type=OrdType.LIMIT,
            limit_px=_D("100.01"),
            time_in_force=TimeInForce.DAY,
            account=f"a{number % _ACCOUNTS}",
            strategy_id=f"s{number % _STRATEGIES}",
            cl_ord_id=f"c{self._count}",
        )
        event = OrderReceived(
            ts_ns=_NOW_NS,
            order_id=f"o{self._count}",
            request=request,
            fingerprint="",
            actor=TRADER,
            view=_VIEW,
            verdicts=(_ALLOW,),
        )
        self._take(event)
        order = self.state.orders[event.order_id]
        assert order.is_admitted, order.reject
        return order

    def ask(self, order: Order) -> None:
        """Put one order to the gate; it must pass."""
        instrument = self.state.config.instruments[order.symbol]
        priced = Priced(instrument, _D("100.01"), _D("100.00"), _D("100.00"), _VIEW)
        assert refusal_of(self.state, order, measured_order(self.state, order, priced, order.order_qty)) is None

    def time_orders(self, count: int) -> list[tuple[float, float]]:
        """Microseconds of each, of CPU and on the wall; the first tenth is left out."""
        times = []
        for n in range(count + count // 10):
            order = self.asked[n % len(self.asked)]
            begun_ns, cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
            self.ask(order)
            times.append(((time.thread_time_ns() - cpu_ns) / 1e3, (time.perf_counter_ns() - begun_ns) / 1e3))
        return times[count // 10 :]


def _config(symbols: Sequence[str]) -> TradingConfig:
    return TradingConfig(
        revision="plain",
        venues={"alpha": VenueMode(mode=Mode.SHADOW)},
        instruments={
            symbol: Instrument(
                symbol=symbol,
                venue="alpha",
                currency="USD",
                sector=f"sector{n % _SECTORS}",
                margin_rate=_D("0.5"),
                average_daily_volume=_D(100_000),
            )
            for n, symbol in enumerate(symbols)
        },
        accounts={f"a{n}": AccountConfig(initial_cash=_D(10**9)) for n in range(_ACCOUNTS)},
    )


def _table(symbols: Sequence[str]) -> LimitTable:
    def scope(kind: ScopeKind) -> Limits:
        return Limits(**{key: value for key, value in LIMITS.items() if kind in _SCOPES[key]})

    return LimitTable(
        gateway=scope(ScopeKind.GATEWAY),
        accounts={f"a{n}": scope(ScopeKind.ACCOUNT) for n in range(_ACCOUNTS)},
        strategies={f"s{n}": scope(ScopeKind.STRATEGY) for n in range(_STRATEGIES)},
        venues={"alpha": scope(ScopeKind.VENUE)},
        symbols=dict.fromkeys(symbols, scope(ScopeKind.SYMBOL)),
        sectors={f"sector{n}": scope(ScopeKind.SECTOR) for n in range(_SECTORS)},
        asset_classes={"equity": scope(ScopeKind.ASSET_CLASS)},
        gap_events=tuple(
            GapEvent(start_ns=n, end_ns=n + 1, reason="earnings", symbols=(symbols[n % len(symbols)],))
            for n in range(1_000)
        ),
    )


def _figures(symbols: Sequence[str]) -> RiskFigures:
    """Volatilities of all, correlations of the first few hundred; one pair in a hundred is beyond the limit, and
    leans the other way from what is held."""
    some = symbols[:_CORRELATED]
    return RiskFigures(
        as_of_ns=_NOW_NS,
        volatility=dict.fromkeys(symbols, _D("0.02")),
        correlations={
            one: {
                other: _D("-0.9") if (i * 7 + j * 13) % 100 == 0 else _D("0.3")
                for j, other in enumerate(some)
                if one < other
            }
            for i, one in enumerate(some)
        },
    )


def run(stage: Stage, sizes: Sizes) -> Report:
    report = Report()
    gates = [FullGate(count, sizes.gate_instruments) for count in (sizes.gate_positions, 10 * sizes.gate_positions)]
    # In turns, so that the noise of the machine falls on both alike.
    rounds = [[gate.time_orders(sizes.gate_orders) for gate in gates] for _ in range(sizes.gate_rounds)]
    times = [[one for turn in turns for one in turn] for turns in zip(*rounds, strict=True)]
    few, many = (sorted(cpu for cpu, _ in each) for each in times)
    on_the_wall = sorted(wall for _, wall in times[0])
    for name, share, target in (("p50", 0.5, TARGET_P50_US), ("p99", 0.99, TARGET_P99_US)):
        reached = quantile(few, share)
        report.add(f"complete gate, {name}", f"<= {target} us", duration(reached), reached <= target)
    growth = quantile(many, 0.5) / quantile(few, 0.5)
    report.add(
        "complete gate, ten times the positions", f"<= {TARGET_GROWTH:.2f}x", f"{growth:.2f}x", growth <= TARGET_GROWTH
    )
    rules = sum(len(scope.bindings) for scope in gates[0].state.risk_plan.path("a0", "s0", _first(gates[0])).scopes)
    report.notes += [
        f"gate: {sizes.gate_positions} positions, {2 * sizes.gate_positions} open orders, {sizes.gate_instruments} "
        f"instruments; {rules} limits in 7 scopes bind each order",
        f"  CPU: {spread(few)}",
        f"  CPU with ten times the positions and orders: {spread(many)}",
        f"  on the wall, beside whatever else this machine does: {spread(on_the_wall)}",
    ]
    return report


def _first(gate: FullGate) -> Instrument:
    return next(iter(gate.state.config.instruments.values()))
