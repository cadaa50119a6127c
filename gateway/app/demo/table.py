"""The closing table and the progress line, at 80 columns."""

import textwrap

from gateway.app.demo.figures import Figures, Slippage
from gateway.app.demo.story import WIDTH

_LABEL = 14
_BAR = 16


def table(found: Figures) -> list[str]:
    """Figures, one row each; nothing is longer than the width."""
    title = f"{found.seconds:g} s in SHADOW, {found.market}"
    denied = sum(found.denied.values())
    by_code = ", ".join(f"{code} {count}" for code, count in found.denied.items())
    others = "".join(f", {count} {status}" for status, count in found.other_ends.items())
    rows = [
        ("Symbols", " ".join(found.symbols)),
        ("Orders", f"{found.orders}: {found.market_orders} market, {found.limit_orders} limit"),
        ("Denied", f"{denied}" + (f": {by_code}" if by_code else "")),
        (
            "Filled",
            f"{found.filled} of {found.admitted} admitted ({found.fill_rate:.0%}), {found.in_parts} of them in parts",
        ),
        ("Canceled", f"{found.canceled}, {found.partly_filled} of them partly filled{others}"),
        *_slippage(found.slippage),
        (
            "P&L",
            f"{found.pnl} {found.currency}: realized {found.realized_pnl}, unrealized {found.unrealized_pnl}, "
            f"fees {found.fees}",
        ),
        (
            "Latency",
            f"p50 {found.place_ms_p50:.1f} ms, p99 {found.place_ms_p99:.1f} ms to place, until on disk and answered",
        ),
        ("Journal", found.journal),
    ]
    body = [line for label, text in rows for line in _row(label, text)]
    return [title, "-" * WIDTH, *body, "-" * WIDTH]


def _slippage(found: dict[str, Slippage]) -> list[tuple[str, str]]:
    """Against the mid on sending."""
    if not found:
        return [("Slippage", "nothing was filled")]
    labels = ("Slippage", "(to the mid)")
    return [
        (label, f"{kind} orders: median {one.median_bps:+.2f} bps, worst {one.worst_bps:+.2f} bps")
        for label, (kind, one) in zip(labels, found.items(), strict=False)
    ]


def _row(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"{label:<{_LABEL}}", subsequent_indent=" " * _LABEL, break_on_hyphens=False
    )


def progress(
    elapsed_s: float, total_s: float, orders: int, filled: int, denied: int, pnl: str, *, has_bar: bool
) -> str:
    done = min(elapsed_s / total_s, 1.0)
    figures = f"orders {orders:<4} filled {filled:<4} denied {denied:<3} P&L {pnl}"
    if not has_bar:
        return f"{elapsed_s:4.0f} s  {figures}"
    full = round(done * _BAR)
    return f"[{'#' * full}{'.' * (_BAR - full)}] {elapsed_s:3.0f}/{total_s:.0f} s  {figures}"
