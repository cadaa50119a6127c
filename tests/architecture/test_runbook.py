"""The runbook has what the user's own documents ask for: a person in trouble looks for the words that he knows."""

from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")
CHECKLIST = (
    "Configure production risk limits",
    "Set up monitoring and alerting",
    "Test circuit breakers",
    "Verify order execution in paper mode",
    "Configure backup data sources",
    "Set up automated backups",
    "Document emergency procedures",
)
TROUBLE = (
    "Cannot connect to TWS or Gateway",
    "Connection timeout",
    "No market data",
    "Delayed data",
    "Orders rejected",
    "Partial fills",
    "Risk violations",
    "Data issues",
    "Debug commands",
)


@pytest.mark.parametrize("point", CHECKLIST)
def test_the_production_checklist_is_whole(point: str) -> None:
    """Without this, a step that the specification asks for before real money would be forgotten."""
    assert f"- [ ] **{point}**" in TEXT


@pytest.mark.parametrize("title", TROUBLE)
def test_every_trouble_of_the_specification_has_its_entry(title: str) -> None:
    """Without this, a reader would find an alert and no way out."""
    _, _, after = TEXT.partition(f"\n### {title}\n")
    assert len(after.partition("\n### ")[0].strip()) > 60, title
