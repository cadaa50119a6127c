"""A real scrape of a real gateway: one wrong name in one reading, and Prometheus is blind for all of them."""

from prometheus_client.parser import text_string_to_metric_families

from gateway.adapters.telemetry.catalogue import CATALOGUE
from tests.e2e.process import Site, running

#: Only there once something is configured, or has happened.
SOMETIMES = {
    "gateway_audit_intact",
    "gateway_audit_timestamp_seconds",
}


async def test_a_scrape_of_a_fresh_gateway_is_whole(site: Site) -> None:
    """Without this, a metric that is read could be missing from the catalogue, and the page an error."""
    async with running(site) as gateway:
        api = gateway.api()
        reply = await api.get("/metrics")
        assert reply.status == 200, gateway.log
        families = {family.name: family for family in text_string_to_metric_families(reply.body)}
        missing = {metric.name for metric in CATALOGUE if metric.name.removesuffix("_total") not in families}
        assert missing - SOMETIMES == set()
        assert families["gateway_ready"].samples[0].value == 1
        assert families["gateway_journal_writable"].samples[0].value == 1
        assert "ERROR" not in gateway.log
