"""What a venue cannot do is refused before it is sent; what its word about an order proves follows its declaration."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.core.loosening import compare
from gateway.domain.capabilities import Holdings, IdReuse, Reach, VenueCapabilities
from gateway.domain.enums import Mode, OrdStatus, OrdType, RejectStage, SubmitStatus, TimeInForce
from gateway.domain.events import AlertsChecked, GatewayStarted, LookupCompleted, SubmitCompleted
from gateway.domain.reasons import RejectCode
from tests.world import World, trading_config

D = Decimal
ALPHA = VenueCapabilities(
    adapter="alpha",
    id_reuse=IdReuse.NEVER_REFUSED,
    lookup=Reach.CURRENT_DAY,
    executions=Reach.CURRENT_DAY,
    holdings=Holdings.POSITIONS,
    order_types=(OrdType.MARKET, OrdType.LIMIT, OrdType.TRAILING_STOP),
    times_in_force=(TimeInForce.DAY, TimeInForce.GTC),
    algorithms=("vwap",),
    has_replace=False,
    has_trailing_amount=False,
)


def world_of(mode: Mode = Mode.SHADOW, **can: Any) -> World:
    declared = {"alpha": VenueCapabilities(**{**{f: getattr(ALPHA, f) for f in ALPHA.__struct_fields__}, **can})}
    return World(trading_config(mode, weight_bp=10_000, capabilities=declared))


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.LIVE])
@pytest.mark.parametrize(
    ("order", "code", "told"),
    [
        ({}, None, ""),
        ({"limit": D(180)}, None, ""),
        ({"ord_type": OrdType.STOP, "stop_px": D(190)}, RejectCode.ORDER_TYPE_UNSUPPORTED, "market, limit, trailing"),
        ({"ord_type": OrdType.TRAILING_STOP, "trailing_percent": D(5)}, None, ""),
        (
            {"ord_type": OrdType.TRAILING_STOP, "trailing_amount": D(5)},
            RejectCode.ORDER_TYPE_UNSUPPORTED,
            "trailing_stop with trailing_percent",
        ),
        ({"time_in_force": TimeInForce.IOC}, RejectCode.TIME_IN_FORCE_UNSUPPORTED, "day, gtc"),
        ({"execution_algorithm": "VWAP"}, None, ""),
        ({"execution_algorithm": "vwap:slow"}, None, ""),
        ({"execution_algorithm": "twap"}, RejectCode.ALGORITHM_UNSUPPORTED, "vwap"),
    ],
)
def test_a_venue_is_sent_only_what_it_can_do(mode: Mode, order: dict[str, Any], code: str | None, told: str) -> None:
    """Without this, an order could pass every check, be counted and held, and be refused by the venue for good; or
    fill in SHADOW as it never could for real."""
    world = world_of(mode)
    placed = world.place(**order)
    assert (None if placed.reject is None else placed.reject.code) == code
    assert bool(world.sent) == (code is None)
    if placed.reject is not None:
        assert placed.reject.stage is RejectStage.INSTRUMENT
        assert told in placed.reject.text
        assert "at alpha" in placed.reject.text


@pytest.mark.parametrize(
    ("wish", "is_taken"), [("iceberg:9", True), ("Iceberg:1", True), ("iceberg", False), ("iceberg:10", False)]
)
def test_an_iceberg_says_how_much_of_it_shows(wish: str, is_taken: bool) -> None:
    """Without this, it would be admitted and never sent, and its refusal count as an error of the venue."""
    placed = world_of(algorithms=("iceberg",)).place(qty=10, execution_algorithm=wish)
    assert (placed.reject is None) is is_taken
    if placed.reject is not None:
        assert placed.reject.code == RejectCode.ALGORITHM_UNSUPPORTED
        assert "iceberg:QTY with a QTY below 10" in placed.reject.text


def test_every_shortcoming_is_told_at_once() -> None:
    """Without this, a client would learn of them one refusal after the other."""
    placed = world_of().place(ord_type=OrdType.STOP, stop_px=D(190), time_in_force=TimeInForce.IOC)
    assert placed.reject is not None
    assert [breach.code for breach in placed.reject.breaches] == [
        RejectCode.ORDER_TYPE_UNSUPPORTED,
        RejectCode.TIME_IN_FORCE_UNSUPPORTED,
    ]


def test_a_venue_that_cannot_change_orders_is_not_asked_to() -> None:
    """Without this, a change would be sent to where it cannot be done."""
    world = world_of()
    decision = world.replace(world.place(limit=D(180)), limit_px=D(179))
    assert decision.refusal is not None
    assert decision.refusal.code == RejectCode.REPLACE_UNSUPPORTED
    assert not world.replaced


def test_a_venue_of_another_program_version_is_no_looser_limit() -> None:
    """Without this, an update of the program could wait for an approval that nobody can give sense to."""
    old, new = trading_config(), trading_config(capabilities={"alpha": ALPHA})
    assert not compare(old, new).looser
    assert not compare(new, old).looser


@pytest.mark.parametrize(
    ("reach", "since_s", "is_settled"),
    [
        (Reach.ALL, None, True),
        (Reach.ALL, -60, True),
        (Reach.ALL, 60, False),  # it reaches not that far back after all
        (Reach.CURRENT_DAY, -60, True),
        (Reach.CURRENT_DAY, 60, False),  # sent on an earlier day
        (Reach.CURRENT_DAY, None, False),  # the adapter does not say where the day began
        (Reach.NONE, None, False),
        (Reach.NONE, -60, False),
    ],
)
def test_absence_is_proof_as_far_back_as_the_venue_remembers(
    reach: Reach, since_s: int | None, is_settled: bool
) -> None:
    """Without this, an order of yesterday that filled overnight would be called never sent, and sent again."""
    world = world_of(Mode.LIVE, lookup=reach)
    order = world.place()
    world.send(SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
    since_ns = 0 if since_s is None else order.created_ns + since_s * 1_000_000_000
    world.send(LookupCompleted(ts_ns=world.tick(), order_id=order.order_id, is_known=False, since_ns=since_ns))
    assert order.is_in_doubt is not is_settled
    assert order.ord_status == (OrdStatus.CANCELED if is_settled else OrdStatus.PENDING_NEW)


def test_an_order_under_way_at_a_crash_is_in_doubt_after_it() -> None:
    """Without this, nobody would be alerted of an order whose answer the crash swallowed."""
    world = world_of(Mode.LIVE)
    order = world.place()
    world.send(GatewayStarted(ts_ns=world.tick(), version="test"))
    assert order.is_in_doubt
    assert [ticket.order_id for ticket in world.looked_up if not ticket.is_twin] == [order.order_id]


@pytest.mark.parametrize(
    ("lookup", "told"),
    [
        (Reach.ALL, "looked up until the venue answers"),
        (Reach.CURRENT_DAY, "the current day alone: settle older ones by hand"),
        (Reach.NONE, "settle what does not show up by hand"),
    ],
)
def test_who_waits_for_an_order_in_doubt_is_told_what_can_end_it(lookup: Reach, told: str) -> None:
    """Without this, people would wait for an answer that this venue cannot give, with exposure held meanwhile."""
    world = world_of(Mode.LIVE, lookup=lookup)
    order = world.place()
    world.send(SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))
    world.tick(world.state.config.reconciliation.in_doubt_alert_s * 1_000_000_000)
    world.send(AlertsChecked(ts_ns=world.tick(), conditions=()))
    (alert,) = world.state.alerts.active.values()
    assert told in alert.condition.text
