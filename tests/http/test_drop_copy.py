"""The drop copy over HTTP: who may send one, and what it must look like."""

from typing import Any

import pytest

from gateway.domain.enums import Role
from tests.http.desk import Desk, principal

PATH = "/api/trading/drop-copy"
ONE: dict[str, Any] = {"exec_id": "x1", "symbol": "AAPL", "side": "buy", "quantity": "10", "price": 150.25}
PEOPLE = (principal("tess", Role.TRADER), principal("rita", Role.RISK), principal("bound", Role.RISK, accounts=("a1",)))


@pytest.mark.parametrize(
    ("who", "executions", "status", "field"),
    [
        ("rita", [ONE, {**ONE, "symbol": "MSFT"}], 200, None),
        ("tess", [ONE], 403, None),
        ("bound", [ONE], 403, None),
        ("rita", [], 400, "executions"),
        ("rita", [ONE] * 1_001, 413, None),
        ("rita", [{"exec_id": "x"}] * 1_001, 400, "executions"),
        ("rita", ["x"], 400, "executions[0]"),
        ("rita", [ONE, {**ONE, "exec_id": "x2", "price": -1}], 400, "executions[1].price"),
        ("rita", [{**ONE, "qty": 1}], 400, "executions[0].qty"),
        ("rita", [ONE, ONE], 400, "executions[1].exec_id"),
    ],
)
async def test_who_may_send_what(who: str, executions: list[Any], status: int, field: str | None) -> None:
    """Without this, a trader could stop a symbol by a made-up file, or a half-read file be taken for a whole one."""
    async with Desk(*PEOPLE) as desk:
        answer = await desk.ask("POST", PATH, {"venue": "IBKR", "executions": executions}, key=who)
        assert answer.status == status
        if field is not None:
            assert [error["field"] for error in answer.json["errors"]] == [field]
        if status == 200:
            assert [one["result"] for one in answer.json["executions"]] == ["matched", "matched"]
            assert desk.fake.calls[-1][1][0] == "ibkr"
