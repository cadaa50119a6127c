"""Counts what the gateway logs as an error, by the part that wrote it."""

import logging
from collections.abc import Callable

from gateway.adapters.telemetry.cells import Family

#: Words of logger names that are labels; everything else is ``other``.
COMPONENTS = ("app", "config", "http", "journal", "marketdata", "notify", "policy", "service", "telemetry", "venues")
OTHER = "other"


class ErrorCounter(logging.Handler):
    """A log handler that writes nothing. Installed while the gateway runs."""

    def __init__(self, errors: Family) -> None:
        super().__init__(logging.ERROR)
        self._increments: dict[str, Callable[[], None]] = {
            component: errors.cell(component).inc for component in (*COMPONENTS, OTHER)
        }

    def emit(self, record: logging.LogRecord) -> None:
        self._increments[component_of(record.name)]()


def component_of(logger: str) -> str:
    """``gateway.adapters.venues.ibkr.wire`` belongs to ``venues``; the name ``gateway`` alone to ``app``."""
    if logger == "gateway":
        return "app"
    return next((word for word in logger.split(".") if word in COMPONENTS), OTHER)
