"""The canary review as people get it: one file that loads nothing, whatever the texts in it say."""

import argparse
import json
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import msgspec

from gateway.adapters.http.review_views import review_view
from gateway.app.review_page import review_page
from gateway.app.rollout_cli import add_parser
from gateway.domain.review import Incident, Measured, ReasonCount, Samples, StepRecord
from gateway.ports.rollouts import PastStepView, StratumView
from tests.fakes.rollouts import IBKR, FakeStepRecords

EVIL = '"><script src="https://evil.example/x.js"></script><img src=x onerror=alert(1)>'
THIN = FakeStepRecords().record
RICH = msgspec.structs.replace(
    THIN,
    pairs=3,
    live_orders=4,
    samples=Samples(
        against_twin=((-3, 1), (12, 2)),
        slippage_live=((5, 3),),
        slippage_twin=((4, 3),),
        fill_ms_live=((10, 2), (900, 1)),
        fill_ms_twin=((9, 3),),
    ),
    incidents=(Incident(1, "breaker tripped", EVIL),),
    incident_counts={"breaker tripped": 1},
    denied=(ReasonCount(stage="risk", code="MAX_ORDER_SIZE", orders=7, example=EVIL),),
    measured=Measured(
        cycles=400, live=4, **dict.fromkeys(("expected", "share", "lower", "upper"), msgspec.convert("0.01", type=Any))
    ),
)


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def page_of(record: StepRecord, **changes: Any) -> tuple[str, Mapping[str, Any]]:
    state = msgspec.structs.replace(IBKR, **changes)
    review = json.loads(msgspec.json.encode(review_view(1, state, record, ())))
    return review_page(review), review


def test_a_review_without_evidence_says_that_it_is_too_thin() -> None:
    """Without it an empty table would look like a venue without fault."""
    page, review = page_of(THIN)
    assert review["is_thin"]
    assert review["thin"] == ["days: 2 of 3 days"]
    assert "Too thin to decide on." in page
    assert "No live order has filled and has a filled twin: nothing to compare." in page
    assert "no position was drawn in this step" in page
    assert not page_of(THIN, gates=())[1]["rollout"]["gates"]
    assert page_of(THIN, gates=())[1]["is_thin"]


def test_a_review_with_evidence_draws_live_against_twin() -> None:
    """Without it people would decide on a verdict that they cannot see the ground of."""
    page, _ = page_of(RICH)
    drawn = [attrs for tag, attrs in Elements(page).found if tag == "svg"]
    assert len(drawn) == 3  # nobody acknowledged: that plot says so instead
    assert "median 1.2, 95% up to 1.2 bps, 3 orders" in str(drawn[1]["aria-label"])
    assert "live (solid): median 10, " in page  # which line is which, in print too
    assert "Time to the acknowledgement: no sample." in page
    assert "1%: 4 of 400 positions" in page
    assert "MAX_ORDER_SIZE" in page


STRATUM = StratumView(
    stratum="market|buy|AAPL",
    **dict.fromkeys(("orders", "errors", "rejects", "ended", "filled", "partial", "replaced", "canceled"), 3),
    **dict.fromkeys(("fill_ratio", "ack_ms", "fill_ms", "slippage_bps", "twin_slippage_bps", "vwap_bps"), "1.5"),
)
PAST = PastStepView(position=0, entered_ns=1, left_ns=2, days=3, orders=3, errors=0, notional_bp=123, strata=(STRATUM,))


def test_each_step_is_told_beside_the_present_one() -> None:
    """Without it people would decide on the last days alone, and on a share of orders that hides the large ones."""
    now = msgspec.structs.replace(STRATUM, stratum="")
    page, _ = page_of(RICH, past=(PAST,), position=1, strata=(now,))
    table = page.partition("Step by step")[2].partition("</section>")[0]
    assert table.count("<tr>") == 3  # the heads, the step before, the present one
    assert "<td>step 1</td>" in table
    assert "1.23%" in table
    assert "market, buy, AAPL" in table
    assert "<td>step 2</td>" in table
    assert "0.88% of what was opened" in page


def test_the_hash_that_approve_asks_for_is_on_the_page() -> None:
    """Without it nobody could say what it was that he approved."""
    page, review = page_of(RICH)
    assert review["rollout"]["evidence_hash"] == "e1"
    assert "gateway rollout approve ibkr --revision REVISION --evidence e1 " in page
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    approve = "rollout approve ibkr --revision R --evidence e1 --reason ok"
    assert parser.parse_args(approve.split()).evidence == "e1"


def test_the_file_asks_nothing_of_anybody_and_runs_nothing_whatever_is_written_in_it() -> None:
    """Without it the text of a rejection could run in the browser of the person who approves, or report on him."""
    page, _ = page_of(RICH, step=EVIL, missing=(EVIL,), next_step=EVIL, promotions=EVIL)
    elements = Elements(page)
    names = {tag for tag, _ in elements.found}
    assert not names & {"script", "img", "link", "iframe", "object", "embed", "form", "a", "base", "image", "use"}
    attributes = {name for _, attrs in elements.found for name in attrs}
    assert not {name for name in attributes if name.startswith("on") or name in ("src", "href", "xlink:href")}
    style = page.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(attrs["content"] for tag, attrs in elements.found if attrs.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert page.count("&lt;script src=") >= 5
