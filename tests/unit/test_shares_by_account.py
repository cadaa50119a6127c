"""Shares of equity that the gateway sets, where it has several accounts: of each account by itself."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.core.limit_use import LimitUse, limit_uses
from gateway.domain.config import AccountConfig, Limits
from gateway.domain.enums import OrdStatus, Route, ScopeKind, Side
from gateway.domain.reasons import RejectCode
from tests.unit.test_market_limits import breaches
from tests.world import D, World, trading_config

C = RejectCode
#: 18,000 of AAPL: 18% of 100,000, 36% of 50,000.
HELD = 100


def world_of(**limits: Decimal) -> World:
    cash = {"default": 100_000, "second": 50_000}
    accounts = {name: AccountConfig(initial_cash=D(amount)) for name, amount in cash.items()}
    return World(trading_config(limits=Limits(**limits), accounts=accounts))


SHARES: list[tuple[dict[str, Any], RejectCode]] = [
    ({"max_concentration": D("0.2")}, C.MAX_CONCENTRATION),
    ({"max_leverage": D("0.2")}, C.MAX_LEVERAGE),
    ({"max_portfolio_exposure": D("0.2")}, C.MAX_PORTFOLIO_EXPOSURE),
    ({"max_gross_exposure": D("0.2")}, C.MAX_GROSS_EXPOSURE),
    ({"max_net_exposure": D("0.2")}, C.MAX_NET_EXPOSURE),
]


@pytest.mark.parametrize(("limits", "code"), SHARES)
def test_what_one_account_holds_uses_up_nothing_of_another(limits: dict[str, Any], code: RejectCode) -> None:
    """Without this, an account would be denied one share of what another account holds."""
    world = world_of(**limits)
    world.fill(world.place(qty=HELD))
    assert breaches(world, qty=1, account="second") == []
    assert breaches(world, qty=20) == [code]
    assert breaches(world, qty=56, account="second") == [code]  # 10,080 of 50,000, over 20% with the one before


@pytest.mark.parametrize("rule", ["max_concentration", "max_net_exposure"])
def test_a_short_in_one_account_hides_no_long_in_another(rule: str) -> None:
    """Without this, two accounts that lean against each other could each hold any amount: each goes bust by itself."""
    world = world_of(**{rule: D("0.2")})
    assert world.place(Side.SELL, 55, account="second").ord_status is not OrdStatus.DENIED
    for order in world.state.open_orders():
        world.fill(order)
    world.fill(world.place(qty=HELD))
    assert breaches(world, qty=50) == [C[rule.upper()]]


def test_the_first_order_of_an_account_counts_for_itself() -> None:
    """Without this, the account that has nothing yet would be measured with what the only other one holds."""
    world = world_of(max_leverage=D("0.2"))
    world.fill(world.place(qty=HELD))
    assert list(world.state.books[Route.SHADOW].accounts) == ["default"]
    assert breaches(world, qty=50, account="second") == []


def test_a_loss_is_a_share_of_the_account_that_made_it() -> None:
    """Without this, a bad day of one account would stop the others, and a good one would cover it up."""
    world = world_of(daily_loss_limit=D("0.01"))
    world.fill(world.place(qty=HELD))
    world.mark("AAPL", D("169.00"))
    assert breaches(world, symbol="TSLA", qty=1) == [C.DAILY_LOSS_LIMIT]
    assert breaches(world, symbol="TSLA", qty=1, account="second") == []


def test_amounts_are_of_all_accounts_together() -> None:
    """Without this, a limit in money would be as many times as large as there are accounts."""
    world = world_of(max_gross_exposure=D(20_000), max_position_value=D(20_000))
    world.fill(world.place(qty=HELD))
    assert set(breaches(world, qty=20, account="second")) == {C.MAX_GROSS_EXPOSURE, C.MAX_POSITION_VALUE}


def test_the_use_that_is_shown_is_that_of_the_account_closest_to_it() -> None:
    """Without this, people would read of a limit that is broken while orders pass, or of room where none is left."""
    world = world_of(max_leverage=D("0.5"), max_concentration=D("0.5"))
    world.fill(world.place(qty=HELD))
    world.fill(world.place(qty=HELD, account="second", symbol="AAPL"))
    rows: dict[str, LimitUse] = {
        row.rule: row
        for row in limit_uses(world.state, world.now_ns)
        if row.scope is ScopeKind.GATEWAY and row.book is Route.SHADOW
    }
    shown = {rule: (row.account, row.value, row.is_broken) for rule, row in rows.items()}
    assert shown == {"max_leverage": ("second", "0.36", False), "max_concentration": ("second", "0.36", False)}
    assert rows["max_concentration"].symbol == "AAPL"
