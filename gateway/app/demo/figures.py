"""The figures of a run, from what the strategy saw and what the gateway said at the end. No text here."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from gateway.app.demo.desk import Sent

_BPS = Decimal(10_000)
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Slippage:
    """Cost of the fills against the mid of the moment of sending, in basis points; below 0 is a gain."""

    orders: int
    median_bps: float
    worst_bps: float


@dataclass(frozen=True)
class Figures:
    """``partly_filled`` ended with a part only; ``other_ends`` counts what was neither filled nor canceled."""

    seconds: float
    symbols: tuple[str, ...]
    market: str
    orders: int
    market_orders: int
    limit_orders: int
    denied: dict[str, int]
    admitted: int
    filled: int
    partly_filled: int
    in_parts: int
    canceled: int
    other_ends: dict[str, int]
    fill_rate: float
    slippage: dict[str, Slippage]
    pnl: str
    realized_pnl: str
    unrealized_pnl: str
    fees: str
    currency: str
    place_ms_p50: float
    place_ms_p99: float
    journal: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def figures(
    sent: Sequence[Sent],
    portfolio: Mapping[str, Any],
    *,
    seconds: float,
    symbols: tuple[str, ...],
    market: str,
    journal: str,
) -> Figures:
    """``portfolio`` is the shadow book's entry of /portfolio."""
    denied = Counter(_code(one) for one in sent if one.order.get("ord_status") == "denied")
    ends = Counter(str(one.order.get("ord_status", "unanswered")) for one in sent)
    admitted = [one for one in sent if one.status in (200, 201) and one.order["ord_status"] != "denied"]
    filled = [one for one in admitted if one.order["ord_status"] == "filled"]
    traded = [one for one in admitted if _qty(one)]
    latencies = sorted(one.reply_ms for one in sent if one.status)
    kinds = {kind: [one for one in traded if one.terms["order_type"] == kind] for kind in ("market", "limit")}
    return Figures(
        seconds=round(seconds, 1),
        symbols=symbols,
        market=market,
        orders=len(sent),
        market_orders=sum(one.terms["order_type"] == "market" for one in sent),
        limit_orders=sum(one.terms["order_type"] == "limit" for one in sent),
        denied=dict(denied.most_common()),
        admitted=len(admitted),
        filled=len(filled),
        partly_filled=sum(one not in filled for one in traded),
        in_parts=sum(len([e for e in one.events if e["type"] == "fill"]) > 1 for one in traded),
        canceled=ends["canceled"],
        other_ends={end: count for end, count in ends.items() if end not in ("filled", "canceled", "denied")},
        fill_rate=round(len(filled) / len(admitted), 4) if admitted else 0.0,
        slippage={kind: _slippage(orders) for kind, orders in kinds.items() if orders},
        pnl=_money(Decimal(portfolio["equity"]) - Decimal(portfolio["initial_cash"])),
        realized_pnl=_money(Decimal(portfolio["realized_pnl"])),
        unrealized_pnl=_money(Decimal(portfolio["unrealized_pnl"])),
        fees=_money(Decimal(portfolio["fees"])),
        currency=portfolio["currency"],
        place_ms_p50=round(percentile(latencies, 50), 2),
        place_ms_p99=round(percentile(latencies, 99), 2),
        journal=journal,
    )


def percentile(ordered: Sequence[float], percent: int) -> float:
    """By nearest rank; 0 of nothing."""
    return ordered[max(-(-len(ordered) * percent // 100), 1) - 1] if ordered else 0.0


def _slippage(orders: Iterable[Sent]) -> Slippage:
    costs = []
    for one in orders:
        sign = 1 if one.terms["side"] == "buy" else -1
        costs.append(float(sign * (Decimal(one.order["avg_px"]) - one.mid) / one.mid * _BPS))
    return Slippage(len(costs), _rounded(statistics.median(costs)), _rounded(max(costs)))


def _rounded(bps: float) -> float:
    return round(bps, 2) + 0.0  # no -0.0


def _qty(one: Sent) -> Decimal:
    return Decimal(one.order.get("cum_qty") or 0)


def _code(one: Sent) -> str:
    return str((one.order.get("reject") or {}).get("code") or f"HTTP {one.status}")


def _money(value: Decimal) -> str:
    return f"{value.quantize(_CENT):f}"
