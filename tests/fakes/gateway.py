"""A gateway in memory, behind the ports that HTTP sees: enough of one to be asked everything and to answer in
every way. It decides by simple rules that tests can steer; it is not a model of the core."""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from gateway.domain.enums import OrdStatus, OrdType, Route, ScopeKind, TradingState
from gateway.domain.events import Event, GatewayStarted, TradingSwitched
from gateway.domain.executions import Fill
from gateway.domain.facts import (
    CancelRequested,
    Fact,
    OrderAdmitted,
    OrderDenied,
    OrderHeld,
    SessionClosed,
    SessionOpened,
    TradingStateChanged,
)
from gateway.domain.orders import Actor, FieldError, NewOrderSingle, Order, PendingReplace, ReplaceRequest
from gateway.domain.overrides import Override, OverrideTerms
from gateway.domain.positions import ClosedPosition, PortfolioPoint
from gateway.domain.records import Record
from gateway.domain.sessions import Approval, Session
from gateway.domain.throttles import StrategyLock
from gateway.ports.candidates import CandidateStatus
from gateway.ports.checking import OrderCheckView
from gateway.ports.clock import Clock
from gateway.ports.drop_copy import CopiedExecution, DropCopyResult, DropCopyVerdict
from gateway.ports.intake import AlreadyInForce, OrderStory, Outcome, Reply, RequestInvalid, T, WaitingEdit
from gateway.ports.journal import ClosedPositionQuery, OrderQuery, PortfolioQuery
from gateway.ports.read_model import (
    BreakerView,
    ConnectionView,
    FlattenView,
    HealthView,
    ModesView,
    PortfolioView,
    PositionView,
    StopView,
    VenueModeView,
)
from gateway.ports.risk_view import LimitsQuery, RiskView
from gateway.ports.stories import ExplanationFailed, RecordedStory, Stage
from tests.fakes.gateway_samples import (
    candidate_of,
    checked,
    executed,
    limits_of,
    matches,
    not_open,
    order_from,
    too_large,
    venue_mode,
)

D = Decimal
NEEDS_LIMIT = (OrdType.LIMIT, OrdType.STOP_LIMIT, OrdType.LIMIT_ON_CLOSE)


class FakeGateway:
    """Implements every port that HTTP sees.

    ``deny_above`` is the largest quantity admitted; ``failure`` is raised by every command; ``gate`` holds
    replies back until it is set (``entered`` says that one waits); the views are plain attributes to be replaced.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.deny_above = D(1_000_000)
        self.failure: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.entered = asyncio.Event()
        self.calls: list[tuple[str, object]] = []
        self.stories: dict[str, Order] = {}
        self.legs: dict[str, tuple[Order, ...]] = {}
        self.journal: list[Record] = []
        self._moved = asyncio.Condition()
        self._session: Session | None = None
        self.trading_state = TradingState.ACTIVE
        self.stopped: tuple[StopView, ...] = ()
        self.tripped: tuple[BreakerView, ...] = ()
        self.flattened: tuple[FlattenView, ...] = ()
        self.locked: tuple[StrategyLock, ...] = ()
        self.venues: tuple[VenueModeView, ...] = (venue_mode("ibkr"), venue_mode("binance"))
        self.health_view = HealthView(
            is_ready=True,
            reasons=(),
            warnings=("market data is synthetic",),
            last_seq=0,
            durable_seq=0,
            config_revision="c1",
            policy_revision="p1",
            config_error="risk.yaml: nobody needs to know",
        )
        self.edit: WaitingEdit | None = None
        self.risk_view = limits_of("default", "second")
        self.candidate_statuses = (candidate_of("default", "second"),)
        self.overrides: dict[str, Override] = {}
        self.approvals: dict[str, Approval] = {}
        self.accounts: tuple[PortfolioView, ...] = ()
        self.holdings: tuple[PositionView, ...] = ()
        self.closed: list[ClosedPosition] = []
        self.history: list[tuple[int, PortfolioPoint]] = []

    # --- OrderIntake ---

    async def place(self, request: NewOrderSingle, actor: Actor, received_ns: int, answer: Callable[[Reply], T]) -> T:
        return answer(await self._place(request, actor))

    async def _place(self, request: NewOrderSingle, actor: Actor) -> Reply:
        await self._enter("place", request)
        if request.ord_type in NEEDS_LIMIT and request.limit_px is None:
            hint = "add limit_price, or change order_type"
            raise RequestInvalid((FieldError("limit_price", "is required", "absent", hint),))
        if request.cl_ord_id:
            for earlier in self.stories.values():
                if (earlier.account, earlier.cl_ord_id) == (request.account, request.cl_ord_id):
                    is_same = earlier.fingerprint == repr(request)
                    return Reply(Outcome.REPEATED if is_same else Outcome.CONFLICT, OrderStory(earlier))
        order = order_from(request, f"o{len(self.stories) + 1}", actor, self._clock.now_ns())
        self.stories[order.order_id] = order
        if request.order_qty > self.deny_above:
            reject = too_large(order, self.deny_above)
            order.ord_status, order.reject = OrdStatus.DENIED, reject
            await self.record(OrderDenied(ts_ns=order.created_ns, order_id=order.order_id, reject=reject, order=order))
            return Reply(Outcome.DENIED, OrderStory(order), reject)
        await self.record(
            OrderHeld(ts_ns=order.created_ns, order=order),
            OrderAdmitted(ts_ns=order.created_ns, order_id=order.order_id, policy_revision="p1"),
        )
        return Reply(Outcome.CREATED, OrderStory(order, self.legs.get(order.symbol, ())))

    async def cancel(self, order_id: str, actor: Actor) -> Reply:
        await self._enter("cancel", order_id)
        order = self.stories.get(order_id)
        if order is None:
            return Reply(Outcome.NOT_FOUND)
        if not order.is_open:
            return Reply(Outcome.REFUSED, OrderStory(order), not_open(order))
        order.is_cancel_requested = True
        await self.record(CancelRequested(ts_ns=self._clock.now_ns(), order_id=order_id, actor=actor))
        return Reply(Outcome.REQUESTED, OrderStory(order))

    async def replace(self, order_id: str, request: ReplaceRequest, actor: Actor) -> Reply:
        await self._enter("replace", request)
        order = self.stories.get(order_id)
        if order is None:
            return Reply(Outcome.NOT_FOUND)
        if not order.is_open:
            return Reply(Outcome.REFUSED, OrderStory(order), not_open(order))
        order_qty = request.order_qty or order.order_qty
        if order_qty > self.deny_above:
            return Reply(Outcome.DENIED, OrderStory(order), too_large(order, self.deny_above))
        order.pending_replace = PendingReplace(order_qty, request.limit_px, request.stop_px, D(0), is_sent=False)
        return Reply(Outcome.REQUESTED, OrderStory(order))

    # --- Controls ---

    async def lift_lock(self, lock_id: str, actor: Actor, reason: str) -> StrategyLock | None:
        await self._enter("lift_lock", (lock_id, actor.name, reason))
        found = next((lock for lock in self.locked if lock.lock_id == lock_id), None)
        self.locked = tuple(lock for lock in self.locked if lock.lock_id != lock_id)
        return found

    async def switch_trading(
        self,
        state: TradingState,
        actor: Actor,
        reason: str,
        scope: ScopeKind = ScopeKind.GATEWAY,
        scope_id: str = "",
    ) -> None:
        await self._enter("switch_trading", (state, reason) if scope is ScopeKind.GATEWAY else (state, scope, scope_id))
        if scope is ScopeKind.GATEWAY:
            self.trading_state = state
        now_ns = self._clock.now_ns()
        await self.record(
            TradingStateChanged(ts_ns=now_ns, state=state, actor=actor, reason=reason),
            event=TradingSwitched(ts_ns=now_ns, state=state, actor=actor, reason=reason),
        )

    async def flatten(
        self,
        actor: Actor,
        reason: str,
        *,
        scope: ScopeKind = ScopeKind.GATEWAY,
        scope_id: str = "",
        books: tuple[Route, ...] = (Route.LIVE,),
        limit_offset_bps: Decimal | None = None,
        flatten_id: str = "",
    ) -> str:
        await self._enter("flatten", (scope, scope_id, books, limit_offset_bps))
        self.flattened = (
            FlattenView(
                flatten_id="f1",
                state="running",
                scope=scope.value,
                id=scope_id,
                books=tuple(book.value for book in books),
                by=actor.name,
                cause=reason,
                started_ns=self._clock.now_ns(),
                ended_ns=None,
                orders_sent=0,
                waits=(),
                text="",
            ),
        )
        return "f1"

    async def start_session(self, label: str, strategies: tuple[str, ...], actor: Actor) -> Session:
        await self._enter("start_session", (label, strategies))
        now_ns = self._clock.now_ns()
        session = Session(session_id="s1", label=label, strategies=strategies, actor=actor, started_ns=now_ns)
        self._session = session
        await self.record(SessionOpened(ts_ns=now_ns, session=session))
        return session

    async def end_session(self, actor: Actor) -> Session | None:
        await self._enter("end_session", None)
        session, self._session = self._session, None
        if session is None:
            return None
        now_ns = self._clock.now_ns()
        await self.record(SessionClosed(ts_ns=now_ns, session_id=session.session_id, actor=actor))
        return msgspec.structs.replace(session, ended_ns=now_ns)

    # --- ConfigApprovals ---

    async def approve(self, revision: str, actor: Actor, reason: str) -> bool:
        await self._enter("approve", (revision, reason))
        if revision == "c1":
            raise AlreadyInForce(revision)
        self.approvals[revision] = Approval(actor, reason, self._clock.now_ns())
        return self.edit is not None and self.edit.revision == revision

    def waiting(self) -> WaitingEdit | None:
        return self.edit

    def standing(self) -> dict[str, Approval]:
        return self.approvals

    # --- OrderChecks ---

    async def check(self, request: NewOrderSingle, actor: Actor) -> OrderCheckView:
        await self._enter("check", request)
        return checked(request, self.deny_above)

    # --- RiskReads ---

    async def risk(self, query: LimitsQuery) -> RiskView:
        return self.risk_view

    def candidates(self) -> tuple[CandidateStatus, ...]:
        return self.candidate_statuses

    # --- Overrides ---

    async def grant(self, terms: OverrideTerms, expires_ns: int | None, actor: Actor, reason: str) -> Override:
        await self._enter("grant", terms)
        now_ns = self._clock.now_ns()
        override = Override(
            override_id=f"v{len(self.overrides) + 1}",
            terms=terms,
            actor=actor,
            reason=reason,
            granted_ns=now_ns,
            expires_ns=expires_ns or now_ns + 300_000_000_000,
        )
        self.overrides[override.override_id] = override
        return override

    async def revoke(self, override_id: str, actor: Actor) -> Override | None:
        return self.overrides.pop(override_id, None)

    def find(self, override_id: str) -> Override | None:
        return self.overrides.get(override_id)

    def all(self) -> tuple[Override, ...]:
        return tuple(self.overrides.values())

    # --- DropCopies ---

    async def compare(
        self, venue: str, executions: Sequence[CopiedExecution], actor: Actor
    ) -> tuple[DropCopyVerdict, ...]:
        await self._enter("compare", (venue, tuple(executions), actor.name))
        return tuple(
            DropCopyVerdict(exec_id=one.exec_id, symbol=one.symbol, result=DropCopyResult.MATCHED) for one in executions
        )

    # --- ReadModel ---

    async def order(self, order_id: str) -> OrderStory | None:
        order = self.stories.get(order_id)
        return None if order is None else OrderStory(order, self.legs.get(order.symbol, ()))

    async def story(self, order_id: str) -> OrderStory | None:
        return await self.order(order_id)

    async def explain(self, order_id: str) -> OrderCheckView:
        raise ExplanationFailed("this gateway is a fake")

    async def recorded(self, order_id: str) -> RecordedStory | None:
        story = await self.order(order_id)
        if story is None:
            return None
        about = tuple(r for r in self.journal if any(getattr(f, "order_id", "") == order_id for f in r.facts))
        return RecordedStory(story, about, (Stage("decided and made durable", 1_500),), is_whole=True)

    async def orders(self, query: OrderQuery) -> list[OrderStory]:
        self.calls.append(("orders", query))
        found = sorted(self.stories.values(), key=lambda order: (order.created_ns, order.order_id), reverse=True)
        return [OrderStory(order) for order in found if matches(order, query)][: query.limit]

    async def portfolio(self) -> tuple[tuple[PortfolioView, ...], tuple[PositionView, ...]]:
        return self.accounts, self.holdings

    async def closed_positions(self, query: ClosedPositionQuery) -> list[ClosedPosition]:
        self.calls.append(("closed_positions", query))
        return self.closed[: query.limit]

    async def portfolio_history(self, query: PortfolioQuery) -> list[tuple[int, PortfolioPoint]]:
        self.calls.append(("portfolio_history", query))
        return self.history[: query.limit]

    def session(self) -> Session | None:
        return self._session

    def statistics(self) -> dict[str, dict[str, int]]:
        return {"orders": {"received": len(self.stories)}}

    # --- Status ---

    def modes(self) -> ModesView:
        return ModesView(
            global_mode="SHADOW",
            config_revision="c1",
            trading_state=self.trading_state.value,
            trading_state_reason="",
            venues=self.venues,
        )

    def stops(self) -> tuple[StopView, ...]:
        return self.stopped

    async def reset_breaker(self, breaker_id: str, actor: Actor, reason: str, is_forced: bool) -> None:
        await self._enter("reset_breaker", (breaker_id, reason, is_forced))

    async def shut_down(self, actor: Actor, reason: str) -> None:
        await self._enter("shut_down", reason)

    def breakers(self) -> tuple[BreakerView, ...]:
        return self.tripped

    def flattens(self) -> tuple[FlattenView, ...]:
        return self.flattened

    def locks(self) -> tuple[StrategyLock, ...]:
        return self.locked

    def connections(self) -> tuple[ConnectionView, ...]:
        since_ns = self._clock.now_ns()
        return (
            ConnectionView(
                name="ibkr", kind="venue", is_connected=True, is_synthetic=True, text="simulator", since_ns=since_ns
            ),
        )

    def health(self) -> HealthView:
        return msgspec.structs.replace(self.health_view, last_seq=self.last_seq, durable_seq=self.last_seq)

    # --- EventFeed ---

    @property
    def last_seq(self) -> int:
        return len(self.journal)

    def tail(self, after_seq: int) -> "FakeTail":
        return FakeTail(self, after_seq)

    async def beyond(self, seq: int) -> int:
        async with self._moved:
            while seq >= self.last_seq:
                await self._moved.wait()
            return self.last_seq

    # --- what tests do ---

    async def record(self, *facts: Fact, event: Event | None = None) -> None:
        """Make facts durable and public."""
        now_ns = self._clock.now_ns()
        cause = event or GatewayStarted(ts_ns=now_ns, version="fake")
        self.journal.append(Record(seq=self.last_seq + 1, ts_ns=now_ns, event=cause, facts=facts))
        async with self._moved:
            self._moved.notify_all()

    async def fill(self, order_id: str, qty: Decimal, px: Decimal) -> None:
        """Let an order trade."""
        order = self.stories[order_id]
        fill = Fill(f"x{len(order.fills) + 1}", qty, px, self._clock.now_ns(), D("0.35"), "USD")
        order.fills = [*order.fills, fill]
        order.cum_qty += qty
        order.cum_value += qty * px
        order.ord_status = OrdStatus.FILLED if order.cum_qty == order.order_qty else OrdStatus.PARTIALLY_FILLED
        await self.record(executed(order, fill))

    async def _enter(self, name: str, what: object) -> None:
        self.calls.append((name, what))
        self.entered.set()
        if self.failure is not None:
            raise self.failure
        if self.gate is not None:
            await self.gate.wait()


class FakeTail:
    """``ports.intake.EventTail`` over the fake's journal."""

    def __init__(self, gateway: FakeGateway, after_seq: int) -> None:
        self._gateway = gateway
        self._seq = after_seq

    async def take(self) -> Sequence[Record]:
        found = self._gateway.journal[self._seq :]
        self._seq += len(found)
        return found

    async def moved(self) -> None:
        await self._gateway.beyond(self._seq)

    def close(self) -> None:
        pass
