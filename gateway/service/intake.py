"""Orders as clients ask for them: identity, idempotency, the policy's answer, and the reply once it is durable."""

import asyncio
from collections.abc import Callable
from functools import partial

import msgspec

from gateway.core.changes import not_open
from gateway.core.decision import Decision
from gateway.core.identity import fingerprint
from gateway.core.validation import shape_problems
from gateway.core.words import refuse
from gateway.domain.effects import EvaluatePolicy, ReconsiderOrder
from gateway.domain.enums import OrdStatus, RejectStage
from gateway.domain.events import CancelReceived, OrderReceived, PolicyEvaluated, PolicyVerdict, ReplaceReceived
from gateway.domain.facts import Fact, ReplaceDenied
from gateway.domain.market import MarketView
from gateway.domain.orders import Actor, NewOrderSingle, Order, Reject, ReplaceRequest
from gateway.domain.reasons import RejectCode
from gateway.ports.clock import Calendar, Clock
from gateway.ports.intake import NotAccepting, OrderStory, Outcome, Reply, RequestInvalid, T
from gateway.ports.journal import JournalBroken, JournalUnavailable, OrderArchive
from gateway.ports.market_data import MarketData
from gateway.ports.policy import PolicyEngine
from gateway.ports.telemetry import Telemetry
from gateway.service.engine import Engine
from gateway.service.market_view import MarketViews
from gateway.service.tasks import TaskGroup
from gateway.service.views import frozen, story_of

# Named once: see domain.orders.
_DENIED, _CREATED = OrdStatus.DENIED, Outcome.CREATED


class Intake:
    """Implements ``ports.intake.OrderIntake``."""

    def __init__(
        self,
        engine: Engine,
        archive: OrderArchive,
        policy: PolicyEngine,
        market: MarketData,
        calendar: Calendar,
        clock: Clock,
        telemetry: Telemetry,
        tasks: TaskGroup,
    ) -> None:
        self._engine = engine
        self._archive = archive
        self._policy = policy
        self.views = MarketViews(market, calendar)
        self._clock = clock
        self._telemetry = telemetry
        self._tasks = tasks
        #: Why no order is taken, as (reason, text); None while the door is open.
        self.closed: tuple[str, str] | None = ("starting", "the gateway is starting")
        #: Requests that were put off, by code and scope.
        self.deferred: dict[tuple[str, str], int] = {}
        # Where the journal stood makes ids unique across restarts, also on a machine whose clock was set back or
        # begins anew at each boot; the start time, across data directories.
        self._id_prefix = f"o{clock.now_ns() // 1_000_000:x}-{engine.last_seq:x}"
        self._id_count = 0
        #: Orders about which a policy server is being asked, each with the task that does.
        self._deciding: dict[str, asyncio.Task[Decision]] = {}

    def next_id(self, kind: str = "") -> str:
        self._id_count += 1
        return f"{kind}{self._id_prefix}-{self._id_count:x}"

    def check_door(self) -> None:
        """Raises NotAccepting while no order is taken."""
        if self.closed is not None:
            raise NotAccepting(*self.closed)
        if self._engine.failure is not None:
            raise NotAccepting("journal_unavailable", self._engine.failure)

    async def place(self, request: NewOrderSingle, actor: Actor, received_ns: int, answer: Callable[[Reply], T]) -> T:
        now_ns = self._clock.now_ns()
        if not request.venue.islower() and request.venue:  # venue names are case-insensitive, one spelling is kept
            request = msgspec.structs.replace(request, venue=request.venue.lower())
        problems = shape_problems(request, now_ns)
        if problems:
            raise RequestInvalid(problems)
        self.check_door()
        mark = fingerprint(request)
        if request.cl_ord_id:
            earlier = self._engine.find_client_order(request.account, request.cl_ord_id)
            if earlier is None and self._archive.may_hold(request.account, request.cl_ord_id):
                earlier = await self._find_archived(request.account, request.cl_ord_id)
            if earlier is not None:
                return answer(await self._repeat(earlier, mark))
        order_id = self.next_id()
        event = OrderReceived(
            ts_ns=now_ns,
            order_id=order_id,
            request=request,
            fingerprint=mark,
            actor=actor,
            view=self.view(request.symbol, now_ns),
        )
        started_ns = self._clock.monotonic_ns()
        if self._policy.is_immediate:
            decision = self._engine.process_order(event, self._ask)
        else:
            task = self._deciding[order_id] = self._tasks.spawn(self._consult(self._engine.process(event)), "policy")
            task.add_done_callback(lambda _: self._deciding.pop(order_id, None))
            # Shielded: a client that hangs up must not leave an order half decided.
            decision = await asyncio.shield(task)
        if decision.wait_ns:
            return answer(await self._defer(decision))
        order = await self._decided(order_id)
        story = await self.story(order)
        is_denied = story.order.ord_status is _DENIED
        reply = Reply(Outcome.DENIED, story, story.order.reject) if is_denied else Reply(_CREATED, story)
        decided_ns = self._clock.monotonic_ns()
        answered = await self._engine.durable_with(self._engine.last_seq, partial(answer, reply))
        durable_ns = self._clock.monotonic_ns()
        self._telemetry.on_order(
            order.venue, decided_ns - started_ns, durable_ns - decided_ns, durable_ns - received_ns
        )
        return answered

    async def _decided(self, order_id: str) -> Order:
        """The order once the policy has spoken. Raises NotAccepting when the journal failed and it was taken back."""
        order = self._engine.find_order(order_id)
        if order is None and self._engine.failure is None:
            try:  # finished, and many others after it, while the policy thought
                order = await self._archive.find(order_id)
            except (JournalUnavailable, JournalBroken) as error:
                text = f"order {order_id} was decided and is over, and what became of it cannot be looked up: {error}"
                raise NotAccepting("journal_unavailable", text) from error
        if order is None:
            raise NotAccepting("journal_unavailable", self._engine.failure or "the journal cannot be written")
        return order

    async def find_earlier(self, account: str, cl_ord_id: str) -> Order | None:
        """The order that has this client id, in memory or in the archive."""
        earlier = self._engine.find_client_order(account, cl_ord_id)
        if earlier is None and self._archive.may_hold(account, cl_ord_id):
            earlier = await self._find_archived(account, cl_ord_id)
        return earlier

    async def _defer(self, decision: Decision) -> Reply:
        """Not now. What was decided besides (a cancel that makes way) is durable before the client hears of it."""
        assert decision.refusal is not None, "who has to wait is told why"
        label = (decision.refusal.code, decision.refusal.context.get("scope", ""))
        self.deferred[label] = self.deferred.get(label, 0) + 1
        if decision.facts:
            await self._engine.durable(self._engine.last_seq)
        return Reply(Outcome.DEFERRED, None, decision.refusal, wait_ns=decision.wait_ns)

    async def _find_archived(self, account: str, cl_ord_id: str) -> Order | None:
        """An order that left memory. Another request may have used the id meanwhile: memory is asked once more."""
        try:
            archived = await self._archive.find_by_client_id(account, cl_ord_id)
        except (JournalUnavailable, JournalBroken) as error:
            raise NotAccepting(
                "journal_unavailable", f"whether the order is there already is not known: {error}"
            ) from error
        return self._engine.find_client_order(account, cl_ord_id) or archived

    async def _repeat(self, earlier: Order, mark: str) -> Reply:
        """Answer with the earlier order; while the policy thinks about it, wait for what becomes of it."""
        deciding = self._deciding.get(earlier.order_id)
        if deciding is not None:
            await asyncio.wait([deciding])
            if deciding.result().wait_ns:
                return await self._defer(deciding.result())
            earlier = await self._decided(earlier.order_id)
        story = await self.story(earlier)
        await self._engine.durable(self._engine.last_seq)
        if earlier.fingerprint == mark:
            return Reply(Outcome.REPEATED, story)
        text = f"client_order_id {earlier.cl_ord_id} already names an order with other content; choose a new one"
        reject = refuse(RejectStage.INTAKE, RejectCode.CLIENT_ORDER_ID_REUSED, text, order_id=earlier.order_id)
        return Reply(Outcome.CONFLICT, story, reject)

    async def story(self, order: Order) -> OrderStory:
        """The order with its legs, from memory or from the archive."""
        legs: list[Order] = []
        for leg_id in order.leg_ids:
            leg = self._engine.find_order(leg_id) or await self._archive.find(leg_id)
            if leg is not None:
                legs.append(leg)
        return story_of(order, legs)

    def view(self, symbol: str, now_ns: int) -> MarketView:
        """What the market and the clock say now, to be recorded with the decision."""
        return self.views.view(self._engine.state.config, symbol, now_ns)

    def _ask(self, question: EvaluatePolicy) -> PolicyVerdict:
        """Ask the engine in this process."""
        started_ns = self._clock.monotonic_ns()
        verdict = self._policy.evaluate_now(question.document)
        self._telemetry.on_policy(verdict.is_allowed, verdict.failure, self._clock.monotonic_ns() - started_ns)
        return verdict

    async def _ask_and_wait(self, question: EvaluatePolicy) -> PolicyVerdict:
        """Ask an engine that is elsewhere."""
        started_ns = self._clock.monotonic_ns()
        verdict = await self._policy.evaluate(question.document)
        self._telemetry.on_policy(verdict.is_allowed, verdict.failure, self._clock.monotonic_ns() - started_ns)
        return verdict

    async def _consult(self, decision: Decision) -> Decision:
        """Ask the policy, and decide again where its answer came too late; the last that was decided of the order."""
        for effect in decision.effects:
            if isinstance(effect, EvaluatePolicy):
                verdict = await self._ask_and_wait(effect)
                decision = await self._consult(self._conclude(effect, verdict))
            elif isinstance(effect, ReconsiderOrder):
                decision = await self._consult(self._reconsider(effect))
        return decision

    def _conclude(self, effect: EvaluatePolicy, verdict: PolicyVerdict) -> Decision:
        event = PolicyEvaluated(
            ts_ns=self._clock.now_ns(), order_id=effect.order_id, verdict=verdict, is_replace=effect.is_replace
        )
        return self._engine.process(event)

    def _reconsider(self, effect: ReconsiderOrder) -> Decision:
        now_ns = self._clock.now_ns()
        event = OrderReceived(
            ts_ns=now_ns,
            order_id=effect.order_id,
            request=effect.request,
            fingerprint=effect.fingerprint,
            actor=effect.actor,
            view=self.view(effect.request.symbol, now_ns),
        )
        return self._engine.process(event)

    async def cancel(self, order_id: str, actor: Actor) -> Reply:
        order = self._engine.state.orders.get(order_id)
        if order is None:
            return await self._refuse_archived(order_id)
        decision = self._engine.process(CancelReceived(ts_ns=self._clock.now_ns(), order_id=order_id, actor=actor))
        story = await self.story(order)
        await self._engine.settle(self._engine.last_seq)
        if decision.refusal is not None:
            return Reply(Outcome.REFUSED, story, decision.refusal)
        return Reply(Outcome.REQUESTED, story)

    async def _refuse_archived(self, order_id: str) -> Reply:
        """What left memory is finished: say so with the code that a finished order in memory would give."""
        order = self._engine.find_order(order_id) or await self._archive.find(order_id)
        if order is None:
            return Reply(Outcome.NOT_FOUND)
        return Reply(Outcome.REFUSED, await self.story(order), not_open(order))

    async def replace(self, order_id: str, request: ReplaceRequest, actor: Actor) -> Reply:
        self.check_door()
        order = self._engine.state.orders.get(order_id)
        if order is None:
            return await self._refuse_archived(order_id)
        now_ns = self._clock.now_ns()
        event = ReplaceReceived(
            ts_ns=now_ns, order_id=order_id, request=request, actor=actor, view=self.view(order.symbol, now_ns)
        )
        decision = self._engine.process(event)
        if decision.wait_ns:
            return await self._defer(decision)
        if decision.refusal is not None:
            return Reply(Outcome.REFUSED, OrderStory(frozen(order)), decision.refusal)
        if _replace_denial(decision.facts) is None:
            decision = await self._consult_replace(decision)
        denied = _replace_denial(decision.facts)
        story = await self.story(order)
        await self._engine.durable(self._engine.last_seq)
        if denied is not None:
            return Reply(Outcome.DENIED, story, denied)
        if not decision.facts and not order.is_open:  # it ended while the policy thought: nobody was asked for anything
            return Reply(Outcome.REFUSED, story, not_open(order))
        return Reply(Outcome.REQUESTED, story)

    async def _consult_replace(self, decision: Decision) -> Decision:
        """Ask the policy about new terms; what was decided last of them."""
        for effect in decision.effects:
            if isinstance(effect, EvaluatePolicy):
                verdict = self._ask(effect) if self._policy.is_immediate else await self._ask_and_wait(effect)
                return self._conclude(effect, verdict)
        return decision


def _replace_denial(facts: tuple[Fact, ...]) -> Reject | None:
    return next((fact.reject for fact in facts if isinstance(fact, ReplaceDenied)), None)
