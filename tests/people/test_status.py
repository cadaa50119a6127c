"""``gateway status`` of a bad night: everything that is wrong is on the screen, and nothing says that all is well."""

import io
from typing import Any

from gateway.app.people.status import status_lines
from gateway.app.people.terminal import Terminal

NOW_NS = 1_795_009_600_000_000_000  # 2026-11-18T13:46:40Z
SINCE = "2026-11-18T13:40:00.000000Z"
ACCOUNT = {
    "book": "live",
    "account": "default",
    "currency": "USD",
    "equity": "98765.4",
    "daily_pnl": "-1234.6",
    "drawdown_ratio": "0.0123",
    "gross_exposure": "5000",
    "held_exposure": "0",
    "open_orders": 2,
    "positions": 1,
}
ALERT = {"severity": "critical", "raised_at": SINCE, "text": "the book differs", "acknowledged_by": None}
VENUE = {
    "venue": "ibkr",
    "configured_mode": "LIVE",
    "effective_mode": "CANARY",
    "canary_weight_bp": 500,
    "cycles_live": 6,
    "cycles_shadow": 114,
    "measured_share": "0.05",
}
CONNECTION = {"name": "ibkr", "kind": "venue", "is_connected": False, "is_synthetic": False, "text": "", "since": SINCE}
BREAKER = {"id": "daily_loss", "state": "tripped", "book": "live", "scope": "gateway", "scope_id": "gateway"}
STOP = {"scope": "strategy", "id": "s1", "book": "both", "trading_state": "halted", "by": "rita", "cause": "runs away"}
REFUSED = "the last configuration edit was refused, the one before is in force: risk.yaml:3: no such key"
HOLD = {"text": "fill rate fell", "by": "gateway"}


def bad_night() -> dict[str, Any]:
    breaker = {**BREAKER, "cause": "lost 5%", "resets": "by hand"}
    rollout = {"venue": "ibkr", "step": "5%", "verdict": "fail", "gates": ["fill_rate"], "hold": HOLD}
    return {
        "ready": {"status": "not ready", "detail": "journal_unavailable", "warnings": [REFUSED]},
        "modes": {"venues": [VENUE], "config_revision": "abc"},
        "trading": {"trading_state": "reducing", "stops": [{**STOP, "since": SINCE}], "flattens": []},
        "portfolio": {"portfolio": [ACCOUNT]},
        "connections": {"connections": [{**CONNECTION, "last_error": "refused"}]},
        "breakers": {"circuit_breakers": [breaker]},
        "alerts": {"alerts": [ALERT], "channels": [{"name": "phone", "is_up": False, "error": "404"}]},
        "statistics": {"statistics": {"now": {"in_doubt": 2}}},
        "locks": {"locks": [{"strategy_id": "s2", "route": "live", "executions": 9}]},
        "approvals": {"waiting": {"revision": "def", "looser": ["max_order_value 1 -> 2"]}},
        "rollouts": {"rollouts": [rollout]},
    }


def test_everything_that_is_wrong_is_shown() -> None:
    """Without this, the command that is trusted at a glance would hide what stands somewhere else."""
    shown = "\n".join(status_lines(bad_night(), Terminal(io.StringIO()), NOW_NS))
    for words in (
        "LIVE: ibkr; trading reducing",
        "NO ORDERS ARE TAKEN: journal_unavailable",
        "5.00% of 120",
        "LIVE, held down",
        "NOT CONNECTED for 6 min: refused",
        "98,765.40 USD",
        "-1,234.60",
        "halted: strategy s1 for 6 min, by rita: runs away",
        "breaker daily_loss tripped (live book, gateway): lost 5%; resets by hand",
        "orders in doubt: 2",
        "rollout of ibkr is held at 5%: fill rate fell",
        "5%, gates fail",
        "strategy s2 is locked",
        "alert critical for 6 min: the book differs",
        "alerts do not reach phone: 404",
        f"warning: {REFUSED}",
        "an edit waits for approval (def): max_order_value 1 -> 2",
    ):
        assert words in shown, words
    assert "nothing needs attention" not in shown


def test_refused_policies_are_not_called_the_configuration() -> None:
    """Without this, who broke a policy would be sent to the files of the configuration, where nothing is wrong:
    ``config_error`` of the health answer holds either refusal."""
    night = bad_night()
    words = "the last policy edit was refused, the one before is in force: trading.rego:273: expecting expression"
    night["ready"] = {"status": "ready", "config_error": "trading.rego:273: expecting expression", "warnings": [words]}
    told = [line for line in status_lines(night, Terminal(io.StringIO()), NOW_NS) if "trading.rego" in line]
    assert told == [f"warning: {words}"]


def test_a_venue_that_is_away_needs_attention_at_once() -> None:
    """Without this, "nothing needs attention" stood under a live venue whose cable was pulled, until its alert came a
    quarter of a minute later."""
    night = quiet_night()
    words = "venue ibkr is not connected: its orders are denied, cancels wait: nothing listens"
    for mode, error, is_told in (
        ("LIVE", "nothing listens", True),
        ("SHADOW", "nothing listens", True),
        ("SHADOW", "", False),
    ):
        night["modes"]["venues"] = [{**VENUE, "effective_mode": mode}]
        night["connections"] = {"connections": [{**CONNECTION, "last_error": error}]}
        shown = status_lines(night, Terminal(io.StringIO()), NOW_NS)
        assert (words in shown, "nothing needs attention" in shown) == (is_told, not is_told)


def quiet_night() -> dict[str, Any]:
    return bad_night() | {
        "ready": {"status": "ready"},
        "trading": {"trading_state": "active", "stops": [], "flattens": []},
        "breakers": {"circuit_breakers": []},
        "alerts": {"alerts": [], "channels": []},
        "statistics": {"statistics": {"now": {"in_doubt": 0}}},
        "locks": {"locks": []},
        "approvals": {"waiting": None},
        "rollouts": {"rollouts": []},
    }


def test_what_is_live_in_shadow_is_said_first() -> None:
    """Without this, the one line that everybody reads would say that nothing is live, over a live position whose exits
    go to the venue."""
    night = bad_night()
    night["modes"]["venues"] = [VENUE | {"effective_mode": "SHADOW"}]
    first, *_ = status_lines(night, Terminal(io.StringIO()), NOW_NS)
    assert first.startswith("LIVE positions or orders are open: every venue is in SHADOW, and exits go to the venue;")
    night["portfolio"]["portfolio"] = [ACCOUNT | {"positions": 0, "open_orders": 0}]
    first, *_ = status_lines(night, Terminal(io.StringIO()), NOW_NS)
    assert first.startswith("nothing is live: every venue is in SHADOW;")
