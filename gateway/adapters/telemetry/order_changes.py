"""Cancels and replaces, counted by what became of them."""

from collections.abc import Callable

from gateway.adapters.telemetry.cells import Family
from gateway.domain.enums import OrdStatus

_CHANGES = ("cancel", "replace")
_RESULTS = ("requested", "done", "refused")


class OrderChanges:
    """One counter for each venue, change and result; ``other`` stands for venues that are not configured."""

    def __init__(self, changes: Family, other: str) -> None:
        self._changes = changes
        self._other = other
        self._increments: dict[tuple[str, str, str], Callable[[], None]] = {}
        #: Open orders that somebody asked to cancel: bounded by what is open.
        self._canceling: set[str] = set()

    def know_venue(self, venue: str) -> None:
        for change in _CHANGES:
            for result in _RESULTS:
                self._increments[venue, change, result] = self._changes.cell(venue, change, result).inc

    def note(self, venue: str, change: str, result: str) -> None:
        increment = self._increments.get((venue, change, result)) or self._increments[self._other, change, result]
        increment()

    def cancel_requested(self, order_id: str, venue: str) -> None:
        self._canceling.add(order_id)
        self.note(venue, "cancel", "requested")

    def remember(self, order_id: str) -> None:
        """Its cancel was asked for, and counted, before this process began."""
        self._canceling.add(order_id)

    def ended(self, order_id: str, venue: str, ord_status: str) -> bool:
        """An order is done: canceled as somebody asked, or otherwise before that. Whether somebody had asked."""
        if order_id not in self._canceling:
            return False
        self._canceling.discard(order_id)
        if ord_status == OrdStatus.CANCELED:
            self.note(venue, "cancel", "done")
        return True
