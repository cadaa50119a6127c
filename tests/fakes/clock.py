"""A clock that stands still until it is told otherwise."""


class ManualClock:
    """Implements ``ports.clock.Clock``. Begins at a whole second of 2023, so that stamps are easy to read."""

    def __init__(self, now_ns: int = 1_700_000_000_000_000_000) -> None:
        self._now_ns = now_ns
        self._monotonic_ns = 1_000_000_000

    def now_ns(self) -> int:
        return self._now_ns

    def monotonic_ns(self) -> int:
        return self._monotonic_ns

    def advance(self, *, ns: int = 0, ms: float = 0, s: float = 0) -> None:
        """Let time pass, on both clocks."""
        passed = ns + int(ms * 1_000_000) + int(s * 1_000_000_000)
        self._now_ns += passed
        self._monotonic_ns += passed

    def set_wall(self, now_ns: int) -> None:
        """Step the wall clock, as an operator or a time server may; the monotonic one goes on undisturbed."""
        self._now_ns = now_ns
