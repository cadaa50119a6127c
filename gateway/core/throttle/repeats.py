"""Repeated automated execution (RTS 6 Art. 15(3)): how often a strategy was applied, per symbol and side.

What counts is an order that executed, at its first fill: one order in fifty parts is one application of the
strategy, not fifty.
"""

from collections import deque

import msgspec


class Applied(msgspec.Struct, frozen=True):
    """As a checkpoint keeps it: the last executions (steady time) of one route, strategy, symbol and side."""

    key: str
    times_ns: list[int]


class Applications:
    """Per key the last executions, as many as the widest limit looks at; keys by their newest, oldest first."""

    __slots__ = ("_times",)

    def __init__(self, applied: list[Applied], most: int) -> None:
        self._times: dict[str, deque[int]] = {one.key: deque(one.times_ns, max(most, 1)) for one in applied}

    def kept(self) -> list[Applied]:
        return [Applied(key, list(times)) for key, times in self._times.items()]

    def add(self, key: str, now_ns: int, longest_ns: int, most: int) -> None:
        times = self._times.pop(key, None)
        if times is None or times.maxlen != most:
            times = deque(times or (), most)
        times.append(now_ns)
        self._times[key] = times
        while now_ns - next(iter(self._times.values()))[-1] >= longest_ns:
            del self._times[next(iter(self._times))]

    def within(self, key: str, now_ns: int, window_ns: int) -> int:
        """Executions of ``key`` within the window."""
        count = 0
        for at_ns in reversed(self._times.get(key, ())):
            if now_ns - at_ns >= window_ns:
                break
            count += 1
        return count

    def forget(self, start: str) -> None:
        """Begin to count anew for every key that starts with ``start``."""
        for key in [key for key in self._times if key.startswith(start)]:
            del self._times[key]


def repeat_key(route: str, strategy_id: str, symbol: str, side: str) -> str:
    """Names cannot hold ``|`` (the intake refuses it)."""
    return f"{route}|{strategy_id}|{symbol}|{side}"
