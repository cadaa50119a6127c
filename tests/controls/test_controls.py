"""The table of controls is whole: each row documented and tested, each standard control named once."""

import re
from pathlib import Path

import pytest

from gateway.core.risk.rules import RISK_RULES
from gateway.domain.control import Control
from gateway.domain.controls import CONTROLS, OVERRIDABLE
from gateway.domain.limit_controls import LIMIT_CONTROLS
from tests.controls.guards import GUARDS
from tests.controls.page import PAGE, page
from tests.controls.standards import STANDARDS
from tests.unit.test_limits import TABLE

ROOT = Path(__file__).parents[2]


def test_the_page_is_current() -> None:
    """Without this, the page that auditors read would tell of other controls than those that run."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.controls.page"


def test_rule_ids_are_unique() -> None:
    """Without this, an override of one rule could lift another."""
    ids = [control.rule_id for control in CONTROLS]
    assert len(ids) == len(set(ids))


def test_every_risk_rule_has_its_row() -> None:
    """Without this, a limit could be in force that no table knows."""
    assert {rule.control.rule_id for rule in RISK_RULES} <= {control.rule_id for control in LIMIT_CONTROLS}


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.rule_id)
def test_every_control_is_documented_and_tested(control: Control) -> None:
    """Without this, a control could be added that nobody is told of, and that nothing shows to work."""
    assert all((control.text, control.clause, control.scopes))
    assert f"`{control.code.value}`" in (ROOT / "docs/reasons.md").read_text(encoding="utf-8")
    if control.key:
        key = control.key.rpartition(": ")[2]
        assert re.search(rf"[`.]{key}[`.\[]", (ROOT / "docs/configuration.md").read_text(encoding="utf-8"))
    tabled = {row[0] for row in TABLE}
    if control.rule_id not in tabled:
        file, _, name = GUARDS[control.rule_id].partition("::")
        assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_guards_are_of_controls_that_exist() -> None:
    """Without this, the list of tests would keep names of controls that are gone."""
    assert set(GUARDS) <= {control.rule_id for control in CONTROLS}


def test_only_limits_can_be_overridden() -> None:
    """Without this, an exception could be made from a halt, from the policy, or from what the law forbids."""
    assert OVERRIDABLE <= {control.rule_id for control in LIMIT_CONTROLS}
    assert OVERRIDABLE.isdisjoint({"restricted_symbols", "blocked_symbols", "short_sale", "no_short", "market_hours"})


def test_standard_controls_are_numbered_and_served() -> None:
    """Without this, a row could claim to serve a control that is not on the list."""
    numbers = [standard.number for standard in STANDARDS]
    assert numbers == list(range(1, 34))
    assert {number for control in CONTROLS for number in control.serves} <= set(numbers)
