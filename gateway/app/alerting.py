"""How alerts are put together: what is looked at, and who carries them outside."""

import shutil
from pathlib import Path

from gateway.adapters.journal.audit_watch import AuditWatch
from gateway.adapters.telemetry import Reading
from gateway.domain.alerts import Alert, Severity
from gateway.ports.alerts import ChannelView, Notifier
from gateway.ports.clock import Clock
from gateway.service.alerts import AlertDesk
from gateway.service.conditions import Conditions
from gateway.service.engine import Engine
from gateway.service.market_health import MarketHealth
from gateway.service.risk_reads import RiskReader
from gateway.service.status import GatewayStatus


def alert_desk(
    engine: Engine,
    status: GatewayStatus,
    prices: MarketHealth,
    risk: RiskReader,
    clock: Clock,
    notifier: Notifier,
    audit: AuditWatch,
    data_dir: Path,
) -> AlertDesk:
    desk = AlertDesk(engine, clock, notifier)
    desk.watch(Conditions(engine, status, prices, risk, lambda: disk_free(data_dir), lambda: audit.problem))
    return desk


class Nobody:
    """Implements ``ports.alerts.Notifier`` where alerts are sent nowhere."""

    def notify(self, alert: Alert) -> None:
        pass

    def channels(self) -> tuple[ChannelView, ...]:
        return ()


def disk_free(data_dir: Path) -> int | None:
    """Bytes that are free where the journal is; None where the disk cannot be asked."""
    try:
        return shutil.disk_usage(data_dir).free
    except OSError:
        return None


def alert_readings(desk: AlertDesk, audit: AuditWatch) -> dict[str, Reading]:
    """Alerts that last by severity, those of them that nobody has taken on, and the audit once there was one."""
    active = desk.active()
    found: dict[str, Reading] = {
        "gateway_alerts_active": {
            (severity.value,): float(sum(one.condition.severity is severity for one in active)) for severity in Severity
        },
        "gateway_alerts_unacknowledged": {(): float(sum(one.acknowledged is None for one in active))},
    }
    if audit.walked_ns:
        found["gateway_audit_intact"] = {(): float(not audit.problem)}
        found["gateway_audit_timestamp_seconds"] = {(): audit.walked_ns * 1e-9}
    return found
