"""``circuit_breakers`` of risk.yaml: the figures of the specification unless the file says otherwise."""

import pytest

from gateway.adapters.config import ConfigInvalid
from gateway.domain.breakers import ALWAYS_ON, BREAKER_DEFAULTS, BreakerAction, BreakerKind
from gateway.domain.enums import Route, ScopeKind
from tests.config.samples import parse_texts
from tests.world import D


def test_four_breakers_are_in_force_without_a_word() -> None:
    """Without this, a missing section would mean that nothing ever stops trading."""
    breakers = parse_texts(risk="limits: {max_leverage: 1}").trading.circuit_breakers
    assert set(breakers) == {kind.value for kind in BreakerKind}
    assert {name for name, one in breakers.items() if one.enabled} == {kind.value for kind in ALWAYS_ON}
    assert breakers["daily_loss"] == BREAKER_DEFAULTS[BreakerKind.DAILY_LOSS]


def test_what_is_named_is_in_force_with_what_is_said() -> None:
    """Without this, a figure that a person wrote would not be the one that counts."""
    text = """
circuit_breakers:
  daily_loss: {threshold: 3%, scope: account, books: [live]}
  Drawdown: {}
  rejection_rate: {reset_after: 1h, size_factor: 0.25, window: 10m}
  concentration: {enabled: false}
  order_rate: {threshold: 20, action: reduce_only}
"""
    breakers = parse_texts(risk=text).trading.circuit_breakers
    loss, rejections = breakers["daily_loss"], breakers["rejection_rate"]
    assert (loss.threshold, loss.scope, loss.books) == (D("0.03"), ScopeKind.ACCOUNT, (Route.LIVE,))
    assert breakers["drawdown"] == BREAKER_DEFAULTS[BreakerKind.DRAWDOWN]
    assert (rejections.reset_after_s, rejections.size_factor, rejections.window_s) == (3_600, D("0.25"), 600)
    assert not breakers["concentration"].enabled
    assert (breakers["order_rate"].threshold, breakers["order_rate"].action) == (D(20), BreakerAction.REDUCE_ONLY)


@pytest.mark.parametrize(
    ("line", "where", "rule"),
    [
        ("daily_loss: {threshold: 5}", "circuit_breakers.daily_loss.threshold", "must be at most 1"),
        ("daily_loss: {threshold: -5%}", "circuit_breakers.daily_loss.threshold", "above 0"),
        ("concentration: {reset_below: 40%}", "circuit_breakers.concentration.reset_below", "at most the threshold"),
        ("concentration: {scope: account}", "circuit_breakers.concentration.scope", "cannot be chosen"),
        ("daily_loss: {action: reduce_size}", "circuit_breakers.daily_loss.action", "needs a size_factor"),
        ("order_rate: {action: reduce_positions}", "circuit_breakers.order_rate.action", "cannot be reduce_positions"),
        ("rejection_rate: {window: 2h}", "circuit_breakers.rejection_rate.window", "at most 3600"),
        ("daily_loss: {books: []}", "circuit_breakers.daily_loss.books", "would measure nothing"),
        ("daily_los: {threshold: 5%}", "circuit_breakers.daily_los", "did you mean `daily_loss`"),
        ("daily_loss: {treshold: 5%}", "circuit_breakers.daily_loss.treshold", "did you mean `threshold`"),
    ],
)
def test_what_cannot_work_is_refused_with_its_place(line: str, where: str, rule: str) -> None:
    """Without this, a breaker that never trips would look like one that guards."""
    with pytest.raises(ConfigInvalid) as caught:
        parse_texts(risk=f"circuit_breakers:\n  {line}\n")
    (problem,) = caught.value.problems
    assert where in str(problem)
    assert rule in str(problem), str(problem)


def test_a_breaker_without_anything_to_make_smaller_is_warned_about() -> None:
    """Without this, halving sizes would look like a safeguard where no limit on size exists."""
    text = "limits: {max_leverage: 1}\ncircuit_breakers: {rejection_rate: {threshold: 10%}}"
    (warning,) = parse_texts(risk=text).warnings
    assert "has no limit on size" in warning


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("volatility: {books: [live]}", "volatility.books"),
        ("order_rate: {window: 10m}", "order_rate.window"),
        ("daily_loss: {min_count: 5}", "daily_loss.min_count"),
        ("daily_loss: {size_factor: 50%}", "daily_loss.size_factor"),
        ("rejection_rate: {reduce_ratio: 50%}", "rejection_rate.reduce_ratio"),
    ],
)
def test_a_figure_that_a_breaker_does_not_look_at_is_told(line: str, where: str) -> None:
    """Without this, a window of an order rate would look as if it were the one that is measured over."""
    warnings = parse_texts(risk=f"limits: {{max_order_size: 5}}\ncircuit_breakers:\n  {line}\n").warnings
    assert [text for text in warnings if f"circuit_breakers.{where} has no effect" in text], warnings
