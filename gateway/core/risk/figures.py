"""The statistics that rules may read, computed outside the order path: ``state.figures`` holds the newest."""

from gateway.domain.figures import RiskFigures as RiskFigures
from gateway.domain.figures import TailRisk as TailRisk


def figures_age_ns(figures: RiskFigures, now_ns: int) -> int:
    """How long ago the figures were computed; never negative."""
    return max(now_ns - figures.as_of_ns, 0)
