"""Figures that metrics read from the state when they are scraped, so that the order path pays nothing for them."""

from decimal import Decimal

from gateway.domain.enums import TradingState
from gateway.domain.money import ratio
from gateway.service.engine import Engine
from gateway.service.status import GatewayStatus

Labelled = dict[tuple[str, ...], float]


class StateGauges:
    """What the telemetry adapter asks for at each scrape; empty until ``bind``."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._status: GatewayStatus | None = None

    def bind(self, engine: Engine, status: GatewayStatus) -> None:
        self._engine, self._status = engine, status
