"""What breakers count as orders go by. Written by ``core.apply`` only; every step is O(1) per order."""

from decimal import Decimal
from functools import lru_cache

import msgspec

from gateway.domain.enums import OrdStatus, Route
from gateway.domain.figures import RiskFigures
from gateway.domain.orders import Order

BUCKET_NS = 10_000_000_000
MINUTE_NS = 60_000_000_000
#: How far back a rate can be measured, and how many minutes make a strategy's norm.
LONGEST_WINDOW_S = 3_600
NORM_MINUTES = 30
_NORM_WEIGHT = 10
_STEP = Decimal("1e-12")


class Tally(msgspec.Struct, array_like=True):
    """Orders admitted, and of them rejected by venues, in one stretch of ten seconds."""

    admitted: int = 0
    rejected: int = 0


class Pace(msgspec.Struct):
    """Orders of one strategy: of the running minute, and of the minutes before it, the newest last."""

    minute: int
    count: int = 0
    before: list[int] = []


class Norm(msgspec.Struct):
    """The usual volatility of one symbol: a slow average of the figures that were not themselves out of the usual."""

    value: Decimal
    count: int = 1


class Counters(msgspec.Struct):
    """By book, strategy and symbol. Keys are texts, so that a checkpoint holds them as they are."""

    tallies: dict[str, dict[str, Tally]] = {}
    paces: dict[str, Pace] = {}
    norms: dict[str, Norm] = {}

    def note_admitted(self, order: Order, ts_ns: int) -> None:
        self._tally(order.route, ts_ns).admitted += 1

    def note_ended(self, order: Order, ts_ns: int) -> None:
        if order.ord_status is OrdStatus.REJECTED:
            self._tally(order.route, ts_ns).rejected += 1

    def _tally(self, route: Route, ts_ns: int) -> Tally:
        tallies = self.tallies.get(route)
        if tallies is None:
            tallies = self.tallies[route.value] = {}
        bucket = ts_ns // BUCKET_NS
        key = str(bucket)
        tally = tallies.get(key)
        newest = next(reversed(tallies), key)
        if tally is None:
            tally = tallies[key] = Tally()
            oldest = bucket - LONGEST_WINDOW_S * 1_000_000_000 // BUCKET_NS
            for old in [one for one in tallies if int(one) < oldest]:
                del tallies[old]
        if newest > key:  # as many digits, so the texts compare as their numbers do
            _bring_back(tallies, key)
        return tally

    def note_received(self, order: Order, ts_ns: int) -> None:
        """Count what a strategy itself asked for: no leg beside its order, and nothing that closes by command."""
        if order.parent_id or order.flatten_id:
            return
        minute = ts_ns // MINUTE_NS
        pace = self.paces.get(order.strategy_id)
        if pace is None:
            pace = self.paces[order.strategy_id] = Pace(minute)
        elif minute > pace.minute:
            quiet = min(minute - pace.minute - 1, NORM_MINUTES)
            pace.before = [*pace.before, pace.count, *[0] * quiet][-NORM_MINUTES:]
            pace.minute, pace.count = minute, 0
        elif minute < pace.minute - 1:  # the clock was set back: the minute that ran is over all the same
            pace.before = [*pace.before, pace.count][-NORM_MINUTES:]
            pace.minute, pace.count = minute, 0
        pace.count += 1

    def undo_received(self, order: Order) -> None:
        """The same order is decided again, and will be counted then."""
        pace = self.paces.get(order.strategy_id)
        if pace is None or order.parent_id:
            return
        minutes_ago = pace.minute - order.created_ns // MINUTE_NS
        if minutes_ago == 0:
            pace.count = max(pace.count - 1, 0)
        elif 0 < minutes_ago <= len(pace.before):
            pace.before = [*pace.before]
            pace.before[-minutes_ago] = max(pace.before[-minutes_ago] - 1, 0)

    def note_figures(self, figures: RiskFigures, unusual: Decimal | None) -> None:
        """Move each norm towards the new figure; one that is ``unusual`` times the norm moves nothing."""
        for symbol, value in figures.volatility.items():
            norm = self.norms.get(symbol)
            if norm is None:
                self.norms[symbol] = Norm(value)
            elif unusual is None or value < unusual * norm.value or norm.count < _NORM_WEIGHT:
                norm.value = (norm.value + (value - norm.value) / _NORM_WEIGHT).quantize(_STEP)
                norm.count += 1

    def rejection(self, book: Route, now_ns: int, window_s: int) -> Tally:
        """Both counts over the last ``window_s``, and for less than ten seconds longer: never over too little."""
        found, tallies = Tally(), self.tallies.get(book.value)
        if not tallies:
            return found
        for tally in map(tallies.get, _keys((now_ns - window_s * 1_000_000_000) // BUCKET_NS, now_ns // BUCKET_NS)):
            if tally is not None:
                found.admitted += tally.admitted
                found.rejected += tally.rejected
        return found


@lru_cache(maxsize=64)  # asked for after every fill, and other ones after ten seconds
def _keys(first: int, last: int) -> tuple[str, ...]:
    return tuple(str(bucket) for bucket in range(first, last + 1))


def _bring_back(tallies: dict[str, Tally], key: str) -> None:
    """The clock was set back to ``key``: what was counted later than that was counted just now."""
    tally = tallies[key]
    for later in [one for one in tallies if one > key]:
        found = tallies.pop(later)
        tally.admitted += found.admitted
        tally.rejected += found.rejected
