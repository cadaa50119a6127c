"""Verdicts form a lattice: only a pass of every gate passes, and no gate passes on nothing."""

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.evidence.memory import StepEvidence, Tally, VenueRollout
from gateway.core.rollout.comparisons import look_where_due
from gateway.core.rollout.gates import assess
from gateway.domain.enums import Mode
from gateway.domain.rollout import Gates, Rollout, Verdict, gravest
from gateway.domain.rollout_events import RolloutCommand
from tests.rollouts.site import TERMS, Site

D = Decimal
VERDICTS = st.sampled_from(Verdict)
COUNTS = st.integers(0, 4_000)
#: Every gate on, with bounds that little evidence can pass, so that passing is common where it is possible at all.
LAX = Gates(max_error_rate=D("0.3"), min_fill_rate=D("0.6"), max_slow_acks=D("0.3"), max_ack_delay_ms=50, min_pairs=7)


@st.composite
def rollouts(draw: st.DrawFn) -> VenueRollout:
    """Evidence of any kind, consistent in itself."""
    orders = draw(COUNTS)
    errors = draw(st.sampled_from([0, 0, orders // 500, orders // 10, orders]))
    pairs = draw(st.integers(0, orders))
    hits = draw(st.sampled_from([pairs, pairs, pairs - pairs // 10, 0]))
    evidence = StepEvidence(
        position=draw(st.integers(0, 4)),
        days=draw(st.integers(0, 40)),
        total=Tally(orders=orders, errors=errors, pairs=pairs, hits=hits),
        breaches=draw(st.sampled_from([0, 0, 0, 1])),
    )
    for samples in (evidence.slippage, evidence.twin_slippage, evidence.ack_ms, evidence.ack_delay_ms):
        value, n = draw(st.sampled_from([0, 0, 0, 90, 5_000])), draw(st.sampled_from([0, 5, 50, 500, 500]))
        samples.cells, samples.n, samples.total = ({str(value): n} if n else {}), n, value * n
    look_where_due(evidence, LAX)
    return VenueRollout(
        evidence=evidence,
        orders=orders,
        errors=errors,
        canary_days=draw(st.integers(0, 60)),
        in_doubt=draw(st.sampled_from([0, 0, 0, 2])),
    )


def overall(rollout: VenueRollout, *, is_away: bool = False, terms: Rollout | None = None) -> Verdict:
    return gravest(one.verdict for one in assess(rollout, terms or Rollout(gates=LAX), is_away=is_away))


@given(st.lists(VERDICTS), st.lists(VERDICTS))
def test_the_gravest_verdict_decides_in_any_order(one: list[Verdict], other: list[Verdict]) -> None:
    """argo-rollouts #3850: an inconclusive run that was promoted because another one was successful."""
    together = gravest([*one, *other])
    assert together is gravest([*other, *one])
    if one and other:
        assert together is gravest([gravest(one), gravest(other)])
    assert (together is Verdict.PASS) == (bool(one or other) and set(one + other) == {Verdict.PASS})


def test_nothing_measured_is_not_passed() -> None:
    """argo-rollouts #1329, kayenta #326: a terminated or an empty analysis that counts as a success."""
    assert gravest([]) is Verdict.NOT_ENOUGH
    for position in range(5):
        assert overall(VenueRollout(evidence=StepEvidence(position=position))) is Verdict.NOT_ENOUGH


@given(rollouts())
def test_a_pass_has_samples_behind_every_gate(rollout: VenueRollout) -> None:
    """Without it a gate without data could be outvoted by those with some (kayenta scored such groups 100%)."""
    results = assess(rollout, Rollout(gates=LAX), is_away=False)
    for one in results:
        if one.verdict is Verdict.PASS and one.gate not in ("days", "canary_days", "orders"):
            assert one.n > 0, one
    if overall(rollout) is Verdict.PASS:
        assert rollout.orders > 0
        assert rollout.errors * 10 < rollout.orders * 3
        assert rollout.in_doubt == rollout.evidence.breaches == 0


@given(rollouts())
def test_a_venue_whose_every_order_is_an_error_never_passes(rollout: VenueRollout) -> None:
    """argo-rollouts #4479: every measurement an error, and the run reported as successful."""
    rollout.errors = rollout.orders
    assert overall(rollout) is not Verdict.PASS


@given(rollouts())
def test_away_or_in_doubt_is_an_error_and_neither_passes_nor_hides_a_failure(rollout: VenueRollout) -> None:
    """Without it an outage would roll a good venue back, or let a bad one through."""
    before = overall(rollout)
    away = overall(rollout, is_away=True)
    assert away is (Verdict.FAIL if before is Verdict.FAIL else Verdict.ERROR)
    rollout.in_doubt = 1
    assert overall(rollout) is (Verdict.FAIL if before is Verdict.FAIL else Verdict.ERROR)


@given(rollouts(), st.booleans())
def test_the_brief_look_of_the_clock_says_what_people_are_shown(rollout: VenueRollout, is_away: bool) -> None:
    """Without it a venue could be demoted for what no gate shows, or shown as failed and go on."""
    told = assess(rollout, Rollout(gates=LAX), is_away=is_away)
    brief = assess(rollout, Rollout(gates=LAX), is_away=is_away, is_brief=True)
    assert [(one.gate, one.verdict) for one in told] == [(one.gate, one.verdict) for one in brief]


@given(rollouts(), st.integers(1, 400))
def test_more_errors_never_make_a_verdict_better(rollout: VenueRollout, more: int) -> None:
    """Without it a venue could be promoted by failing more."""

    def of_errors() -> Verdict:
        found = assess(rollout, Rollout(gates=LAX), is_away=False)
        return next(one.verdict for one in found if one.gate == "error_rate")

    order = list(Verdict)
    before = of_errors()
    rollout.errors = min(rollout.errors + more, rollout.orders)
    assert order.index(of_errors()) <= order.index(before)


@given(rollouts())
def test_a_stricter_gate_never_passes_what_a_laxer_one_does_not(rollout: VenueRollout) -> None:
    """Without it tightening rollout.yaml could promote."""
    strict = msgspec.structs.replace(LAX, max_error_rate=D("0.01"), min_fill_rate=D("0.95"), min_pairs=100)
    if overall(rollout, terms=Rollout(gates=strict)) is Verdict.PASS:
        assert overall(rollout) is Verdict.PASS


@given(rollouts())
def test_low_traffic_extends_a_step_and_never_ends_it(rollout: VenueRollout) -> None:
    """flagger #1035: a canary that is rolled back because nobody used it."""
    rollout.evidence.total = Tally()
    rollout.orders = rollout.errors = rollout.in_doubt = rollout.evidence.breaches = 0
    rollout.evidence = StepEvidence(position=rollout.evidence.position, days=rollout.evidence.days)
    assert overall(rollout) is Verdict.NOT_ENOUGH


@given(
    st.lists(
        st.sampled_from(["pause", "resume", "abort", "alert", "resolve", "away", "back", "wait", "edit"]), max_size=25
    )
)
def test_whatever_happens_after_an_abort_nothing_goes_live_without_a_person_and_a_new_edit(words: list[str]) -> None:
    """argo-rollouts #2929: one of two rollouts retried itself after an abort."""
    site = Site(Mode.CANARY, 5_000, TERMS)
    site.command(RolloutCommand.ABORT)
    is_edited = False
    for word in words:
        _live_on(site, word)
        is_edited = is_edited or word == "edit"
        if site.hold is None:
            assert (is_edited, word) == (True, "resume")
            return
        assert site.state.mode_of("alpha") is Mode.SHADOW


def _live_on(site: Site, word: str) -> Any:
    match word:
        case "pause" | "resume" | "abort":
            return site.command(RolloutCommand(word))
        case "alert" | "resolve":
            return site.alert(is_firing=word == "alert")
        case "away" | "back":
            return site.connect(word == "back")
        case "wait":
            return site.look(wait_s=4_000)
    return site.raise_to(Mode.CANARY, 4_000)
