"""Stopwatches around functions of the gateway, put there from outside while a profile is taken.

Each watch counts its own time without that of the watches inside it. What the table names and the code no longer
has is listed as missing, so that the sum stays honest when code moves.
"""

import contextlib
import gc
import importlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

_ADAPTERS = "gateway.adapters"
_COLLECTING = "Python: garbage collection"
#: Stage, and the synchronous functions that make it up: ``module:name`` or ``module:Class.method``.
STAGES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("http: doorman", (f"{_ADAPTERS}.http.auth:Doorman.admit",)),
    ("http: body to order", (f"{_ADAPTERS}.http.order_handlers:read_order",)),
    ("http: order to reply", (f"{_ADAPTERS}.http.order_handlers:_answer",)),
    ("intake: shape, fingerprint", ("gateway.service.intake:shape_problems", "gateway.service.intake:fingerprint")),
    ("intake: market view", ("gateway.service.intake:Intake.view",)),
    ("intake: known client id", (f"{_ADAPTERS}.journal.archive:Archive.may_hold",)),
    ("intake: story for the reply", ("gateway.service.intake:story_of",)),
    ("core: decide", ("gateway.service.engine:decide", "gateway.service.engine:settle")),
    ("core: apply", ("gateway.service.engine:apply",)),
    ("core: policy document", ("gateway.core.admission:policy_document",)),
    (
        "engine: process (records, archive copies)",
        ("gateway.service.engine:Engine.process", "gateway.service.engine:Engine.process_order"),
    ),
    ("engine: after the commit", ("gateway.service.engine:Engine._on_durable",)),
    ("policy: embedded engine", (f"{_ADAPTERS}.policy.live:LivePolicies.evaluate_now",)),
    ("journal: encode records", (f"{_ADAPTERS}.journal.sqlite:encode_record",)),
    ("journal: encode archive rows", (f"{_ADAPTERS}.journal.sqlite:order_row",)),
    ("journal: hash chain", (f"{_ADAPTERS}.journal.appending:Appender.chained",)),
    (
        "telemetry",
        tuple(
            f"{_ADAPTERS}.telemetry.prometheus:PrometheusTelemetry.{name}"
            for name in ("on_record", "on_order", "on_commit", "on_policy")
        ),
    ),
    ("stream of events", ("gateway.service.feed:Feed.publish",)),
    ("executor: run effects", ("gateway.service.executor:Executor.run",)),
    ("executor: take reports", ("gateway.service.executor:Executor.on_reports",)),
    (
        "simulator: requests",
        (f"{_ADAPTERS}.venues.simulator.model:MatchingModel.submit",),
    ),
    ("simulator: fills", (f"{_ADAPTERS}.venues.simulator.model:MatchingModel.advance",)),
    ("simulator: market updates", (f"{_ADAPTERS}.venues.simulator.model:MatchingModel.on_market",)),
    ("market: synthetic ticks", (f"{_ADAPTERS}.marketdata.synthetic:SyntheticMarket._wake",)),
)


class Stopwatches:
    """Times by stage, on the thread that installed them; other threads pass unmeasured."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self._names = [*(name for name, _ in STAGES), _COLLECTING]
        self._ns = [0] * len(self._names)
        self._calls = [0] * len(self._names)
        self._inner_ns = self._collecting_since_ns = 0
        self._thread = threading.get_ident()
        self._is_running = True

    def reset(self) -> None:
        self._ns[:] = [0] * len(self._names)
        self._calls[:] = [0] * len(self._names)

    def stop(self) -> None:
        self._is_running = False

    def rows(self) -> list[tuple[str, float, int]]:
        """(stage, seconds, calls) of the stages that were called."""
        rows = zip(self._names, (ns / 1e9 for ns in self._ns), self._calls, strict=True)
        return [row for row in rows if row[2]]

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """With the functions of ``STAGES`` replaced by measured ones."""
        undo: list[tuple[Any, str, Any]] = []
        try:
            for index, (_, paths) in enumerate(STAGES):
                for path in paths:
                    owner, name = _find(path)
                    function = None if owner is None else vars(owner).get(name)
                    if function is None:
                        self.missing.append(path)
                        continue
                    undo.append((owner, name, function))
                    setattr(owner, name, self._watched(index, function))
            gc.callbacks.append(self._on_collection)
            yield
        finally:
            gc.callbacks.remove(self._on_collection)
            for owner, name, function in undo:
                setattr(owner, name, function)

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        """A collection happens inside whatever allocates: it counts for itself."""
        if not self._is_running or threading.get_ident() != self._thread:
            return
        now_ns = time.perf_counter_ns()
        if phase == "start":
            self._collecting_since_ns = now_ns
            return
        elapsed_ns = now_ns - self._collecting_since_ns
        self._ns[-1] += elapsed_ns
        self._calls[-1] += 1
        self._inner_ns += elapsed_ns

    def _watched(self, index: int, function: Callable[..., Any]) -> Callable[..., Any]:
        ns, calls, clock = self._ns, self._calls, time.perf_counter_ns

        def watched(*args: Any, **kwargs: Any) -> Any:
            if not self._is_running or threading.get_ident() != self._thread:
                return function(*args, **kwargs)
            outer_ns, self._inner_ns = self._inner_ns, 0
            started_ns = clock()
            try:
                return function(*args, **kwargs)
            finally:
                elapsed_ns = clock() - started_ns
                ns[index] += elapsed_ns - self._inner_ns
                calls[index] += 1
                self._inner_ns = outer_ns + elapsed_ns

        return watched


def _find(path: str) -> tuple[Any, str]:
    """The module or class that holds what ``path`` names, and its name there; None when it is not there."""
    module_name, _, rest = path.partition(":")
    class_name, _, name = rest.rpartition(".")
    try:
        owner: Any = importlib.import_module(module_name)
    except ImportError:
        return None, name
    return (getattr(owner, class_name, None) if class_name else owner), name
