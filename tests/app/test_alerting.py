"""Alerts over a restart, as the gateway puts them together."""

from pathlib import Path
from typing import Any

from gateway.adapters.clock import SystemClock
from gateway.app.alerting import Alerting
from gateway.domain.alert_facts import AlertRaised
from gateway.domain.alerts import AlertKind
from gateway.domain.settings import Settings, StorageSettings
from tests.fakes.alerts import an_alert
from tests.service.desk import desk
from tests.world import trading_config


async def test_a_journal_that_was_found_broken_stays_so_until_the_next_walk(tmp_path: Path) -> None:
    """Without this, a restart would tell people that a damaged journal is whole: the first walk comes minutes later."""
    outside: Any = None
    for every_s, is_told in ((3_600, True), (0, False)):
        storage = StorageSettings(audit_every_s=every_s)
        async with desk() as one:
            settings = Settings(trading=trading_config(), storage=storage)
            alerting = Alerting(one.engine, outside, outside, outside, SystemClock(), settings, tmp_path, {})
            assert not alerting.audit_problem()
            broken = an_alert(AlertKind.AUDIT_BROKEN, "journal")
            one.engine.state.alerts.take_raised(AlertRaised(ts_ns=1, alert=broken))
            assert bool(alerting.audit_problem()) is is_told, "who walks no more finds nothing"
            alerting.audit.walked_ns = 1
            assert not alerting.audit_problem()
