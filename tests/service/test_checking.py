"""Asking about orders on a running gateway: the answer that placing gives, and no trace of the question."""

from typing import Any

import pytest

from gateway.core.checkpoint import state_hash
from gateway.domain.enums import OrdType, RejectStage, Side, TimeInForce
from gateway.domain.events import PolicyVerdict
from gateway.domain.orders import NewOrderSingle
from gateway.domain.throttles import Throttles, ThrottleTable
from gateway.ports.checking import OrderCheckView, WouldBe
from gateway.ports.intake import NotAccepting, Outcome
from gateway.service.checking import OrderChecker
from tests.fakes.outside import FunctionPolicy
from tests.service.desk import Desk, desk
from tests.world import TRADER, D, Limits, trading_config


async def ask(one: Desk, qty: int = 10, cl_ord_id: str = "", limit: int | None = None) -> OrderCheckView:
    """Ask about the order that ``Desk.place`` with the same arguments places."""
    request = NewOrderSingle(
        symbol="AAPL",
        side=Side.BUY,
        order_qty=D(qty),
        ord_type=OrdType.MARKET if limit is None else OrdType.LIMIT,
        limit_px=None if limit is None else D(limit),
        time_in_force=TimeInForce.GTC,
        strategy_id="s1",
        cl_ord_id=cl_ord_id,
    )
    before = state_hash(one.engine.state), one.engine.last_seq
    view = await OrderChecker(one.engine, one.intake, one.policy, one.clock).check(request, TRADER)
    assert (state_hash(one.engine.state), one.engine.last_seq) == before
    return view


@pytest.mark.parametrize("delay_s", [None, 0.001])
async def test_the_policy_is_asked_also_about_what_a_limit_refuses(delay_s: float | None) -> None:
    """Without this, a person would mend the limit, and meet the policy's denial next; with a server it would hang."""
    policy = FunctionPolicy(delay_s)
    policy.verdict = PolicyVerdict(is_allowed=False, denies=(("NO", "not today"),), revision="p")
    async with desk(config=trading_config(limits=Limits(max_order_size=D(5))), policy=policy) as one:
        view = await ask(one)
        (leg,) = view.legs
        assert view.would_be is WouldBe.DENIED
        assert view.refusal is not None
        assert view.refusal.stage is RejectStage.RISK
        assert (leg.policy.is_allowed, leg.policy.reasons) == (False, (("NO", "not today"),))
        small = await ask(one, qty=5)
        assert small.refusal is not None
        assert small.refusal.stage is RejectStage.POLICY
        assert (await one.place(qty=5)).outcome is Outcome.DENIED


async def test_asking_uses_up_no_messages() -> None:
    """Without this, who asks first would be throttled when he sends; and who is throttled would not be told."""
    throttles = ThrottleTable(gateway=Throttles(max_messages_per_second=D("0.01"), message_burst=2, cancel_reserve=0))
    async with desk(config=trading_config(throttles=throttles)) as one:
        for _ in range(5):
            assert (await ask(one, limit=100)).would_be is WouldBe.ADMITTED
        replies = [await one.place(limit=D(100)) for _ in range(3)]
        assert [reply.outcome for reply in replies] == [Outcome.CREATED, Outcome.CREATED, Outcome.DEFERRED]
        view = await ask(one, limit=100)
        assert view.would_be is WouldBe.THROTTLED
        assert 0 < view.retry_after_ms <= 100_000
        assert view.held_exposure == "0"


async def test_a_client_order_id_that_is_taken_is_told() -> None:
    """Without this, a check would promise an order where placing only repeats an earlier answer, or refuses."""
    async with desk() as one:
        placed: Any = await one.place(cl_ord_id="a", limit=D(100))
        again = await ask(one, cl_ord_id="a", limit=100)
        assert (again.would_be, again.existing_order_id) == (WouldBe.ADMITTED, placed.story.order.order_id)
        other = await ask(one, qty=11, cl_ord_id="a", limit=100)
        assert other.would_be is WouldBe.DENIED
        assert other.refusal is not None
        assert other.refusal.code == "CLIENT_ORDER_ID_REUSED"


async def test_where_no_order_is_taken_no_verdict_is_given() -> None:
    """Without this, a check would say that a gateway which takes no orders admits this one."""
    async with desk() as one:
        one.intake.closed = ("stopping", "the gateway is stopping")
        with pytest.raises(NotAccepting):
            await ask(one)
