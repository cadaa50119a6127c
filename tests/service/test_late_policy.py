"""New terms of an order, and a policy server that takes its time over them."""

import asyncio
from decimal import Decimal

from gateway.domain.enums import Mode, OrdStatus
from gateway.domain.events import PolicyVerdict
from gateway.domain.orders import ReplaceRequest
from gateway.domain.policy_input import PolicyDocument, PolicyInput
from gateway.domain.reasons import RejectCode
from gateway.ports.intake import Outcome
from tests.fakes.outside import FunctionPolicy
from tests.fakes.venue import FakeVenue
from tests.service.desk import desk
from tests.world import TRADER

D = Decimal
DENY = PolicyVerdict(is_allowed=False, denies=(("TOO_LARGE", "too large"),), revision="policy-1")


class SlowServer(FunctionPolicy):
    """Each answer waits for an event of its own, by the size that is asked about; 13 is denied."""

    def __init__(self) -> None:
        super().__init__(delay_s=0.0)
        self.may_answer: dict[int, asyncio.Event] = {}

    async def evaluate(self, document: PolicyInput) -> PolicyVerdict:
        assert isinstance(document, PolicyDocument)
        self.documents.append(document)
        size = document.order.size_e8 // 10**8
        if size in self.may_answer:
            await self.may_answer[size].wait()
        return DENY if size == 13 else self.verdict


async def test_new_terms_of_an_order_that_ended_meanwhile_are_refused() -> None:
    """Without this, a client is told that its change was requested (202), and nobody was ever asked for it."""
    policy = SlowServer()
    policy.may_answer[12] = asyncio.Event()
    async with desk(Mode.LIVE, policy=policy, venue=FakeVenue(fills=False)) as one:
        order = one.order(await one.place(limit=D(100)))
        replacing = asyncio.ensure_future(one.intake.replace(order.order_id, ReplaceRequest(order_qty=D(12)), TRADER))
        await one.until(lambda: len(policy.documents) == 2)
        await one.intake.cancel(order.order_id, TRADER)
        await one.until(lambda: order.ord_status is OrdStatus.CANCELED)
        policy.may_answer[12].set()
        reply = await replacing
        assert reply.outcome is Outcome.REFUSED
        assert reply.reject is not None
        assert reply.reject.code == RejectCode.ORDER_NOT_OPEN


async def test_the_policy_s_word_on_new_terms_is_counted() -> None:
    """Without this, a policy server that fails on every change of an order rings no alert."""
    policy = SlowServer()
    async with desk(Mode.LIVE, policy=policy, venue=FakeVenue(fills=False)) as one:
        order = one.order(await one.place(limit=D(100)))
        assert (await one.intake.replace(order.order_id, ReplaceRequest(order_qty=D(13)), TRADER)).outcome is (
            Outcome.DENIED
        )
        assert one.telemetry.policies == [(True, None), (False, None)]
