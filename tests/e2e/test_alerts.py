"""An alarm from its cause to everybody who must hear it, and back: the read, the stream, a channel, a restart."""

import aiohttp

from tests.e2e.process import Api, Site, eventually, running
from tests.notify.servers import HttpService, http_service
from tests.patience import PATIENCE_S

ALERTS = "/api/trading/alerts"


async def listed(api: Api, state: str) -> dict[str, dict[str, str]]:
    found = (await api.fetch(f"{ALERTS}?state={state}"))["alerts"]
    return {alert["subject"]: alert for alert in found}


async def is_listed(api: Api, state: str, subject: str) -> dict[str, str]:
    found: dict[str, dict[str, str]] = {}

    async def it_is() -> bool:
        found.update(await listed(api, state))
        return subject in found

    await eventually(it_is, PATIENCE_S, lambda: f"{subject} is not {state}: {found}")
    return found[subject]


async def posted(service: HttpService, state: str) -> None:
    """A channel was told of the kill switch."""

    async def it_was() -> bool:
        alerts = [alert for post in service.posts for alert in post.body["alerts"]]
        return any(alert["key"] == "trading_stopped:gateway:halted" and alert["state"] == state for alert in alerts)

    await eventually(it_was, PATIENCE_S, lambda: f"never {state}: {service.posts}")


async def test_the_kill_switch_is_an_alarm_until_somebody_lets_trading_go_on(site: Site) -> None:
    """Without this, one person could stop everything and the others would look for the fault elsewhere."""
    async with http_service() as service:
        site.write("notifications.yaml", f"channels: [{{name: desk, url: '{service.url}', min_severity: info}}]\n")
        async with running(site) as gateway:
            api = gateway.api()
            url = gateway.url + "/api/trading/ws/events?types=alert"
            async with aiohttp.ClientSession() as session, session.ws_connect(url) as stream:
                await stream.receive_json()  # hello
                await api.post("/api/trading/trading/disable", {"reason": "prices look wrong"})
                raised = await stream.receive_json(timeout=PATIENCE_S)
                while raised["type"] != "alert":
                    raised = await stream.receive_json(timeout=PATIENCE_S)
            assert (raised["event"], raised["subject"], raised["severity"]) == ("raised", "gateway:halted", "critical")
            alert = await is_listed(api, "active", "gateway:halted")
            assert "prices look wrong" in alert["text"]
            await posted(service, "active")
            path = f"{ALERTS}/{alert['alert_id']}/acknowledge"
            assert (await api.post(path, {"reason": "I did it"})).body["acknowledged_reason"] == "I did it"
            assert "\ngateway_alerts_unacknowledged 0" in (await api.get("/metrics")).body
            assert await gateway.stop() == 0
        before = len(service.posts)
        async with running(site) as gateway:
            api = gateway.api()
            again = await is_listed(api, "active", "gateway:halted")
            assert (again["alert_id"], again["acknowledged_reason"]) == (alert["alert_id"], "I did it")
            assert len(service.posts) == before, "what is known is not told again after a restart"
            await api.post("/api/trading/trading/enable", {"reason": "feed repaired"})
            over = await is_listed(api, "resolved", "gateway:halted")
            assert over["resolved_at"]
            await posted(service, "resolved")
