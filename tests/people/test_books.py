"""``gateway positions``: what is held is seen at once."""

import io
from typing import Any

from gateway.app.people.books import positions_lines
from gateway.app.people.terminal import Terminal


def position(symbol: str, quantity: str, realized: str, currency: str = "USD") -> dict[str, Any]:
    zero = dict.fromkeys(("avg_px", "mark_px", "market_value", "unrealized_pnl", "daily_pnl", "fees"), "0")
    names = {"book": "shadow", "strategy_id": "s1", "venue": "ibkr", "account": "default", "currency": currency}
    flags = {"is_synthetic": False, "is_delayed": False, "mark_age_ms": None}
    return {**zero, **names, **flags, "symbol": symbol, "quantity": quantity, "realized_pnl": realized}


def test_what_is_flat_is_told_in_one_line_and_not_among_what_is_held() -> None:
    """Without this, the one position that is held would stand somewhere among hundreds that are not."""
    rows = [position("AAPL", "0", "3.5"), position("TSLA", "2", "0"), position("MSFT", "0.0", "-1")]
    lines = positions_lines({"positions": [*rows, position("SOL", "0", "1", "USDT")]}, Terminal(io.StringIO()), 0)
    assert [line.split()[1] for line in lines[1:2]] == ["TSLA"]
    assert lines[2:] == [
        "shadow: 2 are flat, and realized +2.50 USD (--json lists them)",
        "shadow: 1 are flat, and realized +1.00 USDT (--json lists them)",
    ]
    assert positions_lines({"positions": []}, Terminal(io.StringIO()), 0) == ["nothing is held"]
