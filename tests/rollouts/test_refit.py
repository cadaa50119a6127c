"""The simulator fitted to live orders and their twins: nearer on orders it did not see, or left alone."""

from decimal import Decimal
from pathlib import Path

import pytest

from gateway.adapters.config.rewriting import NotRewritable, with_values
from gateway.app.refit import as_text, write_fitted
from gateway.domain.enums import ExecType, Mode, Route
from gateway.domain.settings import SimulatorSettings
from gateway.service.refit import Fitted, refit
from gateway.service.step_record import StepFold
from tests.rollouts.site import Site

D = Decimal
MS = 1_000_000


def fitted(
    orders: int, venue_ms: int, twin_ms: tuple[int, int] = (10, 11), fee: str = "0.09", *, is_fee_late: bool = False
) -> dict[str, Fitted]:
    """After ``orders`` that the venue acknowledged after so long, and the twins after theirs; 180 paid ``fee`` each,
    which the venue told with the execution or (``is_fee_late``) by correcting it."""
    site = Site()
    site.raise_to(Mode.CANARY, 5_000)
    for _ in range(orders):
        order = site.live_order()
        began = site.now_ns
        reports = [
            (venue_ms, {}),
            (twin_ms[0], {"is_twin": True}),
            (twin_ms[1], {"is_twin": True, "is_second_twin": True}),
        ]
        for after_ms, kind in sorted(reports, key=lambda one: one[0]):
            site.now_ns = began + after_ms * MS - MS  # a report ticks by one
            site.report(order, ExecType.NEW, **kind)
        cost = {"fee": D(fee), "fee_currency": "USD"}
        site.fill(order, **({} if is_fee_late else cost))
        if is_fee_late:
            (fill,) = order.fills
            same = {"exec_ref_id": fill.exec_id, "last_qty": fill.last_qty, "last_px": fill.last_px}
            site.report(order, ExecType.TRADE_CORRECT, exec_id=f"c-{fill.exec_id}", **same, **cost)
    fold = StepFold("alpha", 0)
    for record in site.records:
        fold.note(record)
    found = refit(list(fold.orders), SimulatorSettings(), site.state.config.instruments)
    return {one.name: one for one in found}


def test_latency_and_fees_come_nearer_to_what_was_live() -> None:
    """Without it the twins of a slow, dear venue would stay fast and cheap for ever."""
    found = fitted(60, venue_ms=50)
    assert (found["there and back"].new, found["order_latency_ms"].new, found["report_latency_ms"].new) == (50, 25, 25)
    assert (found["there and back"].error_before, found["there and back"].error_after) == (40, 0)
    assert found["taker_fee_bps"].new == 5
    assert (found["latency_jitter"].new, found["latency_jitter"].error_after) == (0, 0)  # it is always the same
    text = as_text(list(found.values()))
    assert (
        "simulator:\n  order_latency_ms: 25\n  report_latency_ms: 25\n  latency_jitter: 0\n  taker_fee_bps: 5" in text
    )
    assert "maker_fee_bps: 1 -> 1 bps, 0 orders: too little evidence: 40 more orders needed" in text


def test_fees_that_are_told_after_the_execution_are_fitted_too() -> None:
    """Without it the twins of a venue that tells commissions late would trade for nothing."""
    assert fitted(60, venue_ms=50, is_fee_late=True)["taker_fee_bps"].new == 5


def test_too_few_orders_and_the_simulators_own_noise_change_nothing() -> None:
    """Without it a fit to ten orders, or to what two simulations differ by, would move every comparison after it."""
    few = fitted(10, venue_ms=50)
    assert all(one.new == one.old for one in few.values())
    assert few["there and back"].text == "too little evidence: 30 more orders needed; left as it is"
    noisy = fitted(60, venue_ms=14, twin_ms=(10, 20), fee="0.036")
    assert noisy["there and back"].text == "within what two simulations differ by; left as it is"
    assert as_text(list(few.values())).endswith("nothing to change")


def resting(orders: int, live_ms: int, twin_ms: int) -> Fitted:
    """After resting orders that first filled after so long, live and simulated; the place in the queue that fits."""
    site = Site()
    site.raise_to(Mode.CANARY, 5_000)
    site.prices["AAPL"] = D(180)
    for _ in range(orders):
        while (order := site.place(qty=1, limit=D(179), strategy=f"s{site._count}")).route is not Route.LIVE:
            site.report(order, ExecType.CANCELED)
        for kind in ({}, {"is_twin": True}, {"is_twin": True, "is_second_twin": True}):
            site.report(order, ExecType.NEW, **kind)
        began = site.now_ns
        for after_ms, kind in sorted(
            [(twin_ms, {"is_twin": True, "exec_id": "t"}), (live_ms, {})], key=lambda one: one[0]
        ):
            site.now_ns = began + after_ms * MS - MS
            site.fill(order, 1, is_maker=True, **kind)
    fold = StepFold("alpha", 0)
    for record in site.records:
        fold.note(record)
    found = refit(list(fold.orders), SimulatorSettings(), site.state.config.instruments)
    return next(one for one in found if one.name == "queue_position")


def test_the_place_in_the_queue_follows_how_long_orders_rested() -> None:
    """Without it resting twins would fill too late for ever at a venue where we stand further in front."""
    fitted_place = resting(60, live_ms=200, twin_ms=400)
    assert fitted_place.old == 1
    assert D("0.45") < fitted_place.new < D("0.55")
    assert fitted_place.error_before is not None
    assert fitted_place.error_after is not None
    assert fitted_place.error_after < fitted_place.error_before / 10
    assert resting(60, live_ms=400, twin_ms=200).new == 1  # nobody stands behind the back of the queue


FILE = """# ours
modes: {global: SHADOW}
simulator:
  seed: 7
  order_latency_ms: 5          # one way

  report_latency_ms: 5
server: {port: 8000}  # the last
"""


def test_written_figures_leave_everything_else_as_it_is() -> None:
    """Without it a refit would eat the comments of a file that people keep, or write what nobody reads."""
    after = with_values(FILE, "simulator", {"order_latency_ms": "25.5", "latency_jitter": "0.1"})
    assert after == FILE.replace("order_latency_ms: 5  ", "order_latency_ms: 25.5  ").replace(
        "simulator:\n", "simulator:\n  latency_jitter: 0.1\n"
    )
    begun = with_values("modes: {global: SHADOW}\n", "simulator", {"taker_fee_bps": "5"})
    assert begun == "modes: {global: SHADOW}\n\nsimulator:\n  taker_fee_bps: 5\n"
    for odd in ("simulator: {seed: 7}\n", "a: 1\nsimulator:\n  seed: [7,\n    8]\n"):
        with pytest.raises(NotRewritable):
            with_values(odd, "simulator", {"seed": "8"})


def test_the_command_writes_only_when_asked_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without it a look would move every comparison after it."""
    path = tmp_path / "gateway.yaml"
    path.write_text(FILE)
    found = [Fitted(name="order_latency_ms", unit="ms", orders=60, old=D(5), new=D(25), text="fitted")]
    assert "or --write" in as_text(found)
    assert path.read_text() == FILE
    assert write_fitted(path, found) == 0
    assert "order_latency_ms: 25  " in path.read_text()
    assert capsys.readouterr().out == f"# written to {path}\n"
