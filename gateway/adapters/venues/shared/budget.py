"""One budget of messages for one account at one venue, shared by everything that sends there.

At most so many in any window of time, as venues count them, with a reserve: the last ones of a window are kept for
cancels, so that a flood of new orders can never keep an order from being taken back (invariant 5). What is only read,
prices above all, leaves room for orders.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from gateway.ports.clock import Clock
from gateway.ports.sending import IS_WANTED

_NS = 1_000_000_000
Made = TypeVar("Made")


class MessageBudget:
    """``limit`` units of cost in any ``window_s`` seconds, of which ``reserve`` only cancels may use."""

    def __init__(self, clock: Clock, limit: int, window_s: float, reserve: int) -> None:
        self._clock = clock
        self._limit = limit
        self._window_ns = int(window_s * _NS)
        self._reserve = reserve
        self._spent: deque[tuple[int, int]] = deque()
        self._used = 0
        self._closed_until_ns = 0
        self._shut_until_ns = 0

    @property
    def remaining(self) -> int:
        """What may still be spent in the present window, the reserve included."""
        self._forget()
        return self._limit - self._used

    def take(self, cost: int = 1, *, is_cancel: bool = False, leave: int = 0) -> bool:
        """Spend ``cost`` now; False when there is not enough for this purpose, and nothing was spent.

        ``leave`` is what must be left in the window afterwards, for those who go first.
        """
        now_ns = self._forget()
        if now_ns < (self._shut_until_ns if is_cancel else self._closed_until_ns):
            return False
        if self._used + cost > self._limit - max(leave, 0 if is_cancel else self._reserve):
            return False
        self._spent.append((now_ns, cost))
        self._used += cost
        return True

    async def acquire(self, timeout_s: float, cost: int = 1, *, is_cancel: bool = False, leave: int = 0) -> bool:
        """Spend ``cost``, waiting for it up to ``timeout_s``; False: nothing was spent, and nothing may be sent. So it
        is with what is not wanted any more, unless it takes something back."""
        deadline_ns = self._clock.monotonic_ns() + int(timeout_s * _NS)
        is_wanted = IS_WANTED.get()
        while is_cancel or is_wanted():
            if self.take(cost, is_cancel=is_cancel, leave=leave):
                return True
            left_ns = deadline_ns - self._clock.monotonic_ns()
            if left_ns <= 0:
                return False
            await asyncio.sleep(min(self._window_ns / 50, left_ns) / _NS)
        return False

    def note_used(self, used: int) -> None:
        """The venue says how much of the window is used, by everybody who shares the account or address."""
        now_ns = self._forget()
        if used > self._used:
            self._spent.append((now_ns, used - self._used))
            self._used = used

    def set_limit(self, limit: int) -> None:
        """The venue says how much a window holds for this account."""
        self._limit = limit

    @property
    def is_shut(self) -> bool:
        """Whether not even a cancel leaves."""
        return self._clock.monotonic_ns() < self._shut_until_ns

    def close_for(self, wait_s: float, *, is_for_cancels: bool = False) -> None:
        """The venue said to wait: until then only cancels leave; nothing does, where it takes no cancels either and
        would make the wait longer for each (a ban)."""
        until_ns = self._clock.monotonic_ns() + int(wait_s * _NS)
        self._closed_until_ns = max(self._closed_until_ns, until_ns)
        if is_for_cancels:
            self._shut_until_ns = max(self._shut_until_ns, until_ns)

    def _forget(self) -> int:
        """Let go of what has left the window; returns the time."""
        now_ns = self._clock.monotonic_ns()
        while self._spent and self._spent[0][0] <= now_ns - self._window_ns:
            self._used -= self._spent.popleft()[1]
        return now_ns


class Budgets:
    """The budgets of one gateway. Who names the same place gets the same budget: a venue's orders and its prices, a
    venue that is built anew, and two venues of the configuration that are one account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: dict[tuple[str, ...], MessageBudget] = {}
        self._beside: dict[tuple[str, ...], Any] = {}

    def at(self, place: tuple[str, ...], limit: int, window_s: float, reserve: int) -> MessageBudget:
        """The budget of ``place``: what the venue counts by, an address or a key. Its first user sets its figures."""
        if place not in self._made:
            self._made[place] = MessageBudget(self._clock, limit, window_s, reserve)
        return self._made[place]

    def beside(self, place: tuple[str, ...], make: Callable[[], Made]) -> Made:
        """What goes with the budget of ``place`` and is shared like it: whoever waits there, waits in one line."""
        if place not in self._beside:
            self._beside[place] = make()
        made: Made = self._beside[place]
        return made
