"""``gateway resume``: what still stops trading is said, with what lifts it."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.app.people import operator

BREAKER = {"scope": "gateway", "id": "", "book": "both", "trading_state": "halted", "by": "rita"}
ACCOUNT = {"scope": "account", "id": "main", "book": "both", "trading_state": "reducing", "by": "rita", "cause": "late"}
DRIFT = {"scope": "symbol", "id": "AAPL", "book": "live", "trading_state": "reducing", "by": "gateway", "cause": "100"}


def told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *stops: dict[str, str],
    flattens: tuple[str, ...] = (),
) -> Iterator[str]:
    """``flattens`` run, or ran, when trading is let go on, which calls them off."""
    states = {name: "running" if name.startswith("running") else "ended" for name in flattens}

    class Client:
        def __init__(self, environ: Any) -> None: ...

        def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
            if method == "POST":
                states.update(dict.fromkeys(states, "ended"))
            listed = [{"flatten_id": name, "state": state, "text": "enabled"} for name, state in states.items()]
            return {"trading_state": "active", "scope": "gateway", "id": "", "stops": stops, "flattens": listed}

    monkeypatch.setattr(operator, "GatewayClient", Client)
    assert operator.resume("gateway", "", "", {}) == 0
    return iter(capsys.readouterr().out.splitlines())


def test_what_a_breaker_still_halts_is_not_called_active(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, the answer to a resume after an emergency shutdown began with "gateway is active", while every
    order was refused, and nothing said which command lets it go on."""
    stop = {**BREAKER, "cause": "circuit breaker emergency_shutdown: fire"}
    assert list(told(monkeypatch, capsys, stop)) == [
        "the stop of gateway is lifted",
        "still halted: gateway, by rita: circuit breaker emergency_shutdown: fire; see gateway breakers;"
        " gateway breakers reset lifts it",
    ]


def test_each_stop_is_told_with_what_lifts_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, who resumes the gateway has to look up how the stop of an account or of a difference ends."""
    assert list(told(monkeypatch, capsys, ACCOUNT, DRIFT)) == [
        "gateway is active",
        "still reducing: account main, by rita: late; gateway resume --scope account --id main lifts it",
        "still reducing: symbol AAPL, by gateway: 100; see gateway reconcile status",
    ]


def test_a_flatten_that_a_resume_calls_off_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, who resumes takes positions for closed that a running flatten would have closed."""
    assert list(told(monkeypatch, capsys, flattens=("over long ago", "running f2"))) == [
        "gateway is active",
        "flatten running f2 is called off: enabled; gateway positions tells what is open",
    ]
