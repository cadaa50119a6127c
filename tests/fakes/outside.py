"""The rest of the outside: a market with fixed prices, a policy that is a function, telemetry that counts."""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal

from gateway.domain.events import PolicyVerdict
from gateway.domain.marked_stop import MarkedStop
from gateway.domain.market import MarketPhase, Quote
from gateway.domain.policy_input import PolicyInput
from gateway.domain.records import Record
from gateway.ports.market_data import MarketListener

D = Decimal


class FixedMarket:
    """Implements ``ports.market_data.MarketData``: the same prices for ever."""

    is_synthetic = True
    is_delayed = False

    def __init__(self, prices: dict[str, Decimal]) -> None:
        self.prices = dict(prices)
        self.listeners: list[MarketListener] = []

    async def start(self) -> None:
        pass

    def quote(self, symbol: str) -> Quote | None:
        px = self.prices.get(symbol)
        if px is None:
            return None
        return Quote(symbol, px, D(1000), px, D(1000), px, D(1), 0, 0, True, self.is_delayed)

    def listen(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    async def close(self) -> None:
        pass


class FunctionPolicy:
    """Implements ``ports.policy.PolicyEngine``. With ``delay_s`` it answers like a server does: later."""

    revision = "policy-1"

    def __init__(self, delay_s: float | None = None) -> None:
        self.delay_s = delay_s
        self.verdict = PolicyVerdict(is_allowed=True, revision=self.revision)
        self.documents: list[PolicyInput] = []
        #: Set to hold answers back until it is set.
        self.gate: asyncio.Event | None = None

    @property
    def is_immediate(self) -> bool:
        return self.delay_s is None

    def evaluate_now(self, document: PolicyInput) -> PolicyVerdict:
        self.documents.append(document)
        return self.verdict

    async def evaluate(self, document: PolicyInput) -> PolicyVerdict:
        self.documents.append(document)
        await asyncio.sleep(self.delay_s or 0)
        if self.gate is not None:
            await self.gate.wait()
        return self.verdict

    async def close(self) -> None:
        pass


class OpenSession:
    """A moment in an exchange's day."""

    is_open = True
    phase = MarketPhase.OPEN
    local_minute = 600
    weekday = 3


class OpenCalendar:
    """Implements ``ports.clock.Calendar``: never closed."""

    def session(self, name: str, now_ns: int) -> OpenSession:
        return OpenSession()


class CountingTelemetry:
    """Implements ``ports.telemetry.Telemetry`` and remembers what it was told."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.commits: list[int] = []
        self.failures = 0
        self.timed: list[str] = []
        self.policies: list[tuple[bool, str | None]] = []
        self.configs: list[tuple[bool, str]] = []

    def on_record(self, record: Record) -> None:
        self.records.append(record)

    def on_order(self, venue: str, decide_ns: int, journal_ns: int, total_ns: int) -> None:
        assert min(decide_ns, journal_ns, total_ns) >= 0
        self.timed.append(venue)

    def on_commit(self, batch: int, elapsed_ns: int) -> None:
        self.commits.append(batch)

    def on_journal_failure(self) -> None:
        self.failures += 1

    def on_policy(self, is_allowed: bool, failure: str | None, elapsed_ns: int) -> None:
        self.policies.append((is_allowed, failure))

    def on_config(self, is_applied: bool, revision: str, now_ns: int) -> None:
        self.configs.append((is_applied, revision))


class MemoryHaltMark:
    """Implements ``service.controls.HaltMark``."""

    def __init__(self) -> None:
        self._stops: list[MarkedStop] = []

    def set(self, stops: Sequence[MarkedStop]) -> int:
        self._stops = list(stops)
        return 0

    def stops(self) -> list[MarkedStop]:
        return self._stops


class MemoryFiles:
    """Implements ``service.controls.CommandFiles``: names and reasons of files that are there."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.written = 1

    def reason(self, name: str) -> str | None:
        return self.found.get(name)

    def made_ns(self, name: str) -> int:
        return self.written
