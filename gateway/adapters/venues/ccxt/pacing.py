"""Who of those that wait for the exchange's rate limit sends next. It takes the place of ccxt's own limiter, where
everything waits in one line: an order behind a hundred questions, and nobody knows whether it has left. There is one
for each account: an exchange counts what comes from all venues of the configuration that are the same account together.

Cancels go first. Look-ups of orders in doubt have every second turn, new orders, news and the rest take the others one
after another, but for news, which wait for no second order until they had two turns: what became of an order takes two
or three questions, and orders that are refused for want of room do less harm than fills that are told late. Nothing
starves. What does not get its turn in time was not sent.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum

from gateway.adapters.venues.shared.budget import MessageBudget
from gateway.ports.clock import Clock

_NS = 1_000_000_000
#: Until the budget is asked again when it had no room.
_STEP_S = 0.1
#: Turns that news have after an order, as long as any wait.
_NEWS_AFTER_ORDER = 2


class Purpose(IntEnum):
    """What a request is for."""

    CANCEL = 0
    LOOKUP = 1
    ORDER = 2
    #: What became of one order, after a hint or by polling.
    NEWS = 3
    #: Lists, holdings, prices, the rules of the markets.
    READING = 4


class BudgetSpent(Exception):
    """There is no room for this request in the exchange's rate limit, and nothing was sent."""


@dataclass(eq=False)
class _Waiting:
    units: int
    turn: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Pacing:
    """``gap_ns`` is what a unit of cost puts between a request and the next one; a cancel does not wait for it."""

    def __init__(self, budget: MessageBudget, clock: Clock, gap_ns: int) -> None:
        self.gap_ns = gap_ns
        self._budget = budget
        self._clock = clock
        self._free_ns = 0
        self._lines: dict[Purpose, deque[_Waiting]] = {purpose: deque() for purpose in Purpose}
        #: Which turn each purpose had last.
        self._served = dict.fromkeys(Purpose, 0)
        self._turns = 0
        self._news_due = 0
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self, units: int, purpose: Purpose, deadline_ns: int) -> None:
        """Spend ``units`` when it is this request's turn. Raises BudgetSpent at ``deadline_ns`` (monotonic)."""
        one, line = _Waiting(units), self._lines[purpose]
        line.append(one)
        self._advance()
        try:
            async with asyncio.timeout(max(deadline_ns - self._clock.monotonic_ns(), 0) / _NS):
                await one.turn
        except TimeoutError:
            raise BudgetSpent("the rate limit of the exchange is used up for now; nothing was sent") from None
        finally:
            if one in line:
                line.remove(one)

    def _advance(self) -> None:
        """Let go whoever may; look again when the next one may."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (purpose := self._next()) is not None:
            one, now_ns = self._lines[purpose][0], self._clock.monotonic_ns()
            is_cancel = purpose is Purpose.CANCEL
            wait_s = 0.0 if is_cancel else (self._free_ns - now_ns) / _NS
            if wait_s <= 0 and not self._budget.take(one.units, is_cancel=is_cancel):
                wait_s = _STEP_S
            if wait_s > 0:
                self._timer = asyncio.get_running_loop().call_later(wait_s, self._advance)
                return
            self._lines[purpose].popleft()
            self._free_ns = max(self._free_ns, now_ns) + one.units * self.gap_ns
            self._turns += 1
            self._served[purpose] = self._turns
            self._note_news(purpose)
            if not one.turn.done():
                one.turn.set_result(None)

    def _note_news(self, served: Purpose) -> None:
        if served is Purpose.ORDER:
            self._news_due = _NEWS_AFTER_ORDER
        elif served is Purpose.NEWS:
            self._news_due -= 1

    def _next(self) -> Purpose | None:
        """Whose turn it is: of those that take turns, the one that had it longest ago."""
        if self._lines[Purpose.CANCEL]:
            return Purpose.CANCEL
        if self._lines[Purpose.LOOKUP] and self._served[Purpose.LOOKUP] < self._turns:
            return Purpose.LOOKUP
        waiting = (purpose for purpose, line in self._lines.items() if line)
        first = min(waiting, key=lambda purpose: self._served[purpose], default=None)
        if first is Purpose.ORDER and self._lines[Purpose.NEWS] and self._news_due > 0:
            return Purpose.NEWS
        return first
