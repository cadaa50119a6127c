"""Drop-copy reconciliation: executions from an independent source against the live book.

Fills may be on their way, so nothing is done at the first sight of a difference. What still differs, or is missing,
in a submission after the grace has put its symbol into REDUCING, once, until a person lifts it. First sights are
kept in memory only: a restart gives every difference its grace anew.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from gateway.core.ledger.memory import Ledger
from gateway.domain.enums import Route, ScopeKind, Side, TradingState
from gateway.domain.executions import Fill
from gateway.domain.money import plain
from gateway.domain.orders import Actor, FieldError, Order
from gateway.domain.rollout import HoldCause
from gateway.domain.rollout_events import VenueDoubted
from gateway.ports.clock import Clock
from gateway.ports.drop_copy import CopiedExecution, Difference, DropCopyResult, DropCopyVerdict
from gateway.ports.intake import RequestInvalid, Stops
from gateway.ports.journal import OrderArchive
from gateway.service.engine import Engine

_log = logging.getLogger(__name__)
_NS = 1_000_000_000
#: So many differences are remembered; the oldest give way.
_KEPT = 100_000


class _Booked(msgspec.Struct, frozen=True, gc=False):
    order_id: str
    venue: str
    symbol: str
    side: Side
    fill: Fill


class _Open(msgspec.Struct, gc=False):
    """A difference that was seen: which, since when (steady time), and whether it was acted on."""

    text: str
    since_ns: int
    is_told: bool = False


class DropCopyDesk:
    """Implements ``ports.drop_copy.DropCopies``."""

    def __init__(self, engine: Engine, archive: OrderArchive, stops: Stops, clock: Clock) -> None:
        self._engine = engine
        self._archive = archive
        self._stops = stops
        self._clock = clock
        self._open: dict[tuple[str, str, str], _Open] = {}
        self._counts: dict[tuple[str, str], float] = {}

    def counts(self) -> Mapping[tuple[str, str], float]:
        """``(venue, result) -> executions``, for the metrics; every configured venue from 0 on."""
        begun = {(venue, result.value): 0.0 for venue in self._engine.state.config.venues for result in DropCopyResult}
        return begun | self._counts

    async def compare(
        self, venue: str, executions: Sequence[CopiedExecution], actor: Actor
    ) -> tuple[DropCopyVerdict, ...]:
        if venue not in self._engine.state.config.venues:
            raise RequestInvalid((FieldError("venue", "must be a configured venue", venue, "see gateway.yaml"),))
        orders = await self._orders(executions)
        booked = self._find(venue, executions, orders)
        oldest_ns = _oldest_ns(self._engine.state.ledger)
        verdicts: list[DropCopyVerdict] = []
        drifts: dict[str, list[tuple[int, str]]] = {}
        for number, (execution, own) in enumerate(zip(executions, booked, strict=True)):
            is_old = own is None and execution.order_id not in orders and 0 < execution.executed_ns < oldest_ns
            verdict, text = self._verdict(venue, execution, own, is_old)
            verdicts.append(verdict)
            if text:
                for symbol in {execution.symbol: None, (own or execution).symbol: None}:
                    drifts.setdefault(symbol, []).append((number, text))
            key = (venue, verdict.result.value)
            self._counts[key] = self._counts.get(key, 0.0) + 1
        for symbol, found in drifts.items():
            if not self._can_stop(venue, symbol, found[0][1]):
                continue
            for number, _ in found:
                one = verdicts[number]
                known = self._open.get((venue, one.symbol, one.exec_id))
                if known is not None:  # another submission may have settled it meanwhile
                    known.is_told = True
                verdicts[number] = msgspec.structs.replace(one, stopped=(*one.stopped, symbol))
            await self._stop(venue, symbol, [text for _, text in found], actor)
        return tuple(verdicts)

    def _find(
        self, venue: str, executions: Sequence[CopiedExecution], orders: Mapping[str, list[Order]]
    ) -> list[_Booked | None]:
        """What is booked of each execution: in the order that is named, else anywhere in memory."""
        found = [_best(_booked_in(orders.get(one.order_id, ()), one.exec_id), one, venue) for one in executions]
        if None not in found:
            return found
        index = self._index(venue)
        return [
            own or _best(index.get(one.exec_id, ()), one, venue) for own, one in zip(found, executions, strict=True)
        ]

    async def _orders(self, executions: Iterable[CopiedExecution]) -> dict[str, list[Order]]:
        """The orders that are named, with the legs of split ones; what is unknown is left out."""
        found: dict[str, list[Order]] = {}
        for order_id in {execution.order_id for execution in executions if execution.order_id}:
            order = await self._order(order_id)
            if order is not None:
                legs = [await self._order(leg_id) for leg_id in order.leg_ids]
                found[order_id] = [order, *(leg for leg in legs if leg is not None)]
        return found

    async def _order(self, order_id: str) -> Order | None:
        return self._engine.find_order(order_id) or await self._archive.find(order_id)

    def _index(self, venue: str) -> dict[str, list[_Booked]]:
        """What memory holds of the live executions at a venue, by exec_id and by the ids of corrections."""
        index: dict[str, list[_Booked]] = {}
        state = self._engine.state
        for position in state.books[Route.LIVE].positions.values():
            if position.venue == venue:
                for one in position.executions:
                    booked = _Booked(one.order_id, venue, position.symbol, one.side, one.fill)
                    index.setdefault(one.fill.exec_id, []).append(booked)
        for order in state.orders.values():
            if order.venue == venue and order.route is Route.LIVE:
                for exec_id, booked in _booked_of(order):
                    index.setdefault(exec_id, []).append(booked)
        return index

    def _verdict(
        self, venue: str, execution: CopiedExecution, booked: _Booked | None, is_old: bool
    ) -> tuple[DropCopyVerdict, str]:
        """The verdict, and what to act on: empty unless this is drift that nobody was told of."""
        result = DropCopyResult.MISSING
        differences: tuple[Difference, ...] = ()
        if booked is not None:
            differences = _differences(venue, execution, booked)
            result = DropCopyResult.DIFFERS if differences else DropCopyResult.MATCHED
        elif is_old:
            result = DropCopyResult.TOO_OLD
        text = ""
        key = (venue, execution.symbol, execution.exec_id)
        if result in (DropCopyResult.MATCHED, DropCopyResult.TOO_OLD):
            self._open.pop(key, None)
        else:
            text = f"{execution.exec_id} {_words(execution, differences)}"
            if self._is_within_grace(key, text):
                result, text = DropCopyResult.PENDING, ""
            elif self._open[key].is_told:
                text = ""
        order_id = booked.order_id if booked is not None else execution.order_id or None
        verdict = DropCopyVerdict(
            exec_id=execution.exec_id,
            symbol=execution.symbol,
            result=result,
            order_id=order_id,
            differences=differences,
        )
        return verdict, text

    def _is_within_grace(self, key: tuple[str, str, str], text: str) -> bool:
        now_ns = self._clock.monotonic_ns()
        known = self._open.get(key)
        if known is None or known.text != text:
            self._open[key] = known = _Open(text, now_ns)
            if len(self._open) > _KEPT:
                del self._open[next(iter(self._open))]
        return now_ns - known.since_ns < self._engine.state.config.drop_copy.grace_s * _NS

    def _can_stop(self, venue: str, symbol: str, text: str) -> bool:
        """Whether the symbol is known and not halted: a halt stays a halt, and drift that outlasts it acts then."""
        state = self._engine.state
        stop = state.trading.stop_of((ScopeKind.SYMBOL, symbol))
        if symbol in state.config.instruments and (stop is None or stop.state is not TradingState.HALTED):
            return True
        _log.error("drop copy of %s: execution %s; %s takes no orders already", venue, text, symbol)
        return False

    async def _stop(self, venue: str, symbol: str, texts: list[str], actor: Actor) -> None:
        """Hold the symbol to what reduces positions."""
        more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
        reason = f"drop copy of {venue}: execution {texts[0]}{more}"
        await self._stops.switch_trading(TradingState.REDUCING, actor, reason, ScopeKind.SYMBOL, symbol)
        self._engine.process(VenueDoubted(ts_ns=self._clock.now_ns(), venue=venue, cause=HoldCause.DRIFT, text=reason))


def _oldest_ns(ledger: Ledger) -> int:
    """When the oldest execution that is remembered was booked; 0 while none was let go of."""
    if not ledger.window or ledger.window[0][0] == 1:
        return 0
    return ledger.window[0][1].executions[0].booked_ns


def _booked_of(order: Order) -> Iterator[tuple[str, _Booked]]:
    """Every live execution of an order, by its id and by those of its corrections."""
    of_id = {fill.exec_id: _Booked(order.order_id, order.venue, order.symbol, order.side, fill) for fill in order.fills}
    yield from of_id.items()
    for report_id, exec_id in order.revisions.items():
        if exec_id in of_id:
            yield report_id, of_id[exec_id]


def _booked_in(orders: Iterable[Order], exec_id: str) -> list[_Booked]:
    return [
        booked
        for order in orders
        if order.route is Route.LIVE
        for own_id, booked in _booked_of(order)
        if own_id == exec_id
    ]


def _best(found: Iterable[_Booked], execution: CopiedExecution, venue: str) -> _Booked | None:
    """The one that fits best: some venues number executions per symbol or per order."""
    return min(found, key=lambda booked: len(_differences(venue, execution, booked)), default=None)


def _differences(venue: str, execution: CopiedExecution, booked: _Booked) -> tuple[Difference, ...]:
    pairs = (
        ("venue", venue, booked.venue),
        ("symbol", execution.symbol, booked.symbol),
        ("side", execution.side.value, booked.side.value),
        ("quantity", plain(execution.quantity), plain(booked.fill.last_qty)),
        ("price", plain(execution.price), plain(booked.fill.last_px)),
    )
    return tuple(Difference(*pair) for pair in pairs if pair[1] != pair[2])


def _words(execution: CopiedExecution, differences: tuple[Difference, ...]) -> str:
    if differences:
        return "differs: " + ", ".join(f"{one.field} {one.theirs}, booked {one.ours}" for one in differences)
    return f"is not booked: {execution.side.value} {plain(execution.quantity)} at {plain(execution.price)}"
