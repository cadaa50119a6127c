"""Which edits loosen a limit: each value by its own direction, and lower modes apart."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.directions import DIRECTIONS
from gateway.core.loosening import Change, compare, with_lower_modes
from gateway.domain.breakers import BreakerAction, BreakerConfig
from gateway.domain.config import AccountConfig, Limits, LimitTable, TradingConfig, VenueMode
from gateway.domain.days import DayRoll
from gateway.domain.enums import Mode, SelfMatchPrevention, SelfMatchScope
from gateway.domain.instruments import Instrument
from gateway.domain.rollout import CanaryCaps, DemotionTerms, Promotions, Rollout, RolloutStep
from gateway.domain.throttles import Executions, RepeatedExecutions, Throttles, ThrottleTable

D = Decimal
BASE = TradingConfig(revision="r")


def limits(**values: Any) -> TradingConfig:
    return TradingConfig(revision="r", limits=LimitTable(gateway=Limits(**values)))


def structs_within(kind: Any) -> Iterator[type]:
    """Every struct that a value of ``kind`` may hold."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
        for hint in get_type_hints(kind).values():
            yield from structs_within(hint)
    for argument in get_args(kind):
        yield from structs_within(argument)


def test_every_value_of_the_configuration_has_a_direction() -> None:
    """Without this, a new limit could be loosened by anybody who can edit a file. Add it to DIRECTIONS."""
    for kind in set(structs_within(TradingConfig)):
        assert set(DIRECTIONS[kind]) == set(kind.__struct_fields__), kind.__name__


@pytest.mark.parametrize(
    ("old", "new", "is_looser"),
    [
        ({"max_order_value": D(2)}, {"max_order_value": D(1)}, False),
        ({"max_order_value": D(1)}, {"max_order_value": D(2)}, True),
        ({"max_order_value": D(1)}, {}, True),
        ({}, {"max_order_value": D(1)}, False),
        ({"daily_loss_limit": D(5000)}, {"daily_loss_limit": D(6000)}, True),
        ({"daily_loss_limit": D("0.02")}, {"daily_loss_limit": D("0.01")}, False),
        ({"daily_loss_limit": D("0.02")}, {"daily_loss_limit": D(1)}, True),  # cannot be compared
        ({"daily_loss_limit": D(5000)}, {"daily_loss_limit": D("0.01")}, True),
        ({"allowed_symbols": ("A", "B")}, {"allowed_symbols": ("A",)}, False),
        ({"allowed_symbols": ("A",)}, {"allowed_symbols": ("A", "B")}, True),
        ({"allowed_symbols": ("A",)}, {"allowed_symbols": ("B",)}, True),
        ({"allowed_symbols": ("A",)}, {}, True),  # an empty list permits all
        ({}, {"allowed_symbols": ("A",)}, False),
        ({"blocked_symbols": ("A",)}, {"blocked_symbols": ("A", "B")}, False),
        ({"blocked_symbols": ("A", "B")}, {"blocked_symbols": ("A",)}, True),
    ],
)
def test_the_direction_of_a_limit(old: dict[str, Any], new: dict[str, Any], is_looser: bool) -> None:
    """Without it a list that shrinks, or a limit that goes, would be taken for the wrong thing."""
    change = compare(limits(**old), limits(**new))
    assert (bool(change.looser), bool(change.tighter)) == (is_looser, not is_looser)


def test_a_scope_that_goes_takes_its_limits_along() -> None:
    """Without it deleting an account's limits as a whole would loosen them unseen."""
    table = LimitTable(accounts={"default": Limits(max_order_size=D(5))}, symbols={"AAPL": Limits(max_leverage=D(1))})
    change = compare(TradingConfig(revision="r", limits=table), BASE)
    assert change.looser == (
        "risk.accounts.default.max_order_size 5 -> none",
        "risk.symbols.AAPL.max_leverage 1 -> none",
    )
    assert compare(BASE, TradingConfig(revision="r", limits=table)).looser == ()


def test_what_else_bounds_risk() -> None:
    """Without it a canary's cap, the approved symbols or the equity that ratios refer to could be raised unseen."""
    old = TradingConfig(
        revision="r",
        rollout=Rollout(caps={"ibkr": CanaryCaps(max_live_orders=5)}),
        approved_symbols=("AAPL",),
        reprice_reserve_bps=D(50),
    )
    new = TradingConfig(revision="q", accounts={"default": AccountConfig(initial_cash=D(200_000))})
    assert compare(old, new).looser == (
        "caps.ibkr.max_live_orders 5 -> none",
        "accounts.default.initial_cash 100000 -> 200000",
        "policy.approved_symbols [AAPL] -> none",
        "reprice_reserve_bps 50 -> 0",
    )
    assert compare(new, old).looser == ()


def test_an_edit_may_do_both() -> None:
    """Without it the tightening half of an edit could not be told from the half that waits for approval."""
    change = compare(limits(max_order_size=D(1), max_leverage=D(2)), limits(max_order_size=D(2), max_leverage=D(1)))
    assert change == Change(looser=("limits.max_order_size 1 -> 2",), tighter=("limits.max_leverage 2 -> 1",))


_MODES = st.sampled_from(list(Mode))
_VENUES = st.dictionaries(
    st.sampled_from(["a", "b", "c"]),
    st.builds(VenueMode, mode=_MODES, canary_weight_bp=st.sampled_from([0, 100, 2_500, 10_000])),
)
_CONFIGS = st.builds(
    lambda mode, venues, size: TradingConfig(
        revision="r", global_mode=mode, venues=venues, limits=LimitTable(gateway=Limits(max_order_size=size))
    ),
    _MODES,
    _VENUES,
    st.sampled_from([None, D(1), D(2)]),
)


@given(_CONFIGS, _CONFIGS)
def test_lower_modes_never_wait_and_nothing_else_moves(old: TradingConfig, new: TradingConfig) -> None:
    """Without it a demotion would wait beside a limit, or an approval be passed by (invariant 10)."""
    part = with_lower_modes(old, new)
    for venue in {*old.venues, *new.venues}:
        assert part.weight_bp(venue) == min(old.weight_bp(venue), new.weight_bp(venue))
        assert part.effective_mode(venue).rank == min(old.effective_mode(venue).rank, new.effective_mode(venue).rank)
    assert part.limits == old.limits
    assert with_lower_modes(part, new) == part


@given(_CONFIGS, _CONFIGS, _CONFIGS)
def test_what_tightens_twice_tightens(one: TradingConfig, two: TradingConfig, three: TradingConfig) -> None:
    """Without it a limit could be loosened by two edits that each pass for a tightening."""
    if not compare(one, two).looser and not compare(two, three).looser:
        assert not compare(one, three).looser


@pytest.mark.parametrize(
    ("old", "new", "is_looser"),
    [
        ({"max_messages_per_second": D(5)}, {"max_messages_per_second": D(6)}, True),
        ({"max_messages_per_second": D(5)}, {}, True),
        ({"cancel_reserve": 5}, {"cancel_reserve": 4}, True),
        ({"duplicate_window_ms": 100}, {"duplicate_window_ms": 200}, False),
        ({"duplicate_window_ms": 100}, {"duplicate_window_ms": 100, "max_duplicates": 1}, True),
        ({"duplicate_window_ms": 100, "max_duplicates": 1}, {"duplicate_window_ms": 100}, False),
        ({"max_duplicates": 1}, {"max_duplicates": 2}, True),
        ({}, {"executions": Executions(max_executed_qty=D(5))}, False),
        ({"executions": Executions(max_executed_qty=D(5))}, {}, True),
        ({"executions": Executions(max_executed_qty=D(5))}, {"executions": Executions(max_executed_qty=D(6))}, True),
        ({"executions": Executions(window_s=60)}, {"executions": Executions(window_s=30)}, True),
        ({"executions": Executions(min_fill_ratio=D("0.5"))}, {"executions": Executions(min_fill_ratio=D(1))}, False),
        (
            {"repeated_executions": RepeatedExecutions(max=5, window_s=60)},
            {"repeated_executions": RepeatedExecutions(max=6, window_s=60)},
            True,
        ),
    ],
)
def test_the_direction_of_a_throttle(old: dict[str, Any], new: dict[str, Any], is_looser: bool) -> None:
    """Without it a rate, a window or a lock could be loosened by anybody who can edit a file."""
    before, after = (
        TradingConfig(revision="r", throttles=ThrottleTable(strategies={"s1": Throttles(**values)}))
        for values in (old, new)
    )
    change = compare(before, after)
    assert (bool(change.looser), bool(change.tighter)) == (is_looser, not is_looser)
    assert all(line.startswith("risk.strategies.s1.") for line in (*change.looser, *change.tighter))


def test_the_direction_of_self_match_prevention() -> None:
    """Without it wash trades could be let through by an edit that nobody approves."""

    def table(prevention: SelfMatchPrevention, scope: SelfMatchScope) -> TradingConfig:
        throttles = ThrottleTable(self_match_prevention=prevention, self_match_scope=scope)
        return TradingConfig(revision="r", throttles=throttles)

    on = table(SelfMatchPrevention.CANCEL_NEWEST, SelfMatchScope.ACCOUNT)
    off = table(SelfMatchPrevention.OFF, SelfMatchScope.ACCOUNT)
    narrow = table(SelfMatchPrevention.CANCEL_NEWEST, SelfMatchScope.STRATEGY)
    assert compare(on, off).looser == ("self_match_prevention cancel_newest -> off",)
    assert compare(off, on).looser == ()
    assert compare(on, narrow).looser == ("self_match_scope account -> strategy",)


@pytest.mark.parametrize(
    ("old", "new", "looser"),
    [
        ({}, {"message_burst": 100}, ("message_burst 10 -> 100",)),
        ({}, {"message_burst": 5}, ()),
        ({"message_burst": 100}, {}, ()),
        ({"message_burst": 5}, {}, ("message_burst 5 -> 10",)),
        ({}, {"cancel_reserve": 0}, ("cancel_reserve 2 -> 0",)),
        ({}, {"cancel_reserve": 9}, ()),
        ({}, {"max_messages_per_second": D(5)}, ()),
    ],
)
def test_what_a_rate_leaves_out_is_compared_as_it_is_in_force(
    old: dict[str, Any], new: dict[str, Any], looser: tuple[str, ...]
) -> None:
    """Without it a burst of ten times the rate, or a reserve of nothing, would pass for a tightening and need nobody:
    a burst that is not written is one second's worth, and a reserve a fifth of it."""
    before, after = (
        TradingConfig(
            revision="r", throttles=ThrottleTable(gateway=Throttles(**{"max_messages_per_second": D(10), **values}))
        )
        for values in (old, new)
    )
    assert compare(before, after).looser == tuple(f"limits.{text}" for text in looser)


def test_a_new_account_is_more_to_lose() -> None:
    """Without it an account of a billion could be added by who may edit a file: what breakers measure as shares of the
    equity of all accounts would never trip again."""
    new = TradingConfig(revision="q", accounts={**BASE.accounts, "large": AccountConfig(initial_cash=D(10**9))})
    assert compare(BASE, new).looser == ("accounts.large.initial_cash 0 -> 1000000000",)
    assert compare(new, BASE).looser == ()


def test_an_instrument_that_leaves_a_group_with_limits_leaves_its_limits() -> None:
    """Without it the limit of a sector would be passed by: by calling the sector of an instrument something else."""

    def listed(sector: str, limits: Limits) -> TradingConfig:
        one = Instrument(symbol="AAPL", venue="ibkr", currency="USD", sector=sector)
        table = LimitTable(sectors={"tech": limits})
        return TradingConfig(revision="r", instruments={"AAPL": one}, limits=table)

    limited = Limits(max_gross_exposure=D(5_000))
    assert compare(listed("tech", limited), listed("", limited)).looser == ("symbols.AAPL.sector tech -> none",)
    assert compare(listed("", limited), listed("tech", limited)) == Change()
    assert compare(listed("tech", Limits()), listed("", Limits())) == Change()


def test_instruments_that_leave_a_group_are_told_by_name() -> None:
    """Without this, an edit would read in another order after a restart, and `gateway replay` would call that a
    difference: a checkpoint keeps its maps by key."""

    def listed(*symbols: str, sector: str = "") -> TradingConfig:
        found = {one: Instrument(symbol=one, venue="ibkr", currency="USD", sector=sector) for one in symbols}
        table = LimitTable(sectors={"tech": Limits(max_leverage=Decimal(2))})
        return TradingConfig(revision=sector, limits=table, instruments=found)

    left = compare(listed("TSLA", "AAPL", sector="tech"), listed("TSLA", "AAPL")).looser
    assert left == ("symbols.AAPL.sector tech -> none", "symbols.TSLA.sector tech -> none")


def test_a_day_that_begins_elsewhere_counts_as_looser() -> None:
    """Without it who may edit a file could begin a venue's day at once, and with it forgive what was lost today."""
    old = TradingConfig(revision="r", day_rolls={"ibkr": DayRoll()})
    new = TradingConfig(revision="q", day_rolls={"ibkr": DayRoll(minute=600), "new": DayRoll()}, day_roll=DayRoll())
    assert compare(old, new).looser == ("venues.ibkr.day_roll 00:00 UTC -> 10:00 UTC",)
    assert compare(BASE, TradingConfig(revision="q", day_roll=DayRoll(minute=60))).looser == (
        "day_roll 00:00 UTC -> 01:00 UTC",
    )


def test_what_loosens_is_told_as_it_is_written() -> None:
    """Without this, who has to approve an edit would read `<Promotions.MANUAL>`, and names of no file."""
    breaker = BreakerConfig(threshold=D(1), action=BreakerAction.HALT, reset_after_s=1_800)
    old = msgspec.structs.replace(
        BASE,
        circuit_breakers={"drawdown": breaker},
        limits=LimitTable(gateway=Limits(restricted_symbols={"AAPL": "sued"}, require_market_data=True)),
    )
    new = msgspec.structs.replace(
        BASE,
        circuit_breakers={"drawdown": msgspec.structs.replace(breaker, reset_after_s=60)},
        limits=LimitTable(gateway=Limits(require_market_data=False), collar_max_age_s=90),
        rollout=Rollout(promotions={"ibkr": Promotions.MANUAL}, demotion=DemotionTerms(cool_down_s=0)),
    )
    assert set(compare(old, new).looser) == {
        "collar_max_age 60 -> 90",
        "limits.require_market_data true -> false",
        "limits.restricted_symbols {AAPL: sued} -> {}",
        "circuit_breakers.drawdown.reset_after 1800 -> 60",
        "promotions {} -> {ibkr: manual}",
        "demotion.cool_down 3600 -> 0",
    }
    capped = RolloutStep(weight_bp=100, days=1, caps=CanaryCaps(max_live_notional=D("1E+5")))
    assert str(capped) == "1% for 1 d, max_live_notional 100000"
