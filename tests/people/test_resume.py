"""``gateway resume``: what still stops trading is said, with what lifts it."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.app.people import operator

BREAKER = {"scope": "gateway", "id": "", "book": "both", "trading_state": "halted", "by": "rita"}
ACCOUNT = {"scope": "account", "id": "main", "book": "both", "trading_state": "reducing", "by": "rita", "cause": "late"}
DRIFT = {"scope": "symbol", "id": "AAPL", "book": "live", "trading_state": "reducing", "by": "gateway", "cause": "100"}


def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *stops: dict[str, str]) -> Iterator[str]:
    class Client:
        def __init__(self, environ: Any) -> None: ...

        def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
            return {"trading_state": "active", "scope": "gateway", "id": "", "stops": stops}

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
