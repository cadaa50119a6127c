"""``docs/controls.md``, written from the tables: ``python -m tests.controls.page``."""

from pathlib import Path

from gateway.domain.control import Control
from gateway.domain.controls import CONTROLS, OVERRIDABLE
from tests.controls.standards import STANDARDS, Standard

PAGE = Path(__file__).parents[2] / "docs/controls.md"

_HEAD = """# Controls

Written from `gateway/domain/controls.py` and `tests/controls/standards.py` by `python -m tests.controls.page`; edit
those, not this file. What a code means for the sender of an order is in [reasons.md](reasons.md), how a key is
written in [configuration.md](configuration.md).

## Every control of this gateway

An order is compared with all of them, in every scope that it falls under, and a refusal lists every one that failed.
*Binds closes*: whether it can refuse an order that only reduces a position. What guards new risk never does.
*Override*: whether a [controlled override](operations.md#overrides) may lift it; *bounded*: only for orders up to a
largest quantity or value.

| rule | set by | refuses with | scopes | stage | binds closes | override | what is compared | asked for by |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""

_STANDARDS_HEAD = """
## What regulators and desks ask for

RTS 6 and RTS 7 are the Delegated Regulations (EU) 2017/589 and 2017/584; 15c3-5 is the market access rule of the SEC;
FIA: Best Practices for Automated Trading Risk Controls and System Safeguards (2024); CFTC: concept release 78 FR 56541
(2013); SGX: practice note 4.10.1(b); FIX 1530: RiskLimitType.

| no | control | source | met by |
| --- | --- | --- | --- |
"""


def page() -> str:
    """The whole file."""
    rows = "".join(_row(control) for control in CONTROLS)
    standards = "".join(_standard(standard) for standard in STANDARDS)
    return _HEAD + rows + _STANDARDS_HEAD + standards


def _row(control: Control) -> str:
    cells = (
        f"`{control.rule_id}`",
        f"`{control.key}`" if control.key else "always on",
        f"`{control.code.value}`",
        ", ".join(scope.value for scope in control.scopes),
        control.stage.value,
        "no" if control.guards_new_risk else "yes",
        _override(control),
        control.text,
        control.clause,
    )
    return f"| {' | '.join(cells)} |\n"


def _override(control: Control) -> str:
    if control.rule_id not in OVERRIDABLE:
        return "no"
    return "yes" if control.guards_new_risk else "bounded"


def _standard(standard: Standard) -> str:
    rules = ", ".join(f"`{control.rule_id}`" for control in CONTROLS if standard.number in control.serves)
    met = "; ".join(part for part in (rules, standard.elsewhere) if part)
    return f"| {standard.number} | {standard.name} | {standard.source} | {met or 'not yet'} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
