"""Alert rules ask for metrics that exist, lead to the runbook, and are tested: firing, recovering and without data."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.adapters.telemetry.labels import DECISIONS
from gateway.domain.enums import Mode, OrdStatus
from tests.infrastructure.promql import ALWAYS, grouping_labels, labels_of, selectors

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "infrastructure/prometheus"


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules(name: str) -> list[dict[str, Any]]:
    return [rule for group in load(PROMETHEUS / "rules" / f"{name}.yml")["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules("alerts")}
RECORDED = {rule["record"]: rule for rule in rules("recording")}
TESTS = [test for path in sorted((PROMETHEUS / "tests").glob("*.yml")) for test in load(path)["tests"]]
EXPRESSIONS = {**{n: r["expr"] for n, r in ALERTS.items()}, **{n: r["expr"] for n, r in RECORDED.items()}}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_rules_ask_for_metrics_that_exist(name: str) -> None:
    """Without this, a renamed metric or label would silence its alert for ever."""
    known: set[str] = set(ALWAYS)
    for selector in selectors(EXPRESSIONS[name]):
        if selector.name in RECORDED:
            known |= grouping_labels(RECORDED[selector.name]["expr"])
            continue
        labels = labels_of(selector.name)
        assert labels is not None, f"{name} asks for {selector.name}, which is in no catalogue"
        assert selector.labels <= labels | ALWAYS, f"{name}: {selector}"
        known |= labels
    assert grouping_labels(EXPRESSIONS[name]) <= known


def test_rules_ask_for_values_that_exist() -> None:
    """Without this, `outcome="cancelled"` would match nothing, and nothing would say so."""
    words = {
        "outcome": {"admitted", "denied", *(status.value for status in OrdStatus)},
        "mode": {mode.value for mode in Mode},
        "decision": set(DECISIONS),
        "book": {"live", "shadow"},
        "stage": {"decide", "journal", "total"},
        "severity": {"critical", "warning"},
    }
    for name, expression in EXPRESSIONS.items():
        for label, asked in re.findall(r'\b([a-z_]+)(?:=~|!~|!=|=)"([^"]*)"', expression):
            assert label not in words or set(asked.split("|")) <= words[label], f"{name}: {label} {asked}"


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_says_how_loud_it_is_and_leads_to_its_entry_of_the_runbook(name: str) -> None:
    """Without this, a person would be woken by a name that no document knows."""
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    found = re.search(rf"^### {name}\n\n\*(Critical|Warning)(, demotes)?\.\* .", text, re.MULTILINE)
    assert found, f"docs/operations.md has no entry for {name}"
    assert found[1].lower() == rule["labels"]["severity"]
    assert bool(found[2]) == (rule["labels"].get("gateway_action") == "demote")


def test_the_runbook_has_no_entry_for_an_alert_that_is_gone() -> None:
    """Without this, a reader would look for an alarm that cannot ring."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### (Gateway\w+)$", text, re.MULTILINE)) == set(ALERTS)


def test_the_alerts_of_the_seeds_are_there_with_their_figures() -> None:
    """These eight were asked for, with these thresholds."""
    for name, severity, figure in (
        ("GatewayVenueConnectionLost", "critical", "gateway_connection_lost_seconds"),
        ("GatewayFillRateCritical", "critical", "< 0.80"),
        ("GatewayRejectionRateHigh", "critical", "> 0.05"),
        ("GatewayDailyLossLimit", "critical", "daily_loss_limit"),
        ("GatewayFillRateLow", "warning", "< 0.95"),
        ("GatewayOrderLatencyHigh", "warning", "> 0.1"),
        ("GatewayVenueLatencyHigh", "warning", "> 0.1"),
        ("GatewayOrderVolumeUnusual", "warning", "gateway:orders:rate5m"),
    ):
        assert ALERTS[name]["labels"]["severity"] == severity
        assert figure in ALERTS[name]["expr"]


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_is_tested_firing_recovering_and_without_data(name: str) -> None:
    """Without this, a rule could be valid and never ring, or never stop."""
    cases = [(test["name"], case) for test in TESTS for case in test["alert_rule_test"] if case["alertname"] == name]
    own = [case for story, case in cases if story.startswith(f"{name},")]
    assert [bool(case["exp_alerts"]) for case in own] == [False, True, False], "quiet, firing, recovered"
    assert any(story.startswith("the gateway answers") and not case["exp_alerts"] for story, case in cases)


def test_demotions_reach_the_gateway_and_a_person() -> None:
    """Without this, a fill rate of 50% would be a line in a chat."""
    config = load(ROOT / "infrastructure/alertmanager/alertmanager.yml")
    receivers = {receiver["name"]: receiver for receiver in config["receivers"]}
    (route,) = [one for one in config["route"]["routes"] if one["matchers"] == ['gateway_action="demote"']]
    assert route["continue"] is True
    (webhook,) = receivers[route["receiver"]]["webhook_configs"]
    assert webhook["url"].endswith("/api/trading/alertmanager")
    assert "credentials_file" in webhook["http_config"]["authorization"]
