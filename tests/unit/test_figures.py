"""Statistics reach the state as plain data, newest first, and survive a checkpoint."""

from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.core.risk.figures import RiskFigures, figures_age_ns
from gateway.domain.events import FiguresObserved
from tests.world import D, World


def figures(as_of_ns: int, volatility: str = "0.02") -> RiskFigures:
    return RiskFigures(as_of_ns=as_of_ns, volatility={"AAPL": D(volatility)}, correlations={"AAPL": {"TSLA": D("0.8")}})


def test_the_newest_figures_are_in_force_and_survive_a_checkpoint() -> None:
    """Without this, a slow computation could put older figures over newer ones, or a restart lose them."""
    world = World()
    assert world.state.figures is None
    world.send(FiguresObserved(ts_ns=world.tick(), figures=figures(2_000)))
    world.send(FiguresObserved(ts_ns=world.tick(), figures=figures(1_000, "0.5")))
    assert world.state.figures == figures(2_000)
    assert decode_snapshot(encode_snapshot(world.state)).figures == figures(2_000)
    assert figures_age_ns(figures(2_000), 2_500) == 500


def test_a_correlation_is_the_same_from_either_side_and_unknown_is_not_zero() -> None:
    """Without this, a rule would let a pair pass because it asked for it the other way round."""
    known = figures(1)
    assert known.correlation("AAPL", "TSLA") == known.correlation("TSLA", "AAPL") == D("0.8")
    assert known.correlation("AAPL", "ES") is None
