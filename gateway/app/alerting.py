"""How alerts are put together: what is looked at, who walks through the journal, and who carries alerts outside."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from gateway.adapters.journal.audit_watch import AuditWatch
from gateway.adapters.notify import Notifications
from gateway.adapters.telemetry import Reading
from gateway.domain.alerts import AlertKind, Severity
from gateway.domain.settings import Settings
from gateway.ports.clock import Clock
from gateway.service.alerts import AlertDesk
from gateway.service.conditions import Conditions
from gateway.service.engine import Engine
from gateway.service.market_health import MarketHealth
from gateway.service.risk_reads import RiskReader
from gateway.service.status import GatewayStatus


class Alerting:
    """The desk, the audit and the channels, which live as long as the gateway."""

    def __init__(
        self,
        engine: Engine,
        status: GatewayStatus,
        prices: MarketHealth,
        risk: RiskReader,
        clock: Clock,
        settings: Settings,
        data_dir: Path,
        environ: Mapping[str, str],
    ) -> None:
        self.audit = AuditWatch(data_dir, clock, settings.storage.audit_every_s)
        self.notifications = Notifications(environ, clock)
        self.desk = AlertDesk(engine, clock, self.notifications)
        self.desk.watch(Conditions(engine, status, prices, risk, lambda: disk_free(data_dir), self.audit_problem))
        self.desk.watch(self.notifications.conditions)

    def audit_problem(self) -> str:
        """What the last walk through the journal found, also where that was before this start."""
        if self.audit.walked_ns or not self.audit.is_on:
            return self.audit.problem
        is_broken = any(one.condition.kind is AlertKind.AUDIT_BROKEN for one in self.desk.active())
        return "it failed before this start, and the next one has not ended yet" if is_broken else ""

    def readings(self) -> dict[str, Reading]:
        """Alerts that last by severity, those of them that nobody has taken on, the channels, and the audit once
        there was one."""
        active = self.desk.active()
        found: dict[str, Reading] = {
            "gateway_alerts_active": {
                (severity.value,): float(sum(one.condition.severity is severity for one in active))
                for severity in Severity
            },
            "gateway_alerts_unacknowledged": {(): float(sum(one.acknowledged is None for one in active))},
            **self.notifications.readings(),
        }
        if self.audit.walked_ns:
            found["gateway_audit_intact"] = {(): float(not self.audit.problem)}
            found["gateway_audit_timestamp_seconds"] = {(): self.audit.walked_ns * 1e-9}
        return found


def disk_free(data_dir: Path) -> int | None:
    """Bytes that are free where the journal is; None where the disk cannot be asked."""
    try:
        return shutil.disk_usage(data_dir).free
    except OSError:
        return None
