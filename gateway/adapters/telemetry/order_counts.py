"""Orders and fills, counted from the facts of durable records.

Most facts name only the order's id. The labels of open orders are kept here until they end, which bounds the
memory by the number of open orders.
"""

from collections.abc import Callable, Iterable
from typing import Any

from gateway.adapters.telemetry.cells import Family
from gateway.adapters.telemetry.execution_quality import ExecutionQuality
from gateway.adapters.telemetry.labels import (
    LINKED,
    MODES,
    NO_MODE,
    NO_ROUTE,
    OTHER,
    REASONS,
    REQUESTED,
    ROUTES,
    OrderLabels,
    order_labels,
)
from gateway.adapters.telemetry.order_changes import OrderChanges
from gateway.domain.enums import OrderClass, OrdStatus, Route
from gateway.domain.exit_facts import ExitsAttached
from gateway.domain.facts import (
    CancelRefused,
    CancelRequested,
    OrderAcknowledged,
    OrderAdmitted,
    OrderDenied,
    OrderEnded,
    OrderExecuted,
    OrderHeld,
    OrderReplaced,
    OrderWithdrawn,
    ReplaceDenied,
    ReplaceHeld,
)
from gateway.domain.orders import Order
from gateway.domain.throttle_facts import OrderDeferred

# Named once: see domain.orders.
_SPLIT, _FILLED, _CANCELED = Route.SPLIT, OrdStatus.FILLED, OrdStatus.CANCELED


class OrderCounts:
    """Counts each order when it is admitted or denied, and once more when it ends; a split one by its legs."""

    def __init__(self, orders: Family, fills: Family, quality: ExecutionQuality, changes: OrderChanges) -> None:
        self._orders = orders
        self._fills = fills
        self._quality = quality
        self._changes = changes
        self._increments: dict[OrderLabels, Callable[[], None]] = {}
        self._fill_increments: dict[tuple[str, str], Callable[[], None]] = {}
        self._open: dict[str, Order] = {}
        #: What each kind of fact counts.
        self.counting: dict[type, Callable[[Any], None]] = {
            OrderHeld: self._on_held,
            OrderAdmitted: self._on_admitted,
            ExitsAttached: self._on_exits,
            OrderDenied: self._on_denied,
            OrderAcknowledged: self._on_acknowledged,
            OrderExecuted: self._on_executed,
            OrderEnded: self._on_ended,
            OrderWithdrawn: self._on_gone,
            OrderDeferred: self._on_gone,
            CancelRequested: self._on_cancel_requested,
            CancelRefused: lambda fact: self._on_change(fact.order_id, "cancel", "refused"),
            ReplaceHeld: lambda fact: self._on_change(fact.order_id, "replace", "requested"),
            ReplaceDenied: lambda fact: self._on_change(fact.order_id, "replace", "refused"),
            OrderReplaced: self._on_replaced,
        }

    def know_venue(self, venue: str, routes: Iterable[str]) -> None:
        """Begin every label set of a venue at 0."""
        if (venue, Route.SHADOW.value) in self._fill_increments:
            return
        for labels in order_labels(venue):
            self._increments[labels] = self._orders.cell(*labels).inc
        for route in routes:
            self._fill_increments[venue, route] = self._fills.cell(venue, route).inc
        self._quality.know_venue(venue, routes)
        self._changes.know_venue(venue)

    def remember(self, order: Order) -> None:
        """Only what never changes of it is read: labels, route and when it was created; and whether it is to be
        canceled already."""
        self._open[order.order_id] = order
        if order.is_cancel_requested:
            self._changes.remember(order.order_id)

    def _on_held(self, fact: OrderHeld) -> None:
        self._open[fact.order.order_id] = fact.order

    def _on_admitted(self, fact: OrderAdmitted) -> None:
        order = self._open.get(fact.order_id)
        if order is not None and order.route is not _SPLIT:
            self._add(order, order.route, "admitted", order.route_reason)

    def _on_exits(self, fact: ExitsAttached) -> None:
        for order in fact.exits:
            self._open[order.order_id] = order
            self._add(order, order.route, "admitted", order.route_reason)

    def _on_denied(self, fact: OrderDenied) -> None:
        order = self._open.pop(fact.order_id, None)
        if order is not None:
            if order.route is not _SPLIT:
                self._add(order, NO_ROUTE, "denied", fact.reject.code)
        elif fact.order is not None:
            self._add(fact.order, NO_ROUTE, "denied", fact.reject.code)

    def _on_executed(self, fact: OrderExecuted) -> None:
        key: tuple[str, str] = (fact.venue, fact.route)
        if key not in self._fill_increments:
            key = (OTHER, fact.route)
        self._fill_increments[key]()
        order = self._open.get(fact.order_id)
        if order is None:
            return
        self._quality.on_executed(fact, order)
        if fact.ord_status is _FILLED:
            del self._open[fact.order_id]
            self._add(order, order.route, "filled", "")
            self._changes.ended(fact.order_id, order.venue, fact.ord_status)

    def _on_ended(self, fact: OrderEnded) -> None:
        order = self._open.pop(fact.order_id, None)
        if order is not None and order.route is not _SPLIT:
            was_asked = self._changes.ended(fact.order_id, order.venue, fact.ord_status)
            reason = fact.reject.code if fact.reject is not None else ""
            if fact.ord_status is _CANCELED and not reason:
                is_linked = order.entry_id or order.order_class is OrderClass.OCO
                reason = REQUESTED if was_asked else LINKED if is_linked else ""
            self._add(order, order.route, fact.ord_status, reason)

    def _on_acknowledged(self, fact: OrderAcknowledged) -> None:
        order = self._open.get(fact.order_id)
        if order is not None:
            self._quality.on_acknowledged(fact, order)

    def _on_cancel_requested(self, fact: CancelRequested) -> None:
        order = self._open.get(fact.order_id)
        if order is not None:
            self._changes.cancel_requested(fact.order_id, order.venue)

    def _on_replaced(self, fact: OrderReplaced) -> None:
        if fact.settles_pending:
            self._on_change(fact.order_id, "replace", "done")

    def _on_change(self, order_id: str, change: str, result: str) -> None:
        order = self._open.get(order_id)
        if order is not None:
            self._changes.note(order.venue, change, result)

    def _on_gone(self, fact: OrderWithdrawn | OrderDeferred) -> None:
        self._open.pop(fact.order_id, None)

    def _add(self, order: Order, route: str, outcome: str, reason: str) -> None:
        increment = self._increments.get((order.venue, order.mode, route, outcome, reason))
        if increment is None:
            increment = self._unforeseen(order.venue, order.mode, route, outcome, reason)
        increment()

    def _unforeseen(self, venue: str, mode: str, route: str, outcome: str, reason: str) -> Callable[[], None]:
        """A combination that was not begun at 0: its labels still come from closed lists, never from a client."""
        labels = (
            venue if (venue, Route.SHADOW.value) in self._fill_increments else OTHER,
            mode if mode in MODES else NO_MODE,
            route if route in ROUTES else NO_ROUTE,
            outcome,
            reason if reason in REASONS else OTHER,
        )
        return self._increments.setdefault(labels, self._orders.cell(*labels).inc)
