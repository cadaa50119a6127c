"""The clock of the rollouts looks at once after what may end one."""

from decimal import Decimal

import pytest

from gateway.core.decision import Decision
from gateway.domain.enums import ExecType, Mode
from gateway.domain.facts import OrderExecuted
from gateway.domain.rollout import HoldCause
from gateway.service.rollouts import RolloutDesk
from tests.fakes.clock import ManualClock
from tests.rollouts.site import Site


class Engine:
    """Of a ``service.engine.Engine``, what the desk needs to look."""

    def __init__(self, site: Site) -> None:
        self.state = site.state
        self.process = site.send


@pytest.mark.parametrize("qty", [1, 3])
def test_an_order_that_fills_beyond_its_quantity_ends_a_rollout_at_once(qty: int) -> None:
    """Without it orders would go live for up to a second at a venue that executes more than it was told to. An
    ordinary fill costs no look."""
    site = Site()
    assert site.raise_to(Mode.CANARY, 5_000) == ""
    desk = RolloutDesk(Engine(site), ManualClock(site.now_ns + 1), lambda: "")  # type: ignore[arg-type]
    order = site.live_order(qty=1)
    looks = len(site.records)
    decision = site.report(order, ExecType.TRADE, exec_id="x", last_qty=Decimal(qty), last_px=site.prices["AAPL"])
    assert any(isinstance(fact, OrderExecuted) for fact in decision.facts)
    desk.note(Decision(decision.facts))
    if qty == 1:
        assert (site.hold, len(site.records)) == (None, looks + 1)
    else:
        assert site.hold is not None
        assert site.hold.cause is HoldCause.GATE
