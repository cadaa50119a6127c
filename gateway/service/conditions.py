"""What is wrong outside the state: connections, prices, journal, disk, files that were refused. A source of alerts."""

import hashlib
from collections.abc import Callable, Iterator

from gateway.domain.alerts import AlertCondition, AlertKind, Severity
from gateway.domain.enums import Route
from gateway.service.engine import Engine
from gateway.service.market_health import MarketHealth
from gateway.service.risk_reads import RiskReader
from gateway.service.status import GatewayStatus

#: A venue may be away for as long as a reconnect takes.
VENUE_LOST_AFTER_S = 10.0
DISK_LOW_BYTES = 2_000_000_000
DISK_FULL_BYTES = 200_000_000
_SHOWN_SYMBOLS = 5


class Conditions:
    """Called every few seconds. ``disk_free`` gives the bytes that are free where the journal is, None when unknown;
    ``audit_problem`` what the last walk through the journal found, empty when nothing."""

    def __init__(
        self,
        engine: Engine,
        status: GatewayStatus,
        prices: MarketHealth,
        risk: RiskReader,
        disk_free: Callable[[], int | None],
        audit_problem: Callable[[], str],
    ) -> None:
        self._engine = engine
        self._status = status
        self._prices = prices
        self._risk = risk
        self._disk_free = disk_free
        self._audit_problem = audit_problem

    def __call__(self) -> Iterator[AlertCondition]:
        yield from self._journal()
        yield from self._files()
        yield from self._venues()
        yield from self._market()
        yield from self._loss()

    def _journal(self) -> Iterator[AlertCondition]:
        if self._engine.failure is not None:
            text = f"no order is accepted: {self._engine.failure}"
            yield _condition(AlertKind.JOURNAL_TROUBLE, "journal", Severity.CRITICAL, text)
        free = self._disk_free()
        if free is not None and free < DISK_LOW_BYTES:
            is_full = free < DISK_FULL_BYTES
            severity = Severity.CRITICAL if is_full else Severity.WARNING
            # No figure of the moment: the text stands for as long as the alert lasts.
            bound = DISK_FULL_BYTES if is_full else DISK_LOW_BYTES
            text = f"less than {bound // 1_000_000} MB are free on the disk of the journal: make room; when it is full,"
            text = f"{text} no order is accepted"
            yield _condition(AlertKind.DISK_LOW, "full" if is_full else "low", severity, text)
        problem = self._audit_problem()
        if problem:
            yield _condition(AlertKind.AUDIT_BROKEN, "journal", Severity.CRITICAL, f"the audit failed: {problem}")

    def _files(self) -> Iterator[AlertCondition]:
        # Refused for something else, it is another alert: whoever mends it must not read the old one.
        if error := self._status.config_error:
            text = f"the last edit of the configuration was refused, the one before is in force: {error}"
            yield _condition(AlertKind.CONFIG_REFUSED, f"configuration {_mark(error)}", Severity.WARNING, text)
        if self._status.policy_error:
            text = self._status.policy_refusal
            severity = Severity.WARNING if self._status.has_policies else Severity.CRITICAL
            yield _condition(AlertKind.POLICY_REFUSED, f"policies {_mark(text)}", severity, text)
        if self._status.config_waiting:
            yield _condition(AlertKind.CONFIG_WAITING, "configuration", Severity.INFO, self._status.config_waiting)

    def _venues(self) -> Iterator[AlertCondition]:
        for (name, kind), seconds in self._status.seconds_without().items():
            if seconds >= VENUE_LOST_AFTER_S:
                text = (
                    f"the connection to {name} is lost: new orders for it are denied, cancels wait, and what was under"
                    " way may be in doubt; gateway status says why"
                    if kind == "venue"
                    else f"the prices of {name} are lost: they get old, and what needs fresh ones denies orders;"
                    " GET /api/trading/connections says why"
                )
                yield _condition(AlertKind.VENUE_LOST, f"{kind}:{name}", Severity.CRITICAL, text)

    def _market(self) -> Iterator[AlertCondition]:
        for venue, prices in self._prices.by_venue().items():
            if prices.stale:
                shown = ", ".join(prices.stale[:_SHOWN_SYMBOLS])
                more = len(prices.stale) - _SHOWN_SYMBOLS
                text = f"no fresh price of {shown}{f' and {more} more' if more > 0 else ''} at {venue}"
                yield _condition(AlertKind.MARKET_DATA_STALE, venue, Severity.CRITICAL, text)

    def _loss(self) -> Iterator[AlertCondition]:
        for (book, scope, _), use in self._risk.daily_loss_ratios().items():
            if use >= 1:
                is_live = book == Route.LIVE.value
                text = f"the daily loss limit of {scope} is used up in the {book} book; orders that add risk are denied"
                severity = Severity.CRITICAL if is_live else Severity.WARNING  # no money is lost in simulation
                yield _condition(AlertKind.DAILY_LOSS_LIMIT, f"{book}:{scope}", severity, text)


def _mark(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def _condition(kind: AlertKind, subject: str, severity: Severity, text: str) -> AlertCondition:
    return AlertCondition(kind=kind, subject=subject, severity=severity, text=text)
