"""Invariant 13: whatever is not a clear yes is a denial, with a code that says which kind."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.policy import denial_of, scaled
from gateway.domain.enums import Mode, OrdStatus, RejectStage
from gateway.domain.events import PolicyVerdict
from gateway.domain.reasons import RejectCode
from tests.world import ALLOW, DENY, World, trading_config

FAILURES = [RejectCode.POLICY_UNAVAILABLE, RejectCode.POLICY_UNDEFINED, RejectCode.POLICY_MALFORMED]
VERDICTS = st.builds(
    PolicyVerdict,
    is_allowed=st.booleans(),
    denies=st.lists(st.tuples(st.text(min_size=1, max_size=5), st.text(max_size=5)), max_size=3).map(tuple),
    failure=st.sampled_from([None, *FAILURES]),
    revision=st.just("r"),
)


@given(verdict=VERDICTS)
def test_only_a_clear_yes_lets_an_order_out(verdict: PolicyVerdict) -> None:
    """Without this, an undefined, late or contradictory answer could admit an order."""
    world = World(trading_config(Mode.LIVE))
    world.policy = lambda document: verdict
    order = world.place()
    is_clear = verdict.is_allowed and not verdict.denies and verdict.failure is None
    assert bool(world.sent) == is_clear
    assert order.is_admitted == is_clear
    if not is_clear:
        assert order.ord_status is OrdStatus.DENIED
        assert order.reject is not None
        assert order.reject.stage is RejectStage.POLICY
        assert order.reject.code == (verdict.failure or RejectCode.POLICY_DENIED)
        assert world.state.books[order.route].gateway.held == 0


def test_denied_and_unavailable_are_told_apart() -> None:
    """Without this, a broken policy server would look like a trader's mistake."""
    denied = denial_of(DENY)
    missing = denial_of(PolicyVerdict(is_allowed=False, failure=RejectCode.POLICY_UNAVAILABLE, failure_text="down"))
    assert denied is not None
    assert missing is not None
    assert denied.code == RejectCode.POLICY_DENIED
    assert "TEST_RULE" in denied.text
    assert missing.code == RejectCode.POLICY_UNAVAILABLE
    assert "down" in missing.text


def test_while_the_policy_thinks_the_exposure_is_held() -> None:
    """Without this, two orders could pass on the same headroom while a policy server is slow."""
    from gateway.domain.config import Limits

    world = World(trading_config(Mode.SHADOW, limits=Limits(max_position_size=Decimal(15))))
    world.policy = lambda document: None
    first, second = world.place(qty=10), world.place(qty=10)
    assert first.ord_status is OrdStatus.PENDING_NEW
    assert second.ord_status is OrdStatus.DENIED
    world.answer_policy(world.asked[0], DENY)
    assert world.state.books[first.route].gateway.held == 0
    world.policy = lambda document: ALLOW
    assert world.place(qty=10).is_admitted


def test_an_order_is_decided_again_when_the_mode_moved_while_the_policy_thought() -> None:
    """Without this, an order approved for LIVE would still go live after a demotion."""
    world = World(trading_config(Mode.LIVE))
    world.policy = lambda document: None
    world.place()
    assert world.asked[0].document.order.route == "live"
    world.load(trading_config(Mode.SHADOW, revision="demoted"))
    world.answer_policy(world.asked[0], ALLOW)
    assert world.sent == []
    assert world.asked[1].document.order.route == "shadow"
    world.answer_policy(world.asked[1], ALLOW)
    assert [ticket.route for ticket in world.sent] == ["shadow"]


@given(value=st.decimals(min_value="-1000000", max_value="1000000", places=12))
def test_scaling_for_the_policy_never_rounds_towards_zero(value: Decimal) -> None:
    """Without this, an order a hair over a limit would be shown to the policy as being at the limit."""
    assert abs(Decimal(scaled(value))) >= abs(value * 100_000_000)
    assert abs(Decimal(scaled(value)) - value * 100_000_000) < 1


def test_the_approved_list_is_told_for_this_symbol_only() -> None:
    """Without this, five thousand approved symbols would be written out for every order."""
    world = World(trading_config(approved_symbols=("AAPL", "TSLA")))
    documents = []
    world.policy = lambda document: documents.append(document["approved_symbols"]) or ALLOW
    world.place(symbol="AAPL")
    world.place(symbol="ES", qty=1)
    world.load(trading_config(approved_symbols=None, revision="open"))
    world.place(symbol="ES", qty=1)
    assert documents == [("AAPL",), (), None]
