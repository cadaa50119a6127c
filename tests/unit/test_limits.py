"""Every limit of the seeds just below, at and just above its figure, in every scope, alone and together."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.domain.config import Limits, LimitTable
from gateway.domain.enums import Mode, Route, ScopeKind, Side
from gateway.domain.events import FiguresObserved, MarksObserved
from gateway.domain.figures import RiskFigures
from gateway.domain.orders import Order
from gateway.domain.reasons import RejectCode
from tests.world import INSTRUMENTS, World, trading_config

D = Decimal
#: key, limit, quantity of a 180.00 USD share that is exactly at it, code. Equity is 100,000 USD, 1,000 shares are
#: traded on an ordinary day, and the share moves by 2% on one.
ORDER_TABLE: list[tuple[str, str, int, RejectCode]] = [
    ("max_order_size", "100", 100, RejectCode.MAX_ORDER_SIZE),
    ("max_order_value", "18000", 100, RejectCode.MAX_ORDER_VALUE),
    ("max_order_adv", "0.1", 100, RejectCode.MAX_ORDER_ADV),
    ("risk_per_trade", "0.18", 100, RejectCode.RISK_PER_TRADE),
    ("max_open_order_value", "18000", 100, RejectCode.MAX_OPEN_ORDER_VALUE),
]
#: Those that positions count towards as well as open orders.
POSITION_TABLE: list[tuple[str, str, int, RejectCode]] = [
    ("max_position_size", "100", 100, RejectCode.MAX_POSITION_SIZE),
    ("max_position_value", "18000", 100, RejectCode.MAX_POSITION_VALUE),
    ("max_concentration", "0.18", 100, RejectCode.MAX_CONCENTRATION),
    ("max_intraday_position", "100", 100, RejectCode.MAX_INTRADAY_POSITION),
    ("max_adv_participation", "0.1", 100, RejectCode.MAX_ADV_PARTICIPATION),
    ("volatility_target", "0.0036", 100, RejectCode.VOLATILITY_TARGET),
    ("max_leverage", "0.18", 100, RejectCode.MAX_LEVERAGE),
    ("max_portfolio_exposure", "0.18", 100, RejectCode.MAX_PORTFOLIO_EXPOSURE),
    ("max_gross_exposure", "18000", 100, RejectCode.MAX_GROSS_EXPOSURE),
    ("max_gross_exposure", "0.18", 100, RejectCode.MAX_GROSS_EXPOSURE),
    ("max_net_exposure", "18000", 100, RejectCode.MAX_NET_EXPOSURE),
    ("max_net_exposure", "0.18", 100, RejectCode.MAX_NET_EXPOSURE),
    ("max_margin_use", "0.18", 100, RejectCode.MAX_MARGIN_USE),
    ("min_buying_power", "82000", 100, RejectCode.MIN_BUYING_POWER),
]
TABLE = [*ORDER_TABLE, *POSITION_TABLE]
AAPL = msgspec.structs.replace(INSTRUMENTS["AAPL"], average_daily_volume=D(1000))


def world_with(limits: Limits | None = None, mode: Mode = Mode.SHADOW, **fields: Any) -> World:
    """A gateway that knows of AAPL how much is traded and how much it moves."""
    world = World(trading_config(mode, limits=limits, instruments={**INSTRUMENTS, "AAPL": AAPL}, **fields))
    figures = RiskFigures(as_of_ns=world.now_ns, volatility={"AAPL": D("0.02"), "TSLA": D("0.03")})
    world.send(FiguresObserved(ts_ns=world.tick(), figures=figures))
    return world


def codes(order: Order) -> list[RejectCode]:
    assert order.reject is not None
    return [breach.code for breach in order.reject.breaches]


@pytest.mark.parametrize(("key", "limit", "at", "code"), TABLE)
@pytest.mark.parametrize("side", list(Side))
def test_below_and_at_a_limit_pass_and_above_is_denied(
    key: str, limit: str, at: int, code: RejectCode, side: Side
) -> None:
    """Without this, a limit could bite one share too early, or one too late, or on one side only."""
    for qty, is_denied in ((at - 1, False), (at, False), (at + 1, True)):
        world = world_with(Limits(**{key: D(limit)}))
        order = world.place(side, qty)
        assert order.is_admitted != is_denied
        if is_denied:
            assert codes(order) == [code]
            assert order.reject is not None
            assert limit in order.reject.text
            assert key in order.reject.text


@pytest.mark.parametrize(("key", "limit", "at", "code"), POSITION_TABLE)
def test_open_orders_and_positions_count_towards_a_limit(key: str, limit: str, at: int, code: RejectCode) -> None:
    """Without this, a limit could be passed by many small orders, filled or still open."""
    world = world_with(Limits(**{key: D(limit)}))
    world.fill(world.place(qty=at // 2))
    world.place(qty=at // 4)
    assert world.place(qty=at - at // 2 - at // 4).is_admitted
    assert codes(world.place(qty=1)) == [code]


def test_daily_loss_as_an_amount_and_as_a_share() -> None:
    """Without this, losses of the day (realized, unrealized, fees) would not stop new risk."""
    for limit in (D(1000), D("0.01")):
        world = World(trading_config(limits=Limits(daily_loss_limit=limit)))
        world.fill(world.place(qty=100))
        world.mark("AAPL", D("170.01"))
        assert world.place(symbol="TSLA").is_admitted
        world.mark("AAPL", D("170.00"))
        denied = world.place(symbol="TSLA")
        assert codes(denied) == [RejectCode.DAILY_LOSS_LIMIT]
        world.fill(world.place(Side.SELL, 100), px=D("170"))
        assert world.position(Route.SHADOW) == 0
        assert codes(world.place(symbol="TSLA")) == [RejectCode.DAILY_LOSS_LIMIT]
        world.tick(86_400_000_000_000)
        world.send(MarksObserved(ts_ns=world.now_ns, marks={}))
        assert world.place(symbol="TSLA").is_admitted


def test_all_breaches_are_listed_with_limit_value_and_scope() -> None:
    """Without this, a trader would correct one thing at a time and be denied again."""
    table = LimitTable(
        gateway=Limits(max_order_size=D(50), max_order_value=D(1000)),
        accounts={"default": Limits(max_position_size=D(40))},
        strategies={"s1": Limits(max_position_size=D(30))},
        symbols={"AAPL": Limits(max_order_size=D(20))},
    )
    order = World(trading_config(table=table)).place(qty=60)
    assert order.reject is not None
    found = [(b.code, b.scope, b.scope_id, b.limit, b.value) for b in order.reject.breaches]
    assert found == [
        (RejectCode.MAX_ORDER_SIZE, ScopeKind.GATEWAY, "gateway", "50", "60"),
        (RejectCode.MAX_ORDER_VALUE, ScopeKind.GATEWAY, "gateway", "1000", "10800"),
        (RejectCode.MAX_POSITION_SIZE, ScopeKind.ACCOUNT, "default", "40", "60"),
        (RejectCode.MAX_POSITION_SIZE, ScopeKind.STRATEGY, "s1", "30", "60"),
        (RejectCode.MAX_ORDER_SIZE, ScopeKind.SYMBOL, "AAPL", "20", "60"),
    ]


@pytest.mark.parametrize(
    ("table", "is_admitted"),
    [
        (LimitTable(gateway=Limits(max_order_size=D(10)), accounts={"default": Limits(max_order_size=D(5))}), False),
        (LimitTable(gateway=Limits(max_order_size=D(5)), accounts={"default": Limits(max_order_size=D(10))}), False),
        (LimitTable(gateway=Limits(max_order_size=D(10)), accounts={"second": Limits(max_order_size=D(5))}), True),
        (LimitTable(strategies={"s1": Limits(max_order_size=D(5))}), False),
        (LimitTable(strategies={"s2": Limits(max_order_size=D(5))}), True),
        (LimitTable(symbols={"TSLA": Limits(max_order_size=D(5))}), True),
    ],
)
def test_the_strictest_scope_decides(table: LimitTable, is_admitted: bool) -> None:
    """Without this, a wide limit in one scope would lift a narrow one in another."""
    assert World(trading_config(table=table)).place(qty=8).is_admitted == is_admitted


def test_a_position_is_measured_over_its_own_scope() -> None:
    """Without this, one account's position would use up another's limit, or escape the gateway's."""
    table = LimitTable(gateway=Limits(max_position_size=D(15)), accounts={"second": Limits(max_position_size=D(8))})
    world = World(trading_config(table=table))
    assert world.place(qty=10, account="default").is_admitted
    assert not world.place(qty=9, account="second").is_admitted
    assert world.place(qty=5, account="second").is_admitted
    assert not world.place(qty=1, account="second").is_admitted


@pytest.mark.parametrize(
    ("limits", "symbol", "code"),
    [
        (Limits(allowed_symbols=("TSLA",)), "AAPL", RejectCode.SYMBOL_NOT_ALLOWED),
        (Limits(blocked_symbols=("AAPL",)), "AAPL", RejectCode.SYMBOL_BLOCKED),
        (Limits(allowed_symbols=("AAPL",)), "AAPL", None),
        (Limits(blocked_symbols=("TSLA",)), "AAPL", None),
    ],
)
def test_symbol_lists(limits: Limits, symbol: str, code: RejectCode | None) -> None:
    """Without this, a restricted symbol could be traded; an empty list allows all."""
    order = World(trading_config(limits=limits)).place(symbol=symbol)
    assert order.is_admitted == (code is None)
    if code is not None:
        assert codes(order) == [code]


def test_the_books_are_kept_apart() -> None:
    """Without this, simulated positions would use up live limits, or hide behind them."""
    world = World(trading_config(Mode.SHADOW, limits=Limits(max_position_size=D(10))))
    world.fill(world.place(qty=10))
    world.load(trading_config(Mode.LIVE, limits=Limits(max_position_size=D(10)), revision="live"))
    order = world.place(qty=10, strategy="s2")
    assert order.route is Route.LIVE
    assert order.is_admitted


def test_futures_count_with_their_multiplier() -> None:
    """Without this, one ES contract would count as 5,000 USD instead of 250,000."""
    world = World(trading_config(limits=Limits(max_order_value=D(249_999))))
    order = world.place(symbol="ES", qty=1)
    assert order.reject is not None
    assert order.reject.breaches[0].value == "250000"
