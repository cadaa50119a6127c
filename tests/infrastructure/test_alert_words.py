"""What Alertmanager tells people, rendered by its own tool from the shipped templates."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.infrastructure.test_alert_rules import ALERTS

FOLDER = Path(__file__).parents[2] / "infrastructure/alertmanager"

pytestmark = pytest.mark.skipif(
    shutil.which("amtool") is None and os.environ.get("CI") != "true", reason="needs amtool of Alertmanager"
)


def alert(venue: str, status: str) -> dict[str, object]:
    words = {"summary": f"{venue} is lost", "description": f"{venue} has been away", "runbook_url": "docs#lost"}
    return {"status": status, "labels": {"alertname": "Lost", "name": venue}, "annotations": words}


def rendered(folder: Path, text: str, *alerts: dict[str, object]) -> str:
    data = folder / "data.json"
    data.write_text(json.dumps({"receiver": "desk", "status": "firing", "alerts": alerts}))
    words = ("--template.glob", f"{FOLDER}/*.tmpl", "--template.text", text, "--template.data", str(data))
    done = subprocess.run(["amtool", "template", "render", *words], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_message_of_several_alerts_has_a_title_and_tells_what_is_over(tmp_path: Path) -> None:
    """Without this, two venues lost at once are a page without a summary, which PagerDuty refuses, and the end of an
    alert reads like its beginning."""
    config = yaml.safe_load((FOLDER / "alertmanager.yml").read_text(encoding="utf-8"))
    desk, on_call = config["receivers"][:2]
    slack, pager = desk["slack_configs"][0], on_call["pagerduty_configs"][0]
    assert {one["title"] for one in (slack, on_call["slack_configs"][0])} == {pager["description"]}
    title, text = slack["title"], slack["text"]
    lost, back = alert("ibkr", "firing"), alert("binance", "resolved")
    assert rendered(tmp_path, title, lost, alert("binance", "firing")) == "ibkr is lost; binance is lost"
    assert rendered(tmp_path, title, lost, back) == "ibkr is lost"
    assert rendered(tmp_path, title, back) == "Over: binance is lost"
    assert rendered(tmp_path, text, lost, back) == "ibkr has been away (docs#lost)\nOver: binance is lost\n"


def test_what_is_counted_is_told_in_whole_numbers() -> None:
    """Without this, one log line is told as "1.005 lines": Prometheus extrapolates what it counts."""
    for name, rule in ALERTS.items():
        if "increase(gateway_" in rule["expr"] and "$value" in rule["annotations"]["description"]:
            assert "{{ $value | printf `%.0f` }}" in rule["annotations"]["description"], name
