"""Drives the commands to close positions: after every record that may matter, and on the timers.

It asks the market for prices and expects nothing of it: what raises or is silent only means that an order goes at
market. It reads no policy, no metrics and no P&L.
"""

import asyncio
import logging
from collections.abc import Iterable
from decimal import Decimal

from gateway.core.flat_again import is_watched
from gateway.domain.enums import Route, ScopeKind
from gateway.domain.events import FlattenPursued, FlattenRequested
from gateway.domain.facts import Fact
from gateway.domain.flatten import FlattenOrder, Touch
from gateway.domain.orders import Actor
from gateway.domain.records import Record
from gateway.domain.stop_facts import FlattenEnded
from gateway.ports.clock import Clock
from gateway.ports.market_data import MarketData
from gateway.service.engine import Engine

_log = logging.getLogger(__name__)
#: A flatten that waits for long (a venue that is gone) looks at everything that is open no more often than this.
_PAUSE_S = 0.02


class Flattener:
    """Begins flattens and takes them further until they have ended."""

    def __init__(self, engine: Engine, market: MarketData, clock: Clock) -> None:
        self._engine = engine
        self._market = market
        self._clock = clock
        self._is_due = False
        self._last_id_ns = 0
        self._pursued_ns = 0

    def begin(
        self,
        actor: Actor,
        reason: str,
        *,
        scope: ScopeKind = ScopeKind.GATEWAY,
        scope_id: str = "",
        books: tuple[Route, ...] = (Route.LIVE,),
        limit_offset_bps: Decimal | None = None,
        flatten_id: str = "",
    ) -> str:
        """Take the command; its id. What can be sent at once is sent with it."""
        flatten_id = flatten_id or self._new_id()
        order = FlattenOrder(
            flatten_id=flatten_id,
            scope=scope,
            scope_id=scope_id,
            books=books,
            limit_offset_bps=limit_offset_bps,
            actor=actor,
            reason=reason,
        )
        self._engine.process(FlattenRequested(ts_ns=self._clock.now_ns(), order=order))
        self.pursue()
        return flatten_id

    def _new_id(self) -> str:
        """Unique across restarts, because it is a time that never repeats within one process."""
        self._last_id_ns = max(self._clock.now_ns(), self._last_id_ns + 1)
        return f"f{self._last_id_ns:x}"

    def on_record(self, record: Record) -> None:
        """Something became durable: look again soon, once for everything that does in the same moment."""
        if self._is_due or not self._is_wanted():
            return
        self._is_due = True
        since_s = (self._clock.monotonic_ns() - self._pursued_ns) / 1_000_000_000
        asyncio.get_running_loop().call_later(max(_PAUSE_S - since_s, 0), self._pursue_soon)

    def _outcome(self, fact: FlattenEnded) -> str:
        flatten = self._engine.state.flattens.get(fact.flatten_id)
        orders = "" if flatten is None else f", with {flatten.orders_sent} order(s)"
        return f"{'flat' if fact.is_flat else 'NOT flat'}{orders}{f': {fact.text}' if fact.text else ''}"

    def _is_wanted(self) -> bool:
        """Whether one is under way, or ended so lately that a late fill could undo it."""
        flattens = self._engine.state.flattens
        if not flattens:
            return False
        now_ns = self._clock.now_ns()
        return any(one.is_running or is_watched(one, now_ns) for one in flattens.values())

    def _pursue_soon(self) -> None:
        self._is_due = False
        self.pursue()

    def pursue(self) -> None:
        """Go on with what is under way. While the journal fails nothing could be sent, so nothing is tried."""
        if self._engine.failure is not None or not self._is_wanted():
            return
        self._pursued_ns = self._clock.monotonic_ns()
        found = self._engine.process(FlattenPursued(ts_ns=self._clock.now_ns(), touches=self._touches()))
        self.log_ends(found.facts)

    def log_ends(self, facts: Iterable[Fact]) -> None:
        """Say of each flatten that has ended whether it is flat."""
        for fact in facts:
            if isinstance(fact, FlattenEnded):
                _log.warning("flatten %s ended: %s", fact.flatten_id, self._outcome(fact))

    def _touches(self) -> dict[str, Touch]:
        """The best prices of everything that is held and may be closed."""
        books = {route for one in self._engine.state.running_flattens() for route in one.order.books}
        symbols = {
            position.symbol
            for route in books
            for position in self._engine.state.books[route].positions.values()
            if position.qty
        }
        found = {symbol: self._touch(symbol) for symbol in sorted(symbols)}
        return {symbol: touch for symbol, touch in found.items() if touch is not None}

    def _touch(self, symbol: str) -> Touch | None:
        try:
            quote = self._market.quote(symbol)
        except Exception:
            _log.exception("no price of %s could be had; it is closed at market", symbol)
            return None
        return None if quote is None else Touch(quote.bid_px, quote.ask_px)
