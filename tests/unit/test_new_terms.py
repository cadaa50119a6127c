"""New terms of an order are asked what a new order would be asked: each of these once let risk through."""

import contextlib

import msgspec

from gateway.core.withholding import why_withheld
from gateway.domain.config import Limits
from gateway.domain.enums import ExecType, Mode, OrdStatus, Route, Side, TradingState
from gateway.domain.events import GatewayStarted, OverrideRequested, SessionStarted, VenueStatusChanged
from gateway.domain.orders import Order
from gateway.domain.overrides import OverrideTerms
from gateway.domain.reasons import RouteReason
from gateway.domain.rollout import CanaryCaps
from gateway.domain.rollout_events import RolloutOverrideRequested
from gateway.domain.throttles import SelfMatchPrevention, ThrottleTable
from tests.world import ADMIN, ALLOW, INSTRUMENTS, RITA, D, World, trading_config

_MINUTE_NS = 60_000_000_000


def working(world: World, side: Side = Side.BUY, qty: int = 10, limit: int = 180) -> Order:
    order = world.place(side, qty, limit=D(limit))
    world.report(order, ExecType.NEW)
    return order


def denied_code(world: World) -> str:
    fact = world.records[-1].facts[-1]
    return str(fact.reject.code)  # type: ignore[union-attr]


def test_a_closing_order_does_not_grow_beyond_its_position() -> None:
    """Without this, a venue in SHADOW would be sent an order that ends in a new live position."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(10)
    order = working(world, Side.SELL, limit=190)
    assert order.is_closing
    world.load(trading_config(Mode.SHADOW))
    world.replace(order, order_qty=D(30))
    assert world.replaced == []
    assert denied_code(world) == "REPLACE_OPENS"


def test_a_closing_order_whose_position_is_gone_comes_no_nearer() -> None:
    """Without this, in REDUCING an order that once closed could be moved to the market and open the other side."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(10)
    order = working(world, Side.SELL, limit=200)
    world.fill(world.place(Side.SELL, 10, limit=D(180)))
    assert world.position(Route.LIVE) == 0
    world.halt(TradingState.REDUCING)
    world.replace(order, limit_px=D(170))
    assert world.replaced == []


def test_more_of_a_canary_is_held_to_its_caps() -> None:
    """Without this, a canary of 2,000 would carry 90,000 by one change of its order."""
    caps = {"alpha": CanaryCaps(max_live_notional=D(2_000))}
    world = World(trading_config(Mode.CANARY, weight_bp=10_000, caps=caps))
    order = working(world)
    assert order.route is Route.LIVE
    world.replace(order, order_qty=D(500))
    assert (world.replaced, denied_code(world)) == ([], "CANARY_CAP")
    world.replace(order, order_qty=D(11))
    assert {effect.order_qty for effect in world.replaced} == {D(11)}


def test_new_terms_of_a_canary_are_held_to_its_caps_at_what_they_may_come_to() -> None:
    """Without this, fewer units at a dearer price would be refused for the value of all of them at that price."""
    caps = {"alpha": CanaryCaps(max_live_notional=D(2_000))}
    world = World(trading_config(Mode.CANARY, weight_bp=10_000, caps=caps))
    order = working(world)
    world.replace(order, order_qty=D(20), limit_px=D(100))  # 10 may fill at 180, and then 10 more
    assert (world.replaced, denied_code(world)) == ([], "CANARY_CAP")
    world.replace(order, order_qty=D(8), limit_px=D(250))
    assert {effect.limit_px for effect in world.replaced} == {D(250)}


def test_more_of_a_live_order_is_refused_where_nothing_new_goes_live() -> None:
    """Without this, the client would hear that his change is on its way, and learn from the stream alone that it never
    left."""
    world = World(trading_config(Mode.LIVE))
    order = working(world)
    world.load(trading_config(Mode.SHADOW))
    for terms in ({"order_qty": D(11)}, {"limit_px": D(181)}):
        world.replace(order, **terms)
        assert (world.replaced, denied_code(world)) == ([], "WITHHELD")
        assert order.pending_replace is None
    world.replace(order, limit_px=D(179))  # less of it is no new risk
    assert {effect.limit_px for effect in world.replaced} == {D(179)}


def test_more_of_a_disabled_instrument_is_denied() -> None:
    """Without this, what is closed to new orders would be open to larger ones."""
    world = World(trading_config(Mode.LIVE))
    order = working(world)
    off = INSTRUMENTS | {"AAPL": msgspec.structs.replace(INSTRUMENTS["AAPL"], enabled=False)}
    world.load(trading_config(Mode.LIVE, instruments=off, revision="off"))
    world.replace(order, order_qty=D(500))
    assert world.replaced == []


def test_more_of_a_strategy_outside_the_session_is_denied() -> None:
    """Without this, the same would hold of who may trade."""
    world = World(trading_config(Mode.LIVE))
    order = working(world)
    world.send(SessionStarted(ts_ns=world.tick(), session_id="s", label="", strategies=("other",), actor=ADMIN))
    world.replace(order, order_qty=D(500))
    assert world.replaced == []


def lost_venue(world: World) -> None:
    world.send(VenueStatusChanged(ts_ns=world.tick(), venue="alpha", is_connected=False, text="gone"))


def test_what_cannot_be_closed_is_not_outweighed_by_a_new_position() -> None:
    """Without this, an order whose closing part was refused would open its rest in the other book, and be told as
    denied while that works."""
    world = World(trading_config(Mode.LIVE))
    world.open_live(10)
    world.load(trading_config(Mode.SHADOW))
    lost_venue(world)
    order = world.place(Side.SELL, 15, limit=D(190))
    assert order.ord_status is OrdStatus.DENIED
    assert world.state.open_orders() == []


def test_a_leg_that_is_denied_does_not_end_the_order_of_the_one_that_works() -> None:
    """Without this, an order would be told as denied, and be forgotten, while its other closing leg works."""
    world = World(trading_config(Mode.LIVE, retained_closed_orders=1))
    world.open_live(10)
    world.load(trading_config(Mode.SHADOW, retained_closed_orders=1))
    world.fill(world.place(Side.BUY, 5, limit=D(180)))
    assert (world.position(Route.LIVE), world.position(Route.SHADOW)) == (10, 5)
    lost_venue(world)
    order = world.place(Side.SELL, 15, limit=D(190))
    assert [(leg.route, leg.is_open) for leg in world.legs(order)] == [(Route.LIVE, False), (Route.SHADOW, True)]
    for _ in range(3):
        world.place(qty=D("0.5"))  # off the lot: denied, and takes a place in memory
    assert order.is_open
    assert world.legs(order)[1] in world.state.open_orders()


def overridden(mode: Mode, to: Mode, lasts_ns: int, **config: object) -> World:
    world = World(trading_config(mode, **config))  # type: ignore[arg-type]
    world.send(
        RolloutOverrideRequested(
            ts_ns=world.tick(),
            venue="alpha",
            mode=to,
            weight_bp=10_000,
            expires_ns=world.now_ns + lasts_ns,
            actor=RITA,
            reason="x",
        )
    )
    assert world.state.mode_of("alpha") is to
    return world


def test_a_configuration_that_lowers_a_venue_ends_its_override() -> None:
    """Without this, an edit to SHADOW in an emergency would leave the venue live."""
    world = overridden(Mode.CANARY, Mode.LIVE, 60 * _MINUTE_NS, weight_bp=100)
    world.load(trading_config(Mode.SHADOW))
    assert world.state.mode_of("alpha") is Mode.SHADOW
    assert world.place(qty=10, limit=D(180)).route is Route.SHADOW


def test_an_override_that_ran_out_while_the_gateway_was_down_is_over_at_its_start() -> None:
    """Without this, orders would go live on its account until the first look at the clock."""
    world = overridden(Mode.SHADOW, Mode.CANARY, _MINUTE_NS)
    world.tick(2 * _MINUTE_NS)
    world.send(GatewayStarted(ts_ns=world.tick(), version="1", day=0, venue_days={}))
    assert world.state.mode_of("alpha") is Mode.SHADOW


def test_an_order_after_the_end_of_an_override_is_decided_without_it() -> None:
    """Without this, orders would go live on its account until the next look at the clock, up to a second later."""
    world = overridden(Mode.SHADOW, Mode.CANARY, _MINUTE_NS)
    before, world.now_ns = world.now_ns, world.now_ns + _MINUTE_NS
    late = world.place(qty=10, limit=D(180))
    assert (late.route, late.mode) == (Route.SHADOW, Mode.SHADOW)
    world.now_ns = before
    early = world.place(qty=10, limit=D(180), strategy="s2")
    assert (early.route, early.mode) == (Route.LIVE, Mode.CANARY)


def test_an_order_whose_policy_answers_after_the_end_of_an_override_is_decided_again() -> None:
    """Without this, an order could be held while the override lasts, and go live long after its end."""
    world = overridden(Mode.SHADOW, Mode.CANARY, _MINUTE_NS)
    world.asks_outside, world.policy = True, lambda document: None
    order = world.place(qty=10, limit=D(180))
    assert (order.route, order.is_admitted) == (Route.LIVE, False)
    world.tick(_MINUTE_NS)
    [question] = world.asked
    world.policy = lambda document: ALLOW
    world.answer_policy(question, ALLOW)
    again = world.state.orders[order.order_id]
    assert (again.route, again.is_admitted) == (Route.SHADOW, True)
    assert {ticket.route for ticket in world.sent} == {Route.SHADOW}


def test_the_caps_of_a_venue_are_those_of_after_an_override_once_its_time_is_over() -> None:
    """Without this, an override to LIVE would lift the caps of a canary for a moment longer, for new terms too."""
    caps = {"alpha": CanaryCaps(max_live_notional=D(2_000))}
    world = overridden(Mode.CANARY, Mode.LIVE, _MINUTE_NS, weight_bp=10_000, caps=caps)
    order = working(world)
    world.tick(_MINUTE_NS)
    world.replace(order, order_qty=D(500))
    assert (world.replaced, denied_code(world)) == ([], "CANARY_CAP")
    capped = world.place(qty=10, limit=D(180))
    assert (capped.route, capped.route_reason) == (Route.SHADOW, RouteReason.CANARY_CAP_NOTIONAL)


def test_dearer_terms_are_not_sent_after_the_end_of_an_override() -> None:
    """Without this, a change that waited would add live risk at a venue that is in SHADOW again."""
    world = overridden(Mode.SHADOW, Mode.CANARY, _MINUTE_NS)
    order = working(world)
    world.replace(order, order_qty=D(20))
    assert why_withheld(world.state, order, is_replace=True, now_ns=world.now_ns) == ""
    assert why_withheld(world.state, order, is_replace=True, now_ns=world.now_ns + _MINUTE_NS)


def test_an_order_that_has_to_wait_gives_its_override_back() -> None:
    """Without this, the order that its sender is told to send again would be denied."""
    table = ThrottleTable(self_match_prevention=SelfMatchPrevention.CANCEL_OLDEST)
    world = World(trading_config(Mode.LIVE, limits=Limits(max_order_size=D(5)), throttles=table))
    terms = OverrideTerms(rules=("max_order_size",), symbol="AAPL", max_qty=D(20))
    expires_ns = world.now_ns + _MINUTE_NS
    world.send(
        OverrideRequested(
            ts_ns=world.tick(), override_id="v1", terms=terms, actor=RITA, reason="t", expires_ns=expires_ns
        )
    )
    working(world, qty=5)
    with contextlib.suppress(KeyError):  # there is no order: it has to be sent again
        world.place(Side.SELL, 10, limit=D(180))
    override = world.state.overrides["v1"]
    assert (override.used_by, override.uses) == ("", 0)


def test_more_of_a_cheap_order_counts_what_is_held_at_the_market() -> None:
    """Without this, a bid far below the market could grow where a new one is refused: what is held already would be
    valued at the bid, and a position of 18,000 be taken for one of 10,000."""
    world = World(trading_config(limits=Limits(max_position_value=D(20_000))))
    world.fill(world.place(qty=100))
    assert world.place(qty=20, limit=D(100)).reject is not None
    order = working(world, qty=1, limit=100)
    world.replace(order, order_qty=D(20))
    assert (world.replaced, denied_code(world)) == ([], "MAX_POSITION_VALUE")
    world.replace(order, order_qty=D(5))
    assert len(world.replaced) == 1


def test_more_of_a_cheap_order_is_asked_again_when_the_policy_has_spoken() -> None:
    """Without this, a market that moves while the policy thinks would be overlooked: what is held counts at the bid."""
    world = World(trading_config(limits=Limits(max_position_value=D(20_000))))
    order = working(world, qty=1, limit=100)
    world.policy = lambda document: None
    world.replace(order, order_qty=D(20))
    world.policy = lambda document: ALLOW
    world.fill(world.place(qty=90))
    world.mark("AAPL", D(190))
    world.answer_policy(world.asked[-1], ALLOW)
    assert (world.replaced, denied_code(world)) == ([], "MAX_POSITION_VALUE")
