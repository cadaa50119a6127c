"""What is remembered of the quality of a venue, folded out of what happens to its orders."""

from decimal import Decimal

from gateway.core.evidence.memory import StepEvidence, VenueRollout
from gateway.domain.enums import ExecType, Mode, Side, SubmitStatus
from gateway.domain.events import (
    GatewayStarted,
    LookupCompleted,
    ReportsReceived,
    SubmitCompleted,
    VenueStatusChanged,
)
from gateway.domain.executions import ExecutionReport
from gateway.domain.orders import Order
from tests.world import World, trading_config

D = Decimal


def live_world() -> World:
    return World(trading_config(Mode.LIVE))


def rollout(world: World, venue: str = "alpha") -> VenueRollout:
    return world.state.rollouts[venue]


def evidence(world: World) -> StepEvidence:
    return rollout(world).evidence


def twin_report(world: World, order: Order, kind: ExecType, *, second: bool = False, px: str = "180") -> None:
    trade = {"exec_id": f"t{second}", "last_qty": order.order_qty, "last_px": D(px)} if kind is ExecType.TRADE else {}
    world.report(order, kind, is_twin=True, is_second_twin=second, **trade)


def test_each_live_order_is_sent_with_two_twins() -> None:
    """Without it nothing would show how much of a difference is the simulator's own noise."""
    world = live_world()
    world.place()
    assert [(t.route.value, t.is_twin, t.is_second_twin) for t in world.sent] == [
        ("live", False, False),
        ("shadow", True, False),
        ("shadow", True, True),
    ]


def test_an_order_is_compared_with_its_twins_once_all_are_done() -> None:
    """Without it a slippage against the twin would be counted before the twin filled, or several times."""
    world = live_world()
    order = world.place(qty="10")
    world.tick(20_000_000)
    world.report(order, ExecType.NEW)
    world.report(order, ExecType.TRADE, exec_id="x", last_qty=D(10), last_px=D("180.09"))
    assert evidence(world).slippage.counts == {50: 1}  # 5 bps of 180, in tenths
    assert evidence(world).twin_slippage.n == 0
    twin_report(world, order, ExecType.TRADE, px="180")
    assert evidence(world).twin_slippage.n == 0
    twin_report(world, order, ExecType.TRADE, second=True, px="180.036")
    found = evidence(world)
    assert found.twin_slippage.counts == {40: 1}  # against the mean of both
    assert found.noise.counts == {20: 1}
    (stratum,) = found.strata
    assert stratum == "market|buy|AAPL"
    tally = found.strata[stratum]
    assert (tally.orders, tally.errors, tally.filled, tally.pairs, tally.hits) == (1, 0, 1, 1, 1)
    assert tally.ack_ms >= 20
    twin_report(world, order, ExecType.TRADE, px="180")
    assert found.total.pairs == 1


def test_worse_is_positive_on_either_side() -> None:
    """Without it a bad price when selling would look like a good one."""
    for side, px, tenths in ((Side.BUY, "181.8", 1000), (Side.SELL, "181.8", -1000)):
        world = live_world()
        order = world.place(side=side, qty="1")
        world.report(order, ExecType.TRADE, exec_id="x", last_qty=D(1), last_px=D(px))
        assert evidence(world).slippage.counts == {tenths: 1}


def test_an_order_that_the_twins_fill_and_the_venue_does_not_is_a_miss() -> None:
    """Without it a venue that never fills would look as good as one that does."""
    world = live_world()
    order = world.place(qty="1")
    world.report(order, ExecType.NEW)
    for second in (False, True):
        twin_report(world, order, ExecType.TRADE, second=second)
    world.report(order, ExecType.EXPIRED)
    assert (evidence(world).total.pairs, evidence(world).total.hits) == (1, 0)


def test_an_order_that_nobody_fills_says_nothing() -> None:
    """Without it a limit far from the market that its client takes back would count against the venue."""
    world = live_world()
    order = world.place(qty="1")
    world.report(order, ExecType.NEW)
    world.report(order, ExecType.CANCELED)
    for second in (False, True):
        twin_report(world, order, ExecType.CANCELED, second=second)
    assert evidence(world).total.pairs == 0


def test_errors_count_once() -> None:
    """Without it one order in doubt that is rejected in the end would be two errors, and a rate could pass 1."""
    world = live_world()
    for kind in ("rejected", "doubt", "acknowledged and rejected"):
        order = world.place(qty="1")
        if kind == "doubt":
            world.send(SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
            assert rollout(world).in_doubt == 1
            world.send(LookupCompleted(ts_ns=world.tick(), order_id=order.order_id, is_known=False))
        elif kind == "rejected":
            world.report(order, ExecType.REJECTED)
        else:
            world.report(order, ExecType.NEW)
            world.report(order, ExecType.REJECTED)
    assert (rollout(world).orders, rollout(world).errors, rollout(world).in_doubt) == (3, 3, 0)
    assert (evidence(world).total.orders, evidence(world).total.rejects) == (3, 2)


def test_a_rejection_after_the_step_was_left_is_no_error_of_the_next() -> None:
    """Without it a step could have more errors than orders, and be failed for what another one did."""
    world = live_world()
    order = world.place(qty="1")
    world.report(order, ExecType.NEW)
    rollout(world).restart(world.tick())
    rollout(world).enter(1, world.now_ns)
    world.report(order, ExecType.REJECTED)
    assert (rollout(world).orders, rollout(world).errors) == (0, 0)
    assert (evidence(world).total.orders, evidence(world).total.errors) == (0, 0)


def test_what_an_outage_cut_off_is_no_error_of_the_venue() -> None:
    """Without it a night of maintenance would roll a good venue back."""
    world = live_world()
    order = world.place(qty="1")
    world.send(SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
    world.send(VenueStatusChanged(ts_ns=world.tick(), venue="alpha", is_connected=False, text="gone"))
    world.send(VenueStatusChanged(ts_ns=world.tick(), venue="alpha", is_connected=True, text="back"))
    world.send(LookupCompleted(ts_ns=world.tick(), order_id=order.order_id, is_known=False))
    assert (rollout(world).orders, rollout(world).errors, rollout(world).in_doubt) == (0, 0, 0)
    assert evidence(world).lost == 1


def test_a_rejection_is_one_in_an_outage_too() -> None:
    """Without it a venue that says no and hangs up would never be found out."""
    world = live_world()
    order = world.place(qty="1")
    world.send(VenueStatusChanged(ts_ns=world.tick(), venue="alpha", is_connected=False, text="gone"))
    world.report(order, ExecType.REJECTED)
    assert (rollout(world).orders, rollout(world).errors) == (1, 1)


def test_shadow_orders_are_no_evidence_of_a_venue() -> None:
    """Without it the simulator would promote a venue that never saw an order."""
    world = World(trading_config(Mode.SHADOW))
    order = world.place(qty="1")
    world.report(order, ExecType.TRADE, exec_id="x", last_qty=D(1), last_px=D(180))
    assert (rollout(world).orders, evidence(world).total.orders, evidence(world).shadow_orders) == (0, 0, 1)


def test_a_restart_of_the_gateway_is_no_error_of_the_venue() -> None:
    """Without it every crash of ours with an order under way would count against the venue."""
    world = live_world()
    order = world.place(qty="1")
    world.send(GatewayStarted(ts_ns=world.tick(), version="2"))
    assert rollout(world).in_doubt == 1
    world.report(order, ExecType.NEW)
    assert (rollout(world).orders, rollout(world).errors, rollout(world).in_doubt) == (0, 0, 0)


def executed(world: World, order: Order, qty: str, px: str, vwap: str | None, late_ns: int = 0) -> None:
    now_ns = world.tick()
    report = ExecutionReport(
        order_id=order.order_id,
        exec_type=ExecType.TRADE,
        transact_ns=now_ns - late_ns,
        exec_id=f"x{now_ns}",
        last_qty=D(qty),
        last_px=D(px),
    )
    vwaps = {} if vwap is None else {order.order_id: D(vwap)}
    world.send(ReportsReceived(ts_ns=now_ns, reports=(report,), vwaps=vwaps))


def test_an_order_is_held_against_the_average_of_the_market_until_its_last_execution() -> None:
    """Without it an order in a hundred parts would drown a hundred orders, and a good sale would look bad."""
    world = live_world()
    buy = world.place(qty="10")
    executed(world, buy, "4", "180.18", "170")  # the market of half of its life
    assert evidence(world).vwap.n == 0
    executed(world, buy, "6", "180", "180")
    assert (evidence(world).total.vwap_orders, evidence(world).total.vwap) == (1, 40)  # 4 bps, in tenths
    assert evidence(world).vwap.counts == {40: 1}
    sale = world.place(side=Side.SELL, qty="10")
    executed(world, sale, "10", "180.18", "180")
    assert (evidence(world).total.vwap_orders, evidence(world).total.vwap) == (2, -60)
    assert {name: tally.vwap for name, tally in evidence(world).strata.items()} == {
        "market|buy|AAPL": 40,
        "market|sell|AAPL": -100,
    }


def test_an_execution_without_an_average_of_its_time_is_held_against_none() -> None:
    """Without it what a venue tells an hour later would be judged by the market of an hour later."""
    world = live_world()
    executed(world, world.place(qty="1"), "1", "180", None)
    executed(world, world.place(qty="1"), "1", "180", "90", late_ns=3_600_000_000_000)
    assert (evidence(world).total.vwap_orders, evidence(world).total.vwap) == (0, 0)
    assert evidence(world).total.first_fills == 2
