"""The demonstration as a user starts it: a real gateway, a real strategy between them a socket, and no trace after."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.app.demo.desk import Sent
from gateway.app.demo.figures import figures, percentile
from gateway.app.demo.story import choose, tell, tell_denial
from gateway.app.demo.table import progress, table

ROOT = Path(__file__).parents[2]
BOOK = {
    "initial_cash": "100000",
    "equity": "99990.555",
    "realized_pnl": "-5",
    "unrealized_pnl": "-2",
    "fees": "2.445",
    "currency": "USD",
}


def start(*args: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "gateway", "demo", *args]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_strategy_trades_and_everything_is_told_and_gone_at_the_end() -> None:
    """Without this, the first thing that a user tries could fail, or leave a gateway running behind his back."""
    process = start("--seconds", "6", "--json")
    said, words = process.communicate(timeout=60)
    assert process.returncode == 0, words
    found = json.loads(said)
    assert found["orders"] > 5
    assert found["filled"] >= 1
    assert sum(found["denied"].values()) >= 1, "one order in five is too large"
    assert set(found["denied"]) <= {"MAX_ORDER_VALUE", "MAX_CONCENTRATION"}, "and nothing else may be refused"
    assert found["admitted"] + sum(found["denied"].values()) == found["orders"]
    assert found["other_ends"] == {}, "every order must have ended: filled, canceled or denied"
    assert 0 < found["place_ms_p50"] <= found["place_ms_p99"]
    assert "chain whole" in found["journal"]
    assert "0 differences" in found["journal"]
    for label in ("Orders", "Denied", "Filled", "Slippage", "P&L", "Latency", "The way of one order"):
        assert label in words
    assert all(len(line) <= 80 for line in words.splitlines()[1:]), words
    assert any("Filled" in line for line in found["story"])
    assert not is_running(found["gateway_pid"])


@pytest.mark.slow
def test_ctrl_c_ends_it_early_with_the_table() -> None:
    """Without this, who has seen enough would lose the figures, and might leave the gateway running."""
    process = start("--seconds", "600", "--json")
    assert process.stderr is not None
    assert "A gateway in SHADOW" in process.stderr.readline()
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    said, words = process.communicate(timeout=60)
    assert process.returncode == 0, words
    assert json.loads(said)["seconds"] < 60
    assert not is_running(json.loads(said)["gateway_pid"])


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (("--config", "nowhere"), "there is no gateway.yaml in nowhere"),
        (("--symbols", "NOPE"), "not in instruments.yaml: NOPE"),
        (("--recording", "nothing.gz"), "there is no recording nothing.gz"),
    ],
)
def test_what_cannot_run_says_why(args: Sequence[str], complaint: str) -> None:
    """Without this, a slip in the command would end in a stack trace."""
    process = start(*args)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 1
    assert complaint in words
    assert "Traceback" not in words


def sent(number: int, side: str = "buy", **order: Any) -> Sent:
    terms = {"symbol": "AAPL", "side": side, "quantity": "10", "order_type": "market", "client_order_id": f"x-{number}"}
    return Sent(terms, Decimal("99.99"), Decimal("100.01"), 0.0, 201, float(number), order)


def test_figures_are_counted_from_what_was_seen() -> None:
    """Without this, the table could flatter: a fill above the mid is a cost to a buyer and a gain to a seller."""
    orders = [
        sent(1, ord_status="filled", cum_qty="10", avg_px="100.01"),
        sent(2, side="sell", ord_status="canceled", cum_qty="4", avg_px="100.01"),
        sent(3, ord_status="canceled", cum_qty="0", avg_px=None),
        sent(4, ord_status="denied", reject={"code": "MAX_ORDER_VALUE", "text": "too much"}),
    ]
    found = figures(orders, BOOK, seconds=3.04, symbols=("AAPL",), market="a market", journal="fine")
    assert (found.orders, found.admitted, found.filled, found.partly_filled, found.canceled) == (4, 3, 1, 1, 2)
    assert found.denied == {"MAX_ORDER_VALUE": 1}
    assert found.fill_rate == 0.3333
    slippage = found.slippage["market"]
    assert (slippage.orders, slippage.median_bps, slippage.worst_bps) == (2, 0.0, 1.0)
    assert (found.pnl, found.fees) == ("-9.44", "2.44")
    assert (found.place_ms_p50, found.place_ms_p99) == (2.0, 4.0)
    assert all(len(line) <= 80 for line in table(found))


def test_nothing_sent_is_a_table_too() -> None:
    """Without this, ending the demonstration in its first second would end in a stack trace."""
    found = figures([], BOOK, seconds=0.1, symbols=("AAPL",), market="a market", journal="fine")
    assert "nothing was filled" in "\n".join(table(found))
    assert choose([]) is None
    assert tell_denial([]) == []


def test_a_percentile_is_one_of_the_values() -> None:
    """Without this, a p99 could be better than every slow order there was."""
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 99), percentile([7.0], 99)) == (50.0, 99.0, 7.0)


def test_the_story_tells_every_stage_of_an_order() -> None:
    """Without this, a stage could be silently left out of the one order that is shown whole."""
    one = sent(1, ord_status="filled", cum_qty="10", avg_px="100.01")
    one.events = [
        {"type": "order", "event": "held", "ts": "2026-01-02T10:00:00.000000Z", "order_id": "o1", "route": "shadow"}
        | {"route_reason": "MODE_SHADOW", "cycle": 1, "venue": "ibkr"},
        {"type": "order", "event": "admitted", "ts": "2026-01-02T10:00:00.001500Z", "policy_revision": "p", "seq": 7},
        {"type": "order", "event": "acknowledged", "ts": "2026-01-02T10:00:00.010000Z", "venue_order_id": "sim-o1"},
        {"type": "fill", "ts": "2026-01-02T10:00:01.250000Z", "last_qty": "10", "last_px": "100.01", "fee": "0.2"}
        | {"fee_currency": "USD", "is_maker": False, "ord_status": "filled", "cum_qty": "10", "avg_px": "100.01"},
    ]
    text = " ".join(" ".join(tell(one)).split())
    for part in (
        "100.01 and sends",
        "MODE_SHADOW",
        "+1.5 ms Policy p: allowed",
        "record 7",
        "HTTP 201",
        "+1250.0 ms Filled",
    ):
        assert part in text
    assert choose([sent(2), one]) is one


def test_the_progress_line_fits_a_terminal() -> None:
    """Without this, a long run would wrap and scroll instead of staying in its line."""
    assert len(progress(119.6, 120, 1234, 1200, 123, "-1234.56", has_bar=True)) <= 79
