"""Alerts over HTTP: who sees which, who may take one on, and what the stream says."""

import pytest

from gateway.adapters.http.event_words import tell
from gateway.domain.alert_facts import AlertAcknowledged, AlertRaised, AlertResolved
from gateway.domain.alerts import Acknowledgment, AlertKind, Severity
from gateway.domain.enums import Role
from gateway.domain.orders import Actor
from gateway.ports.alerts import ChannelView
from tests.fakes.alerts import an_alert
from tests.http.desk import Desk, principal

PATH = "/api/trading/alerts"
PEOPLE = (
    principal("vera", Role.VIEWER),
    principal("tess", Role.TRADER, accounts=("a2",)),
    principal("rita", Role.RISK),
    principal("bound", Role.RISK, accounts=("a1",)),
)
LOST = an_alert()
TRIPPED = an_alert(AlertKind.BREAKER_TRIPPED, "concentration:live:a1/BTC/USDT", Severity.WARNING, "a1 holds too much")
OVER = an_alert(AlertKind.DISK_LOW, "low", Severity.WARNING, "little is free", resolved_ns=1_700_000_001_000_000_000)
CHANNEL = ChannelView(
    name="desk", kind="slack", min_severity="warning", is_up=False, error="timeout", sent=3, dropped=1, waiting=2,
    last_sent_ns=0,
)  # fmt: skip


async def ids(desk: Desk, query: str, key: str) -> list[str]:
    answer = await desk.ask("GET", PATH + query, key=key)
    assert answer.status == 200
    return [alert["kind"] for alert in answer.json["alerts"]]


async def test_each_sees_what_concerns_him() -> None:
    """Without this, a key bound to one account would read of the positions of another."""
    async with Desk(*PEOPLE) as desk:
        desk.alerts.lasting, desk.alerts.over, desk.alerts.views = [LOST, TRIPPED], [OVER], (CHANNEL,)
        assert await ids(desk, "", "vera") == ["venue_lost", "breaker_tripped", "disk_low"]
        assert await ids(desk, "?state=active", "vera") == ["venue_lost", "breaker_tripped"]
        assert await ids(desk, "?state=resolved", "vera") == ["disk_low"]
        assert await ids(desk, "?severity=critical", "vera") == ["venue_lost"]
        assert await ids(desk, "", "tess") == ["venue_lost"]
        channels = (await desk.ask("GET", PATH, key="vera")).json["channels"]
        assert channels[0]["is_up"] is False
        assert (await desk.ask("GET", PATH, key="tess")).json["channels"] == []
        assert (await desk.ask("GET", PATH + "?severity=loud", key="vera")).status == 400


@pytest.mark.parametrize(
    ("who", "alert", "reason", "status"),
    [
        ("vera", LOST, "r", 403),
        ("tess", LOST, "r", 403),
        ("rita", LOST, "calling", 200),
        ("rita", TRIPPED, "looking", 200),
        ("rita", OVER, "late", 404),
        ("rita", LOST, " ", 400),
        ("bound", LOST, "r", 200),
        ("bound", TRIPPED, "r", 404),
    ],
)
async def test_who_may_take_an_alert_on(who: str, alert: object, reason: str, status: int) -> None:
    """Without this, an alarm could be silenced by whoever caused it; names with slashes must reach the handler."""
    assert hasattr(alert, "alert_id")
    async with Desk(*PEOPLE) as desk:
        desk.alerts.lasting, desk.alerts.over = [LOST, TRIPPED], [OVER]
        answer = await desk.ask("POST", f"{PATH}/{alert.alert_id}/acknowledge", {"reason": reason}, key=who)
        assert answer.status == status, answer.body
        if status == 200:
            assert (answer.json["acknowledged_by"], answer.json["acknowledged_reason"]) == (who, reason)


def test_the_stream_says_what_changed_and_keeps_accounts_from_strangers() -> None:
    """Without this, a page could not follow alerts live, or a bound key would hear of others' breakers."""
    raised, quiet = (tell(AlertRaised(ts_ns=1, alert=alert)) for alert in (TRIPPED, LOST))
    assert raised is not None
    assert quiet is not None
    assert raised.is_for_desk
    assert not quiet.is_for_desk
    assert (raised.type, raised.fields["event"], raised.fields["subject"]) == (
        "alert",
        "raised",
        TRIPPED.condition.subject,
    )
    word = Acknowledgment(Actor("rita", Role.RISK), "calling", 1)
    taken = tell(AlertAcknowledged(ts_ns=1, key=TRIPPED.condition.key, acknowledged=word))
    over = tell(AlertResolved(ts_ns=1, key=TRIPPED.condition.key))
    assert taken is not None
    assert over is not None
    assert (taken.fields["subject"], taken.fields["by"], taken.is_for_desk) == (TRIPPED.condition.subject, "rita", True)
    assert (over.fields["event"], over.fields["kind"], over.is_for_desk) == ("resolved", "breaker_tripped", True)
