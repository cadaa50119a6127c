"""Which exceptions are granted at all, and that a failing journal gives a used one back."""

import asyncio
from typing import Any

import msgspec
import pytest

from gateway.domain.overrides import OverrideTerms
from gateway.ports.intake import NotAccepting, Outcome, RequestInvalid
from gateway.service.overrides import OverrideDesk
from tests.fakes.outside import FunctionPolicy
from tests.service.desk import desk
from tests.world import RITA, D, Limits, trading_config

TERMS = OverrideTerms(rules=("MAX_ORDER_SIZE",), strategy_id="s1", max_qty=D(50))
CONFIG = trading_config(limits=Limits(max_order_size=D(10)))


@pytest.mark.parametrize(
    ("change", "after_s", "field"),
    [
        ({"rules": ("TRADING_HALTED",)}, None, "rules"),
        ({"rules": ("POLICY_DENIED",)}, None, "rules"),
        ({"rules": ("restricted_symbols",)}, None, "rules"),
        ({"rules": ("max_order_siz",)}, None, "rules"),
        ({"strategy_id": ""}, None, "(body)"),
        ({"max_qty": None}, None, "max_qty"),
        ({"symbol": "NOPE"}, None, "symbol"),
        ({"account": "nobody"}, None, "account"),
        ({}, -1, "expires_at"),
        ({}, 3_700, "expires_at"),
    ],
)
async def test_what_is_no_exception_is_refused(change: dict[str, Any], after_s: int | None, field: str) -> None:
    """Without this, a halt could be lifted, a slip of the hand pass unbounded, or an exception become the rule."""
    async with desk(config=CONFIG) as one:
        overrides = OverrideDesk(one.engine, one.clock)
        terms = msgspec.structs.replace(TERMS, **change)
        until = None if after_s is None else one.clock.now_ns() + after_s * 1_000_000_000
        with pytest.raises(RequestInvalid) as refused:
            await overrides.grant(terms, until, RITA, "test")
        assert [error.field for error in refused.value.errors] == [field]
        assert one.engine.state.overrides == {}


async def test_a_failing_journal_gives_it_back() -> None:
    """Without this, an order that was never answered for would use up the exception that it was made for."""
    async with desk(config=CONFIG) as one:
        overrides = OverrideDesk(one.engine, one.clock)
        granted = await overrides.grant(TERMS, None, RITA, "test")
        one.journal.failure = "disk full"
        with pytest.raises(NotAccepting):
            await one.place(qty=20)
        assert one.engine.state.overrides[granted.override_id].used_by == ""
        one.journal.failure = None
        await one.until(lambda: one.engine.failure is None)
        assert (await one.place(qty=20)).outcome is Outcome.CREATED
        assert (await one.place(qty=20)).outcome is Outcome.DENIED
        assert one.engine.state.overrides[granted.override_id].uses == 1


async def test_a_restart_between_hold_and_policy_gives_it_back() -> None:
    """Without this, a crash while the policy thinks would use up the exception for an order that was never sent."""
    policy = FunctionPolicy(delay_s=0)
    policy.gate = asyncio.Event()
    async with desk(config=CONFIG, policy=policy) as one:
        granted = await OverrideDesk(one.engine, one.clock).grant(TERMS, None, RITA, "test")
        waiting = asyncio.ensure_future(one.place(qty=20))
        await one.until(lambda: one.engine.state.overrides[granted.override_id].used_by)
        await one.engine.durable(one.engine.last_seq)
        journal = one.journal
        waiting.cancel()
        await one.crash()
    async with desk(config=CONFIG, journal=journal) as again:
        assert again.engine.state.overrides[granted.override_id].used_by == ""
        assert (await again.place(qty=20)).outcome is Outcome.CREATED
        assert again.engine.state.overrides[granted.override_id].uses == 1
