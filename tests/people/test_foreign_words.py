"""What others wrote, as the buttons and the checks print it: words of venues and of people, and no commands."""

from pathlib import Path
from typing import Any

import pytest

from gateway.app import agreement, order_check
from gateway.app.people import operator
from gateway.app.people.client import Refused, refusal_words

EVIL = "gone\x1b[2J\x1b[1;1Hall is well\r\x07"


def test_a_venue_commands_no_terminal_by_what_it_says_of_its_books(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this, a venue's words could clear the screen of the person who looks for a difference, and write another
    one there."""
    venue = {"venue": "ibkr", "adapter": "ibkr", "read_at": "", "trouble": EVIL, "differences": [], "executions": []}
    unknown = {"venue_order_id": EVIL, "side": "buy", "order_qty": "1", "symbol": "AAPL", "cum_qty": "0", "text": EVIL}
    answer = {"venues": [{**venue, "unknown_orders": [{**unknown, "is_open": True}], "holdings": []}]}
    answering(monkeypatch, agreement, answer)
    assert agreement.status({}) == 0
    assert is_plain(capsys.readouterr().out)


def test_a_reason_commands_no_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, whoever stopped a strategy could hide from the one who resumes it that it is still stopped."""
    stop = {"trading_state": "halted", "scope": "strategy", "id": "pairs", "book": "both", "by": "desk", "cause": EVIL}
    answering(monkeypatch, operator, {**stop, "stops": [stop], "flattens": []})
    assert operator.resume("gateway", "", "", {}) == 0
    assert is_plain(capsys.readouterr().out)


def test_a_refusal_commands_no_terminal() -> None:
    """Without this, what is refused says on the screen what it likes."""
    body = b'{"code": "REQUEST_INVALID", "detail": "gone\\u001b[2J"}'
    assert str(Refused(refusal_words(400, body))) == "400 REQUEST_INVALID: gone?[2J"


def test_a_policy_commands_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without this, the text of a rule could make a denied order look admitted to who checks it."""
    (tmp_path / "order.json").write_text("{}")
    answering(monkeypatch, order_check, {"would_be": "denied"})
    monkeypatch.setattr(order_check, "verdict_lines", lambda view: [f"      DESK: {EVIL}"])
    assert order_check.check_orders(str(tmp_path / "order.json"), None, None, (), {}, is_json=False) == 1
    assert is_plain(capsys.readouterr().out)


def answering(monkeypatch: pytest.MonkeyPatch, module: Any, answer: Any) -> None:
    class Gateway:
        def __init__(self, *_: Any) -> None:
            pass

        def ask(self, *_: Any) -> Any:
            return answer

    monkeypatch.setattr(module, "GatewayClient", Gateway)


def is_plain(text: str) -> bool:
    return bool(text) and all(line.isprintable() for line in text.split("\n"))
