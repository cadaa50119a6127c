"""What a candidate would have done otherwise is told in three places, and is the same in all of them."""

from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.app.candidate_gauges import candidate_readings
from gateway.app.review_page import review_page
from gateway.core.candidates.overlay import with_limits_of
from gateway.core.state import GatewayState
from gateway.domain.candidates import CandidateReport
from gateway.domain.config import Limits
from gateway.domain.enums import Mode, Side
from gateway.ports.candidates import CandidateState, CandidateStatus
from gateway.service.candidates.follower import Follower
from gateway.service.candidates.verdicts import Verdicts
from tests.candidates.test_follower import NEW, Written, last
from tests.fakes.rollouts import IBKR
from tests.http.desk import Desk
from tests.rollouts.site import Site
from tests.world import D, trading_config

Rule = tuple[str, str]
CANDIDATE = with_limits_of(trading_config(limits=Limits(max_order_size=D(12), max_order_value=D(4_000))))


class OneCandidate:
    """Implements ``ports.candidates.Candidates``."""

    def __init__(self, report: CandidateReport) -> None:
        self.status = CandidateStatus(
            name="c", policies="", limits="c.yaml", state=CandidateState.RUNNING, report=report
        )

    def candidates(self) -> tuple[CandidateStatus, ...]:
        return (self.status,)


def traded() -> Site:
    """Orders in SHADOW, in the first step and in the second; some break one rule of the candidate, some two."""
    site = Site()
    for qty in (10, 20):
        site.fill(site.place(qty=qty))
    site.earn_first_step()
    for qty in (10, 20, 30):
        site.fill(site.place(Side.SELL, qty))
    assert site.raise_to(Mode.CANARY, 9_000) == ""
    for qty in (10, 40):
        site.place(qty=qty, strategy="late")
    return site


async def test_api_metrics_and_review_tell_the_same_by_rule_and_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, people would decide on one count, alarm on another, and be shown a third."""
    site = traded()
    report = await last(Follower(Written(site.records), GatewayState(), 0, CANDIDATE, Verdicts(), NEW))
    found, evidence = OneCandidate(report), site.rollout.evidence
    state = msgspec.structs.replace(
        IBKR, venue="alpha", position=evidence.position, entered_ns=evidence.entered_ns, steps=2
    )
    async with Desk() as desk:
        monkeypatch.setattr(desk.fake, "candidates", found.candidates)
        monkeypatch.setattr(desk.rollouts, "states", lambda: (state,))
        (api,) = (await desk.ask("GET", "/api/trading/candidates")).json["candidates"]
        review = (await desk.ask("GET", "/api/trading/rollouts/alpha/review")).json
    rules = {(one["kind"], one["rule"]): (one["orders"], D(one["notional"])) for one in api["evidence"]["by_rule"]}
    assert {rule: count for rule, (count, _) in rules.items()} == {
        ("denies", "MAX_ORDER_SIZE"): 4,
        ("denies", "MAX_ORDER_VALUE"): 2,
    }
    assert metrics(found) == rules
    assert summed(review["disagreements"]) == rules
    assert {one["position"] for one in review["disagreements"]} == {-1, 0, 1}
    current = [one for one in review["disagreements"] if one["is_current"]]
    assert [(one["rule"], one["orders"], one["notional"]) for one in current] == [
        ("MAX_ORDER_SIZE", 1, "7200"),
        ("MAX_ORDER_VALUE", 1, "7200"),
    ]
    (candidate,) = review["candidates"]
    assert (candidate["step_orders"], candidate["step_differences"]) == (2, 1)
    assert candidate["orders"] == api["evidence"]["orders"] == sum(step.orders for step in report.steps["alpha"])
    page = review_page(review)
    assert "this one" in page
    assert "SHADOW, from" in page


def metrics(found: OneCandidate) -> dict[Rule, tuple[int, Decimal]]:
    read = candidate_readings(found)
    orders, notional = read["gateway_candidate_differences_total"], read["gateway_candidate_rule_notional"]
    return {(kind, rule): (int(count), D(notional["c", kind, rule])) for (_, kind, rule), count in orders.items()}


def summed(lines: list[dict[str, Any]]) -> dict[Rule, tuple[int, Decimal]]:
    orders: Counter[Rule] = Counter()
    notional: dict[Rule, Decimal] = {}
    for one in lines:
        rule = (one["kind"], one["rule"])
        orders[rule] += one["orders"]
        notional[rule] = notional.get(rule, Decimal(0)) + D(one["notional"])
    return {rule: (count, notional[rule]) for rule, count in orders.items()}


async def test_steps_and_days_go_on_after_a_restart() -> None:
    """Without this, each restart would begin the step anew, and no candidate would ever have enough days."""
    site, half = Site(), 0
    site.day = 20_000
    for day in range(3):
        site.place(qty=20)
        half = half or len(site.records)
        if day < 2:
            site.next_day()
    whole = await last(Follower(Written(site.records), GatewayState(), 0, CANDIDATE, Verdicts(), NEW))
    first = await last(Follower(Written(site.records[:half]), GatewayState(), 0, CANDIDATE, Verdicts(), NEW))
    again = await last(Follower(Written(site.records), GatewayState(), 0, CANDIDATE, Verdicts(), first))
    assert (whole.days, first.days, again.days) == (3, 1, 3)
    assert (whole.steps, whole.rules) == (again.steps, again.rules)
