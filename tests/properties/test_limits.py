"""The gate and the list of all its rules are two readings of one table: they never disagree, whatever has happened."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.measuring import Measured, Priced, measured_order
from gateway.core.risk.gate import RiskApproved, assess, is_within
from gateway.core.risk.listing import check_all
from gateway.core.risk.rules import LESS, RISK_RULES
from gateway.domain.config import Limits, LimitTable
from gateway.domain.enums import Mode, Route, ScopeKind, Side
from gateway.domain.market import MarketView
from tests.properties.streams import Step, live_through, operations
from tests.world import PRICES, World, trading_config

D = Decimal
#: Values around what the streams reach, so that each rule is sometimes broken and sometimes not.
_VALUES = st.sampled_from(
    [D(text) for text in ("0.000001", "0.01", "0.05", "0.2", "0.5", "0.99", "1", "3", "20", "60", "200")]
    + [D(text) for text in ("2000", "5000", "10000", "20000", "90000", "99000", "101000", "1000000")]
)
_FLAGS = ("require_market_data", "deny_crossed_market")
_TABLES = {
    "accounts": (ScopeKind.ACCOUNT, "default"),
    "strategies": (ScopeKind.STRATEGY, "s1"),
    "venues": (ScopeKind.VENUE, "alpha"),
    "symbols": (ScopeKind.SYMBOL, "AAPL"),
    "asset_classes": (ScopeKind.ASSET_CLASS, "equity"),
}


@st.composite
def tables(draw: st.DrawFn) -> LimitTable:
    """One or two rules in several scopes, by limits of their own: in more rules one would always hide the others."""
    rules = draw(st.lists(st.sampled_from(RISK_RULES), min_size=1, max_size=2, unique_by=lambda rule: rule.key))

    def limits(kind: ScopeKind) -> Limits:
        chosen: dict[str, Any] = {}
        for rule in rules:
            if kind in rule.control.scopes and draw(st.booleans()):
                chosen[rule.key] = True if rule.key in _FLAGS else draw(_VALUES)
        return Limits(**chosen)

    scopes: dict[str, Any] = {table: {name: limits(kind)} for table, (kind, name) in _TABLES.items()}
    return LimitTable(gateway=limits(ScopeKind.GATEWAY), stop_loss_percentage=D("0.08"), **scopes)


_ASKED = st.tuples(
    st.sampled_from(list(Side)),
    st.integers(1, 60),
    st.sampled_from(["AAPL", "TSLA", "BTC/USDT"]),
    st.sampled_from(["default", "second"]),
    st.sampled_from(["s1", "s2"]),
    st.booleans(),
)


def measured(world: World, asked: tuple[Side, int, str, str, str, bool]) -> Measured:
    """An order as the gate would see it, denied or not."""
    side, qty, symbol, account, strategy, is_limit = asked
    px = PRICES[symbol]
    order = world.place(side, D(qty), symbol, account=account, strategy=strategy, limit=px if is_limit else None)
    leg = world.legs(order)[0]
    if leg.is_open:
        world.cancel(leg)
    if leg.route is Route.SPLIT:  # denied as a whole
        leg = leg.copy()
        leg.route = Route.SHADOW
    view = MarketView(reference_px=px, bid_px=px, ask_px=px, age_ns=1)
    priced = Priced(world.state.config.instruments[symbol], px, px, px, view)
    return measured_order(world.state, leg, priced, D(qty))


@settings(max_examples=200)
@given(steps=operations(15), table=tables(), asked=_ASKED)
def test_the_gate_refuses_exactly_what_the_list_shows_as_broken(
    steps: list[Step], table: LimitTable, asked: tuple[Side, int, str, str, str, bool]
) -> None:
    """Without this, the short way that orders take could let something pass that people are shown as a breach."""
    world = World(trading_config(Mode.SHADOW))
    live_through(world, steps)
    world.resume()
    world.load(trading_config(Mode.SHADOW, table=table, revision="limited"))
    one = measured(world, asked)
    checks = list(check_all(one.path, one.book, one.risk))
    broken = [check for check in checks if check.is_broken]
    assert is_within(one.path, one.book, one.risk) == (not broken)
    verdict = assess(one.path, one.book, one.risk)
    assert isinstance(verdict, RiskApproved) == (not broken)
    if not isinstance(verdict, RiskApproved):
        assert verdict.breaches == tuple(check.breach for check in broken)
    lifted = assess(one.path, one.book, one.risk, frozenset(check.rule_id for check in broken))
    assert isinstance(lifted, RiskApproved)
    for check in checks:
        if check.headroom and not check.is_exempt and D(check.headroom) != 0:
            assert (D(check.headroom) < 0) == check.is_broken, check


def test_less_is_not_more() -> None:
    """Without this, a minimum could be compiled as a maximum."""
    assert {rule.key for rule in RISK_RULES if rule.breaks is LESS} == {
        rule.key for rule in RISK_RULES if rule.key.startswith("min_")
    }
