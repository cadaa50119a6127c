"""How far each command to close positions has come. Written by ``core.apply`` only."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from gateway.domain.enums import Route
from gateway.domain.flatten import FlattenOrder
from gateway.domain.money import ZERO
from gateway.domain.orders import Order

SECOND_NS = 1_000_000_000
MAX_WAIT_S = 30
#: In the context of a rejection: the quantity, where the venue takes no order of so little.
TOO_SMALL = "too_small"
#: How many ended ones are remembered.
_KEPT_ENDED = 20


class FlattenLine(msgspec.Struct):
    """One position of it: ``keep_qty`` is what stays of it, ``failures`` counts refusals of the venue in a row, and
    nothing is sent again before ``retry_ns``. ``too_small_qty`` was less than the venue takes in one order."""

    keep_qty: Decimal
    failures: int = 0
    retry_ns: int = 0
    text: str = ""
    too_small_qty: Decimal = ZERO


class Flatten(msgspec.Struct, kw_only=True):
    """One command and its progress. ``waits`` says, in words, what it waits for; ``ended_ns`` is 0 while it runs."""

    order: FlattenOrder
    started_ns: int
    orders_sent: int = 0
    lines: dict[str, FlattenLine] = {}
    waits: tuple[str, ...] = ()
    ended_ns: int = 0
    is_flat: bool = False
    text: str = ""

    @property
    def is_running(self) -> bool:
        return not self.ended_ns

    @property
    def closes_all(self) -> bool:
        """Whether nothing is kept; then its scope is halted, and nobody else's order has a place there."""
        return not self.order.keep_ratio


def line_key(route: Route, position_key: str) -> str:
    return f"{route.value}|{position_key}"


def begin(flattens: dict[str, Flatten], order: FlattenOrder, ts_ns: int, keeps: Mapping[str, Decimal]) -> None:
    """Enter a new command, and let go of the oldest that have ended, but for the last one of everybody: that of a file
    that still stands must not be carried out a second time."""
    lines = {key: FlattenLine(keep_qty) for key, keep_qty in keeps.items()}
    flattens[order.flatten_id] = Flatten(order=order, started_ns=ts_ns, lines=lines)
    # By time: a state that came from a checkpoint holds its maps in another order.
    by_time = sorted(flattens.values(), key=lambda one: (one.started_ns, one.order.flatten_id))
    last = {one.order.actor.name: one.order.flatten_id for one in by_time}
    ended = [one.order.flatten_id for one in by_time if not one.is_running]
    for name in ended[: max(len(ended) - _KEPT_ENDED, 0)]:
        if name not in last.values():
            del flattens[name]


def note_sent(flattens: dict[str, Flatten], order: Order) -> None:
    """A closing order was sent; a position that only came up later gets its line."""
    flatten = flattens.get(order.flatten_id)
    if flatten is not None:
        flatten.orders_sent += 1
        flatten.lines.setdefault(line_key(order.route, order.position_key), FlattenLine(ZERO))


def note_outcome(flattens: dict[str, Flatten], order: Order, ts_ns: int) -> None:
    """A closing order has ended: what the venue refused is tried again later, each time a little later."""
    flatten = flattens.get(order.flatten_id)
    line = None if flatten is None else flatten.lines.get(line_key(order.route, order.position_key))
    if line is None:
        return
    if order.cum_qty:
        line.failures, line.retry_ns, line.text, line.too_small_qty = 0, 0, "", ZERO
        return
    is_refused = order.reject is not None
    line.failures = line.failures + 1 if is_refused else 0
    wait_s = min(2**line.failures, MAX_WAIT_S) if is_refused else 1
    line.retry_ns = ts_ns + wait_s * SECOND_NS
    line.text = "" if order.reject is None else order.reject.text
    if order.reject is not None and TOO_SMALL in order.reject.context:
        line.too_small_qty = order.order_qty
