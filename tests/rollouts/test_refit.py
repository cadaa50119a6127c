"""The simulator fitted to live orders and their twins: nearer on orders it did not see, or left alone."""

from decimal import Decimal

from gateway.app.refit import as_text
from gateway.domain.enums import ExecType, Mode
from gateway.domain.settings import SimulatorSettings
from gateway.service.refit import Fitted, refit
from gateway.service.step_record import StepFold
from tests.rollouts.site import Site

D = Decimal
MS = 1_000_000


def fitted(orders: int, venue_ms: int, twin_ms: tuple[int, int] = (10, 11), fee: str = "0.09") -> dict[str, Fitted]:
    """After ``orders`` that the venue acknowledged after so long, and the twins after theirs; 180 paid ``fee`` each."""
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
        site.fill(order, fee=D(fee), fee_currency="USD")
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
    text = as_text(list(found.values()))
    assert "simulator:\n  order_latency_ms: 25\n  report_latency_ms: 25\n  taker_fee_bps: 5" in text
    assert "maker_fee_bps: 1 -> 1 bps, 0 orders: too little evidence: 40 more orders needed" in text


def test_too_few_orders_and_the_simulators_own_noise_change_nothing() -> None:
    """Without it a fit to ten orders, or to what two simulations differ by, would move every comparison after it."""
    few = fitted(10, venue_ms=50)
    assert all(one.new == one.old for one in few.values())
    assert few["there and back"].text == "too little evidence: 30 more orders needed; left as it is"
    noisy = fitted(60, venue_ms=14, twin_ms=(10, 20), fee="0.036")
    assert noisy["there and back"].text == "within what two simulations differ by; left as it is"
    assert as_text(list(noisy.values())).endswith("nothing to change")
