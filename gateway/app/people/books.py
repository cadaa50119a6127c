"""``gateway positions`` and ``gateway portfolio``: both books side by side, never summed."""

from argparse import Namespace
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.app.people.client import GatewayClient
from gateway.app.people.figures import amount, money, pnl_style, share, signed
from gateway.app.people.terminal import Cell, Terminal, name, number, table, words

_POSITIONS = (
    name("book"),
    name("symbol"),
    number("quantity"),
    number("average"),
    number("mark", 2),
    number("value", 3),
    name("currency", 4),
    number("unrealized"),
    number("realized"),
    number("today (base)", 5),
    number("fees (base)", 6),
    words("strategy", 1),
    words("venue", 7),
    words("account", 8),
    words("price", 9),
)
_PORTFOLIO = (
    name("book"),
    words("account"),
    number("equity"),
    name("currency", 4),
    number("today"),
    number("realized", 3),
    number("unrealized", 3),
    number("drawdown", 2),
    number("gross", 1),
    number("net", 7),
    number("on hold", 6),
    number("leverage", 5),
    number("open orders", 2),
    number("positions", 4),
    number("fees", 8),
    number("cash", 9),
)


def fetch_positions(client: GatewayClient, args: Namespace) -> str:
    query = {"book": args.book, "account": args.account, "strategy_id": args.strategy_id, "symbol": args.symbol}
    return client.get("positions", {**query, "venue": args.venue})


def positions_lines(answer: Any, terminal: Terminal, now_ns: int) -> list[str]:
    """What is held, and in one line for each book and currency what those that are flat already came to."""
    held = [one for one in answer["positions"] if Decimal(one["quantity"])]
    flat = [one for one in answer["positions"] if not Decimal(one["quantity"])]
    lines = table(_POSITIONS, [_position(one) for one in held], terminal) if held else ["nothing is held"]
    for book, currency in sorted({(one["book"], one["currency"]) for one in flat}):
        results = [Decimal(one["realized_pnl"]) for one in flat if (one["book"], one["currency"]) == (book, currency)]
        made = f"{signed(str(sum(results, Decimal(0))))} {currency}"
        lines.append(terminal.paint(f"{book}: {len(results)} are flat, and realized {made} (--json lists them)", "dim"))
    return lines


def _position(one: Mapping[str, Any]) -> list[str | Cell]:
    made = "synthetic" if one["is_synthetic"] else "delayed" if one["is_delayed"] else ""
    old = "" if one["mark_age_ms"] is None else f"{one['mark_age_ms']} ms old"
    return [
        Cell(one["book"], "live" if one["book"] == "live" else ""),
        one["symbol"],
        amount(one["quantity"]),
        amount(one["avg_px"]),
        amount(one["mark_px"]),
        money(one["market_value"]),
        one["currency"],
        Cell(signed(one["unrealized_pnl"]), pnl_style(one["unrealized_pnl"])),
        Cell(signed(one["realized_pnl"]), pnl_style(one["realized_pnl"])),
        Cell(signed(one["daily_pnl"]), pnl_style(one["daily_pnl"])),
        money(one["fees"]),
        one["strategy_id"],
        one["venue"],
        one["account"],
        " ".join(filter(None, (made, old))),
    ]


def fetch_portfolio(client: GatewayClient, args: Namespace) -> str:
    return client.get("portfolio", {"book": args.book, "account": args.account})


def portfolio_lines(answer: Any, terminal: Terminal, now_ns: int) -> list[str]:
    """One line for an account in a book, then its positions."""
    rows = [_account(one) for one in answer["portfolio"]]
    lines = table(_PORTFOLIO, rows, terminal) if rows else ["no account is to be seen with this key"]
    return [*lines, "", *positions_lines(answer, terminal, now_ns)]


def book_cell(account: Mapping[str, Any]) -> Cell:
    """Real money stands out, once there is some at work."""
    return Cell(account["book"], "live" if is_real_money(account) else "")


def is_real_money(account: Mapping[str, Any]) -> bool:
    """Whether anything live is open in this book of an account."""
    return bool(account["book"] == "live" and (account["positions"] or account["open_orders"]))


def _account(one: Mapping[str, Any]) -> list[str | Cell]:
    fell = Decimal(one["drawdown"]) > 0
    return [
        book_cell(one),
        one["account"],
        money(one["equity"]),
        one["currency"],
        Cell(signed(one["daily_pnl"]), pnl_style(one["daily_pnl"])),
        Cell(signed(one["realized_pnl"]), pnl_style(one["realized_pnl"])),
        Cell(signed(one["unrealized_pnl"]), pnl_style(one["unrealized_pnl"])),
        f"{money(one['drawdown'])} ({share(one['drawdown_ratio'])})" if fell else "0.00",
        money(one["gross_exposure"]),
        money(one["net_exposure"]),
        money(one["held_exposure"]),
        amount(_rounded(one["leverage"])),
        str(one["open_orders"]),
        str(one["positions"]),
        money(one["fees"]),
        money(one["cash"]),
    ]


def _rounded(text: str | None) -> str | None:
    return None if text is None else str(Decimal(text).quantize(Decimal("0.001")))
