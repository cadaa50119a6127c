"""The whole verdict on an order that nobody places: what is asked is the decision itself, and then thrown away."""

from collections.abc import Mapping

import msgspec

from gateway.core.admission import receive
from gateway.core.explain import Explained, Foreseen, LegExplained, explain, foresee
from gateway.core.identity import fingerprint
from gateway.core.pricing import reference_px
from gateway.core.risk.listing import Check
from gateway.core.risk.rules import RISK_RULES
from gateway.core.routing import cap_uses
from gateway.core.state import GatewayState
from gateway.core.trading.states import scopes_of
from gateway.core.validation import shape_problems
from gateway.core.words import refuse
from gateway.domain.controls import CONTROL_OF
from gateway.domain.effects import EvaluatePolicy
from gateway.domain.enums import OrdStatus, RejectStage
from gateway.domain.events import OrderReceived, PolicyVerdict
from gateway.domain.instruments import Instrument
from gateway.domain.market import MarketView
from gateway.domain.money import ONE, ZERO, plain
from gateway.domain.orders import Actor, FieldError, NewOrderSingle, Order, Reject
from gateway.domain.reasons import RejectCode
from gateway.ports.checking import (
    CapView,
    CheckView,
    LegCheckView,
    MarketSeenView,
    OrderCheckView,
    OverrideOfferView,
    PolicyView,
    StopView,
    WouldBe,
)
from gateway.ports.clock import Clock
from gateway.ports.policy import PolicyEngine
from gateway.service.engine import Engine
from gateway.service.intake import Intake
from gateway.service.risk_reads import stop_view

#: Names the order that never is: its legs add their number.
CHECK_ID = "check"
_MS = 1_000_000
_NOT_ASKED = PolicyVerdict(is_allowed=False, failure="NOT_ASKED", failure_text="it was refused before the policy")
_OF_SCOPE = frozenset(rule.key for rule in RISK_RULES if rule.is_per_scope)


async def check_order(state: GatewayState, policy: PolicyEngine, event: OrderReceived) -> OrderCheckView:
    """The verdict on the order of ``event`` in ``state``, which is read and not changed.

    The policy is asked about every leg, those too that a limit refuses. What moves while a server thinks counts: it is
    decided once more at the end, as of then.
    """
    verdicts: dict[str, PolicyVerdict] = {}
    while True:
        explained = explain(state, event)
        missing = [leg for leg in explained.legs if leg.order.order_id not in verdicts]
        if not missing:
            return _view(state, event, explained, foresee(state, event, verdicts), verdicts)
        for leg in missing:
            document = leg.document
            verdicts[leg.order.order_id] = (
                policy.evaluate_now(document) if policy.is_immediate else await policy.evaluate(document)
            )


def as_received(request: NewOrderSingle, actor: Actor, view: MarketView, now_ns: int) -> OrderReceived:
    """The event that the order would be, were it placed."""
    request = msgspec.structs.replace(request, venue=request.venue.lower())
    return OrderReceived(
        ts_ns=now_ns,
        order_id=CHECK_ID,
        request=request,
        fingerprint=fingerprint(request),
        actor=actor,
        view=view,
    )


def check_again(state: GatewayState, event: OrderReceived, later: Mapping[str, PolicyVerdict]) -> OrderCheckView:
    """The verdict on an order of the past in ``state``, which is that before ``event``. ``later`` are what the policy
    answered after it, by order id, where it was asked outside; nobody is asked anew."""
    asked = [effect.order_id for effect in receive(state, _unanswered(event)).effects if type(effect) is EvaluatePolicy]
    verdicts = {**later, **dict(zip(asked, event.verdicts, strict=False))}
    explained = explain(state, event)
    for leg in explained.legs:
        verdicts.setdefault(leg.order.order_id, _NOT_ASKED)
    return _view(state, event, explained, foresee(state, _unanswered(event), verdicts), verdicts)


def _unanswered(event: OrderReceived) -> OrderReceived:
    return msgspec.structs.replace(event, verdicts=())


class OrderChecker:
    """Implements ``ports.checking.OrderChecks``."""

    def __init__(self, engine: Engine, intake: Intake, policy: PolicyEngine, clock: Clock) -> None:
        self._engine = engine
        self._intake = intake
        self._policy = policy
        self._clock = clock

    async def check(self, request: NewOrderSingle, actor: Actor) -> OrderCheckView:
        state, now_ns = self._engine.state, self._clock.now_ns()
        event = as_received(request, actor, self._intake.view(request.symbol, now_ns), now_ns)
        problems = shape_problems(request, now_ns)
        if problems:
            return shapeless(state, event, problems)
        self._intake.check_door()
        view = await check_order(state, self._policy, event)
        if request.cl_ord_id:
            earlier = await self._intake.find_earlier(request.account, request.cl_ord_id)
            if earlier is not None:
                return _placed_before(view, earlier, event.fingerprint)
        return view


def shapeless(state: GatewayState, event: OrderReceived, problems: tuple[FieldError, ...]) -> OrderCheckView:
    """What is no order at all."""
    text = "; ".join(f"{one.field} {one.rule}, was {one.value}" for one in problems)
    reject = refuse(RejectStage.INTAKE, RejectCode.ORDER_SHAPE_INVALID, text)
    view = _view(state, event, Explained(None), Foreseen(False, reject), {})
    return msgspec.structs.replace(view, problems=problems)


def _placed_before(view: OrderCheckView, earlier: Order, mark: str) -> OrderCheckView:
    """The client order id is taken: the same content is that order again, other content is refused."""
    reject: Reject | None
    if earlier.fingerprint != mark:
        text = f"client_order_id {earlier.cl_ord_id} already names an order with other content; choose a new one"
        reject = refuse(RejectStage.INTAKE, RejectCode.CLIENT_ORDER_ID_REUSED, text, order_id=earlier.order_id)
    else:
        reject = earlier.reject if earlier.ord_status is OrdStatus.DENIED else None
    would_be = WouldBe.ADMITTED if reject is None else WouldBe.DENIED
    return msgspec.structs.replace(
        view, would_be=would_be, refusal=reject, retry_after_ms=0, existing_order_id=earlier.order_id
    )


def _view(
    state: GatewayState,
    event: OrderReceived,
    explained: Explained,
    foreseen: Foreseen,
    verdicts: Mapping[str, PolicyVerdict],
) -> OrderCheckView:
    request = event.request
    legs = tuple(_leg_view(state, leg, foreseen, verdicts) for leg in explained.legs)
    held = [leg.order.held_value for leg in explained.legs if leg.order.order_id not in foreseen.rejects]
    instrument = state.config.instruments.get(request.symbol)
    venue = request.venue or (instrument.venue if instrument is not None else "")
    return OrderCheckView(
        would_be=_would_be(foreseen),
        refusal=foreseen.reject,
        retry_after_ms=-(-foreseen.wait_ns // _MS),
        problems=(),
        existing_order_id=None,
        symbol=request.symbol,
        side=request.side,
        quantity=plain(request.order_qty),
        account=request.account,
        strategy_id=request.strategy_id,
        venue=venue,
        currency=state.config.base_currency,
        held_exposure=plain(sum(held, ZERO) if foreseen.is_admitted else ZERO),
        trading_state=state.trading.gateway_state,
        stops=_stops(state, explained),
        caps=tuple(
            CapView(key=key, limit=None if limit is None else plain(limit), use=plain(use))
            for key, limit, use in cap_uses(state, venue)
        ),
        market=_market_view(event.view, instrument),
        legs=legs,
        config_revision=state.config.revision,
        policy_revision=next((verdict.revision for verdict in verdicts.values()), ""),
    )


def _would_be(foreseen: Foreseen) -> WouldBe:
    if foreseen.is_admitted:
        return WouldBe.ADMITTED
    return WouldBe.THROTTLED if foreseen.wait_ns else WouldBe.DENIED


def _leg_view(
    state: GatewayState, leg: LegExplained, foreseen: Foreseen, verdicts: Mapping[str, PolicyVerdict]
) -> LegCheckView:
    order, cut = leg.order, leg.candidate.leg
    verdict = verdicts[order.order_id]
    is_admitted = foreseen.is_admitted and order.order_id not in foreseen.rejects
    trip = None if order.is_closing else state.trading.slowest(order)
    would_be = WouldBe.ADMITTED if is_admitted else WouldBe.THROTTLED if foreseen.wait_ns else WouldBe.DENIED
    return LegCheckView(
        route=order.route,
        route_reason=order.route_reason,
        mode=order.mode,
        quantity=plain(order.order_qty),
        is_closing=order.is_closing,
        cycle=order.cycle,
        opens_cycle=cut.opens_cycle,
        bucket=cut.bucket,
        weight_bp=cut.weight_bp,
        held_exposure=plain(order.held_value),
        size_factor=plain(ONE if trip is None else trip.size_factor),
        would_be=would_be,
        refusals=leg.refusals,
        checks=tuple(_check_view(check) for check in leg.checks),
        policy=PolicyView(
            is_allowed=verdict.is_allowed and verdict.failure is None and not verdict.denies,
            reasons=verdict.denies,
            failure=verdict.failure,
            failure_text=verdict.failure_text,
            revision=verdict.revision,
        ),
        overrides=tuple(
            OverrideOfferView(
                override_id=use.override_id,
                granted_by=use.granted_by,
                lifted=tuple(breach.code for breach in use.lifted),
            )
            for use in order.overrides
        ),
    )


def _check_view(check: Check) -> CheckView:
    breach = check.breach
    return CheckView(
        rule=check.rule_id,
        code=breach.code,
        scope=breach.scope,
        scope_id=breach.scope_id,
        limit=breach.limit,
        value=breach.value,
        headroom=check.headroom,
        passed=not check.is_broken,
        is_exempt=check.is_exempt,
        is_of_order=check.rule_id not in _OF_SCOPE,
        text=CONTROL_OF[check.rule_id].text,
    )


def _stops(state: GatewayState, explained: Explained) -> tuple[StopView, ...]:
    """What stands in the way of some leg, by a person or by a breaker."""
    scopes = {(scope, leg.order.route) for leg in explained.legs for scope in scopes_of(leg.order)}
    return tuple(
        stop_view(stop)
        for stop in state.trading.everything_stopped()
        if any(scope == (stop.scope, stop.scope_id) and stop.book in (None, route) for scope, route in scopes)
    )


def _market_view(view: MarketView, instrument: Instrument | None) -> MarketSeenView:
    def text(value: object) -> str | None:
        return None if value is None else plain(value)  # type: ignore[arg-type]

    return MarketSeenView(
        reference_px=text(view.reference_px if instrument is None else reference_px(view, instrument)),
        bid_px=text(view.bid_px),
        ask_px=text(view.ask_px),
        age_ms=view.age_ns // _MS,
        is_synthetic=view.is_synthetic,
        is_delayed=view.is_delayed,
        is_open=view.is_open,
        phase=view.phase,
    )
