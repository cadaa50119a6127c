"""Limits on counts, groups, accounts, short sales and correlation; and that none of them blocks a close."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.core.measuring import Priced, measured_order
from gateway.core.risk.listing import check_all
from gateway.domain.config import GapEvent, Limits, LimitTable
from gateway.domain.control import Control
from gateway.domain.enums import ExecType, Mode, ScopeKind, ShortSale, Side
from gateway.domain.events import FiguresObserved, MarksObserved
from gateway.domain.figures import RiskFigures
from gateway.domain.limit_controls import LIMIT_CONTROLS
from gateway.domain.market import MarketPhase, MarketView
from gateway.domain.reasons import RejectCode
from tests.unit.test_limits import codes, world_with
from tests.unit.test_market_limits import breaches
from tests.world import INSTRUMENTS, World, trading_config

D = Decimal
C = RejectCode


def test_open_orders_are_counted() -> None:
    """Without this, a loop could leave a thousand orders in the market."""
    world = World(trading_config(limits=Limits(max_open_orders=D(2))))
    first = world.place()
    assert breaches(world) == []
    assert breaches(world) == [C.MAX_OPEN_ORDERS]
    world.fill(first)
    assert breaches(world) == []


def test_open_positions_are_counted_with_those_on_order() -> None:
    """Without this, capital would be spread over more names than anyone watches; adding to one is no new position."""
    world = World(trading_config(limits=Limits(max_open_positions=D(2))))
    world.fill(world.place(symbol="AAPL"))
    world.place(symbol="TSLA", qty=1)
    assert breaches(world, symbol="BTC/USDT", qty=D("0.01")) == [C.MAX_OPEN_POSITIONS]
    assert breaches(world, symbol="AAPL") == []
    for order in world.state.open_orders():
        world.fill(order)
    assert breaches(world, symbol="BTC/USDT", qty=D("0.01")) == [C.MAX_OPEN_POSITIONS]
    world.fill(world.place(Side.SELL, 20, symbol="AAPL"))
    assert breaches(world, symbol="BTC/USDT", qty=D("0.01")) == []


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"min_account_balance": D("99000.01")}, [C.MIN_ACCOUNT_BALANCE]),
        ({"min_account_balance": D("99000.00")}, []),
        ({"min_account_balance": D("98999.99")}, []),
        ({"max_drawdown": D("0.0099")}, [C.MAX_DRAWDOWN]),
        ({"max_drawdown": D("0.01")}, []),
        ({"max_drawdown": D("0.0101")}, []),
    ],
)
def test_an_account_that_lost_takes_no_new_risk(limits: dict[str, Any], expected: list[RejectCode]) -> None:
    """Without this, an account would trade on what it no longer has. It lost 1,000 of 100,000."""
    world = World(trading_config(limits=Limits(**limits)))
    world.fill(world.place(qty=100))
    world.mark("AAPL", D("170.00"))
    assert breaches(world, symbol="TSLA") == expected
    assert breaches(world, symbol="TSLA", account="second") == []


def test_drawdown_is_measured_from_the_peak() -> None:
    """Without this, giving back a gain would not count. The peak is 102,000 and 5% of it are 5,100."""
    world = World(trading_config(limits=Limits(max_drawdown=D("0.05"))))
    world.fill(world.place(qty=100))
    world.mark("AAPL", D("200.00"))
    world.mark("AAPL", D("149.00"))
    assert breaches(world, symbol="TSLA") == []
    world.mark("AAPL", D("148.99"))
    assert breaches(world, symbol="TSLA") == [C.MAX_DRAWDOWN]


def test_margin_ties_up_less_than_the_value() -> None:
    """Without this, a future would need its whole contract value in cash, or nothing at all."""
    es = msgspec.structs.replace(INSTRUMENTS["ES"], margin_rate=D("0.1"))
    for power, expected in ((D(50_000), []), (D("50000.01"), [C.MIN_BUYING_POWER])):
        world = World(trading_config(limits=Limits(min_buying_power=power), instruments={**INSTRUMENTS, "ES": es}))
        world.fill(world.place(symbol="ES", qty=1))  # 250,000 USD, 25,000 of margin
        assert breaches(world, symbol="ES", qty=1) == expected


def test_risk_per_trade_counts_what_the_stop_lets_go() -> None:
    """Without this, the seeds' risk_per_trade would bind as if every position went to zero. 8% of 18,000 is 1,440."""
    for share, expected in ((D("0.0144"), []), (D("0.01439"), [C.RISK_PER_TRADE])):
        table = LimitTable(gateway=Limits(risk_per_trade=share), stop_loss_percentage=D("0.08"))
        assert breaches(World(trading_config(table=table)), qty=100) == expected


TECH = {
    symbol: msgspec.structs.replace(one, sector="tech") if symbol in ("AAPL", "TSLA") else one
    for symbol, one in INSTRUMENTS.items()
}


@pytest.mark.parametrize(
    ("table", "kind", "name"),
    [
        ({"sectors": {"tech": Limits(max_gross_exposure=D(4300))}}, ScopeKind.SECTOR, "tech"),
        ({"asset_classes": {"equity": Limits(max_gross_exposure=D(4300))}}, ScopeKind.ASSET_CLASS, "equity"),
        ({"venues": {"alpha": Limits(max_gross_exposure=D(4300))}}, ScopeKind.VENUE, "alpha"),
    ],
)
def test_a_group_of_symbols_has_limits_of_its_own(table: dict[str, Any], kind: ScopeKind, name: str) -> None:
    """Without this, ten names of one sector would pass as ten independent positions. 1,800 and 2,500 make 4,300."""
    world = World(trading_config(table=LimitTable(**table), instruments=TECH))
    world.fill(world.place(symbol="AAPL", qty=10))
    assert breaches(world, symbol="BTC/USDT", qty=D("0.1")) == []
    order = world.place(symbol="TSLA", qty=10)
    assert order.is_admitted
    denied = world.place(symbol="AAPL", qty=1)
    assert denied.reject is not None
    found = [(one.code, one.scope, one.scope_id, one.value) for one in denied.reject.breaches]
    assert found == [(C.MAX_GROSS_EXPOSURE, kind, name, "4480")]


def test_a_group_that_gets_limits_later_knows_what_is_held() -> None:
    """Without this, a limit that is added during the day would begin to count at nothing."""
    world = World(trading_config(instruments=TECH))
    world.fill(world.place(symbol="AAPL", qty=10))
    world.place(symbol="TSLA", qty=10)
    table = LimitTable(sectors={"tech": Limits(max_gross_exposure=D(4300))})
    world.load(trading_config(table=table, instruments=TECH, revision="grouped"))
    assert breaches(world, symbol="AAPL", qty=1) == [C.MAX_GROSS_EXPOSURE]


def test_net_exposure_binds_in_the_direction_of_the_order_only() -> None:
    """Without this, a hedge would be refused for the very exposure that it takes away."""
    world = World(trading_config(limits=Limits(max_net_exposure=D(1800))))
    world.fill(world.place(symbol="AAPL", qty=10))
    assert breaches(world, symbol="TSLA", qty=1) == [C.MAX_NET_EXPOSURE]
    assert breaches(world, side=Side.SELL, symbol="TSLA", qty=10) == []


def test_intraday_position_counts_from_the_start_of_the_day() -> None:
    """Without this, a position of yesterday would use up today's allowance, or turning it over would not count."""
    world = World(trading_config(limits=Limits(max_intraday_position=D(100))))
    world.send(MarksObserved(ts_ns=world.tick(), marks={}, venue_days={"alpha": 20_000}))
    world.fill(world.place(qty=100))
    assert breaches(world, qty=1) == [C.MAX_INTRADAY_POSITION]
    world.send(MarksObserved(ts_ns=world.tick(), marks={}, venue_days={"alpha": 20_001}))
    assert breaches(world, qty=101) == [C.MAX_INTRADAY_POSITION]
    assert breaches(world, qty=100) == []


SHORT: list[tuple[dict[str, Any], str, int, list[RejectCode]]] = [
    ({"short_sale": ShortSale.DENY}, "AAPL", 10, []),
    ({"short_sale": ShortSale.DENY}, "AAPL", 11, [C.SHORT_SALE_DENIED]),
    ({"short_sale": ShortSale.DENY}, "TSLA", 1, [C.SHORT_SALE_DENIED]),
    ({"short_sale": ShortSale.DENY}, "ES", 1, []),
    ({"short_sale": ShortSale.ALLOW}, "TSLA", 1, []),
    ({"no_short": ("TSLA",)}, "TSLA", 1, [C.SHORT_SALE_DENIED]),
    ({"no_short": ("ES",)}, "ES", 1, [C.SHORT_SALE_DENIED]),
    ({"no_short": ("TSLA",)}, "AAPL", 11, []),
    ({"restricted_symbols": {"TSLA": "research in progress"}}, "TSLA", 1, [C.RESTRICTED_SYMBOL]),
    ({"restricted_symbols": {"TSLA": "research in progress"}}, "AAPL", 1, []),
]


@pytest.mark.parametrize(("limits", "symbol", "qty", "expected"), SHORT)
def test_short_sales_and_restricted_symbols(
    limits: dict[str, Any], symbol: str, qty: int, expected: list[RejectCode]
) -> None:
    """Without this, shares would be sold that nobody borrowed. The account holds 10 AAPL through another strategy."""
    world = World(trading_config(limits=Limits(**limits)))
    world.fill(world.place(qty=10, strategy="s2"))
    order = world.place(Side.SELL, qty, symbol)
    assert ([] if order.reject is None else codes(order)) == expected
    if C.RESTRICTED_SYMBOL in expected:
        assert order.reject is not None
        assert "research in progress" in order.reject.text


def test_open_sales_count_as_sold() -> None:
    """Without this, what is held could be sold twice, once by each of two orders."""
    world = World(trading_config(limits=Limits(short_sale=ShortSale.DENY)))
    world.fill(world.place(qty=10, strategy="s2"))
    assert breaches(world, side=Side.SELL, qty=6) == []
    assert breaches(world, side=Side.SELL, qty=5) == [C.SHORT_SALE_DENIED]
    assert breaches(world, side=Side.SELL, qty=4) == []


def correlated(limit: str, rho: str, **figures: Any) -> World:
    world = World(trading_config(limits=Limits(max_correlation=D(limit))))
    fields = {
        "as_of_ns": world.now_ns,
        "volatility": {"AAPL": D("0.02"), "TSLA": D("0.03")},
        "correlations": {"AAPL": {"TSLA": D(rho)}},
        **figures,
    }
    world.send(FiguresObserved(ts_ns=world.tick(), figures=RiskFigures(**fields)))
    return world


@pytest.mark.parametrize(
    ("rho", "held", "side", "is_denied"),
    [
        ("0.79", Side.BUY, Side.BUY, False),
        ("0.80", Side.BUY, Side.BUY, False),
        ("0.81", Side.BUY, Side.BUY, True),
        ("0.81", Side.BUY, Side.SELL, False),
        ("0.81", Side.SELL, Side.SELL, True),
        ("-0.81", Side.BUY, Side.BUY, False),
        ("-0.81", Side.BUY, Side.SELL, True),
        ("-0.81", Side.SELL, Side.BUY, True),
        ("-0.80", Side.SELL, Side.BUY, False),
    ],
)
def test_a_position_that_moves_with_another_is_no_new_one(rho: str, held: Side, side: Side, is_denied: bool) -> None:
    """Without this, one bet could be placed five times under five names."""
    world = correlated("0.8", rho)
    world.fill(world.place(held, symbol="AAPL"))
    assert breaches(world, side=side, symbol="TSLA") == ([C.MAX_CORRELATION] if is_denied else [])


def test_orders_that_are_still_open_count_towards_correlation() -> None:
    """Without this, two correlated orders sent together would both pass."""
    world = correlated("0.8", "0.9")
    world.place(symbol="TSLA")
    assert breaches(world, symbol="AAPL") == [C.MAX_CORRELATION]


@pytest.mark.parametrize("limits", [{"max_correlation": D("0.8")}, {"volatility_target": D("0.5")}])
def test_figures_that_are_missing_or_old_are_refused_by_their_own_code(limits: dict[str, Any]) -> None:
    """Without this, a feed of statistics that died would switch two limits off."""
    world = World(trading_config(limits=Limits(**limits)))
    assert breaches(world) == [C.RISK_FIGURES_UNAVAILABLE]
    known = RiskFigures(as_of_ns=world.now_ns, volatility={"AAPL": D("0.02")})
    world.send(FiguresObserved(ts_ns=world.tick(), figures=known))
    assert breaches(world) == []
    assert breaches(world, symbol="TSLA") == [C.RISK_FIGURES_UNAVAILABLE]
    world.now_ns = known.as_of_ns + 86_400_000_000_000 - 1_000_000
    assert breaches(world) == []
    assert breaches(world) == [C.RISK_FIGURES_UNAVAILABLE]


#: For each limit, a value that nothing can satisfy, and what the market must look like for it to bite.
STRANGLING: dict[str, tuple[Any, dict[str, Any]]] = {
    "max_correlation": (D("0.000001"), {}),
    "require_market_data": (True, {"reference_px": None, "bid_px": None, "ask_px": None}),
    "max_market_data_age_ms": (D(1), {"age_ns": 10**12}),
    "deny_crossed_market": (True, {"bid_px": D(200), "ask_px": D(100)}),
    "max_spread_bps": (D(1), {"bid_px": D(100), "ask_px": D(200)}),
    "market_hours": (True, {"phase": MarketPhase.CLOSED}),
    "short_sale": (ShortSale.DENY, {}),
    "no_short": (("AAPL",), {}),
    "allowed_symbols": (("TSLA",), {}),
    "blocked_symbols": (("AAPL",), {}),
    "restricted_symbols": ({"AAPL": "listed"}, {}),
    "price_collar_window": (D("0.000001"), {"window_px": None}),
    "daily_loss_limit": (D(1), {}),
    "max_drawdown": (D("0.000001"), {}),
    "min_account_balance": (D(10**9), {}),
    "min_buying_power": (D(10**9), {}),
    "min_average_volume": (D(10**9), {}),
    "min_displayed_qty": (D(10**9), {}),
    "min_depth_multiple": (D(10**9), {}),
}
#: They look at the order alone, so they bind a close too.
FAT_FINGER = {"max_order_size", "max_order_value", "max_order_adv"}


@pytest.mark.parametrize("control", LIMIT_CONTROLS, ids=lambda control: control.rule_id)
@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.SHADOW])
@pytest.mark.parametrize("side", list(Side))
def test_no_rule_that_guards_new_risk_blocks_a_close(control: Control, mode: Mode, side: Side) -> None:
    """Invariant 3. Without this, the very limit that a bad day breaks would keep people in their positions."""
    world = world_with(mode=mode)
    away = Side.SELL if side is Side.BUY else Side.BUY
    world.fill(world.place(side, 10))
    world.mark("AAPL", D("170") if side is Side.BUY else D("190"))
    events: tuple[GapEvent, ...] = ()
    limits = Limits()
    if control.rule_id == "gap_events":
        events = (GapEvent(start_ns=0, end_ns=2**62, reason="for ever"),)
    else:
        value, world.market = STRANGLING.get(control.key, (D("0.000001"), {}))
        limits = Limits(**{control.key: value})
    table = LimitTable(gateway=limits, gap_events=events)
    instruments = dict(world.state.config.instruments)
    world.load(trading_config(mode, table=table, instruments=instruments, revision="strangled"))
    if control.key == "price_collar":  # binds a price, and a market order to close has none
        assert breaches(world, side=side, limit=D(200) if side is Side.BUY else D(160)) == [C.PRICE_COLLAR]
    elif control.key in ("short_sale", "no_short"):
        assert C.SHORT_SALE_DENIED in breaches(world, side=Side.SELL, qty=20, strategy="s2")
    elif control.key == "max_correlation":  # nothing is known of any correlation
        world.send(FiguresObserved(ts_ns=world.tick(), figures=RiskFigures(as_of_ns=world.now_ns)))
        assert breaches(world, side=side) == [C.RISK_FIGURES_UNAVAILABLE]
    else:
        assert breaches(world, side=side) != []
    assert breaches(world, side=away, qty=10) == ([control.code] if control.key in FAT_FINGER else [])


def test_every_rule_is_listed_with_limit_value_and_headroom() -> None:
    """Without this, people could not ask beforehand how far an order is from every limit, only run into one."""
    world = world_with(Limits(max_order_size=D(100), max_concentration=D("0.2"), min_buying_power=D(90_000)))
    order = world.place(qty=50)
    config = world.state.config
    priced = Priced(config.instruments["AAPL"], D(180), D(180), D(180), MarketView(reference_px=D(180)))
    world.report(order, ExecType.CANCELED)
    measured = measured_order(world.state, order, priced, order.order_qty)
    listed = list(check_all(measured.path, measured.book, measured.risk))
    assert [(one.rule_id, one.breach.limit, one.breach.value, one.headroom, one.is_broken) for one in listed] == [
        ("max_order_size", "100", "50", "50", False),
        ("max_concentration", "0.2", "0.09", "0.11", False),
        ("min_buying_power", "90000", "91000", "1000", False),
    ]
