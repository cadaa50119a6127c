"""What terminals are told of rollouts and candidates: words of venues, alerts and policies, and no commands in them."""

import argparse
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from gateway.adapters.http.rollout_views import rollout_view
from gateway.app import rollout_cli
from gateway.app.whatif_report import as_text
from gateway.core.candidates.tally import Tally
from gateway.domain.candidates import DifferenceKind, OrderDifference
from gateway.domain.enums import Role, Side
from gateway.domain.orders import Actor
from gateway.domain.rollout import Hold, HoldCause, HoldKind
from gateway.service.candidates.whatif import WhatIf
from tests.fakes.rollouts import IBKR
from tests.rollouts.test_review_page import THIN, page_of

EVIL = "gone\x1b[2J\x1b[1;1Hibkr: LIVE\r\x07\nverdict: pass"


class Gateway:
    """Answers that ibkr is held, in the venue's own words."""

    def __init__(self, *_: Any) -> None:
        pass

    def ask(self, *_: Any) -> Any:
        hold = Hold(
            kind=HoldKind.OUTAGE,
            cause=HoldCause.VENUE_LOST,
            text=EVIL,
            actor=Actor("system", Role.ADMIN),
            since_ns=1,
            revision="r",
        )
        return json.loads(msgspec.json.encode(rollout_view(msgspec.structs.replace(IBKR, hold=hold))))


def has_no_commands(text: str) -> bool:
    return all(one.isprintable() for line in text.split("\n") for one in line) and "\nverdict: pass" not in text


def test_the_words_of_a_venue_do_not_move_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it a venue, or who writes its alerts, would wipe the screen and write a status of his own on it."""
    monkeypatch.setattr(rollout_cli, "GatewayClient", Gateway)
    parser = argparse.ArgumentParser()
    rollout_cli.add_parser(parser.add_subparsers())
    for command in (["rollout", "status", "ibkr"], ["rollout", "pause", "ibkr", "--reason", "x"]):
        args = parser.parse_args(command)
        assert rollout_cli.run(args, {}) == 0
        shown = capsys.readouterr().out
        assert "gone?[2J" in shown
        assert has_no_commands(shown)


@pytest.mark.parametrize(
    ("position", "step", "told"),
    [(-1, "SHADOW", "  SHADOW, 2"), (0, "CANARY 1%", "  step 1 of 5: CANARY 1%, 2"), (5, "LIVE", "  LIVE, 2")],
)
def test_a_step_has_a_number_on_the_plan_only(position: int, step: str, told: str) -> None:
    """Without it a venue that is LIVE would stand at step 6 of 5, and one in SHADOW at step 0."""
    at = msgspec.structs.replace(IBKR, position=position, step=step)
    lines = list(rollout_cli.tree(json.loads(msgspec.json.encode(rollout_view(at)))))
    assert any(line.startswith(told) for line in lines), lines
    page, _ = page_of(THIN, position=position, step=step)
    assert f"<td>{step}{', 1 of 5' if position == 0 else ''}</td>" in page


def test_the_words_of_a_policy_do_not_move_the_terminal() -> None:
    """Without it a policy under test would write the report about itself."""
    tally = Tally(1)
    tally.add(
        OrderDifference(
            seq=1,
            ts_ns=1,
            order_id="o1",
            account="a",
            strategy_id="s",
            venue="alpha",
            symbol="AAPL",
            side=Side.BUY,
            order_qty=Decimal(1),
            kind=DifferenceKind.DENIES,
            notional=Decimal(1),
            rules=(EVIL,),
            enforced="admitted 1 shadow",
            candidate=f"denied RULE: {EVIL}",
        )
    )
    found = WhatIf(
        records=1,
        first_seq=1,
        last_seq=1,
        tally=tally,
        policy_errors=0,
        assumed=0,
        failed=0,
        undecided=0,
        last_error="",
        books=(),
        positions=(),
        folded_denied=(),
        unplaced=0,
        skipped=0,
        folded_problem=EVIL,
    )
    assert has_no_commands(as_text(found, (), "", 0))
