"""What ``gateway whatif`` found, for people and as JSON."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.app.people.terminal import clean
from gateway.core.candidates.tally import Tally
from gateway.domain.candidates import DifferenceKind, OrderDifference
from gateway.domain.money import plain
from gateway.service.candidates.whatif import BookChange, PositionChange, WhatIf

#: Rows of a list that a person is shown; JSON has all that were kept.
_ROWS = 40
_WOULD = {
    DifferenceKind.DENIES: "would have been denied",
    DifferenceKind.ADMITS: "would have been admitted",
    DifferenceKind.ROUTES: "would have gone by another route",
}
#: What neither answer knows. Said with every report, because the figures mean nothing without it.
NOT_MODELLED = (
    "strategies send what they sent, whatever became of their earlier orders",
    "an order that was denied and would have been admitted has no fills that anyone knows: it is counted, never filled",
    "an order that would have gone by another route, or been divided otherwise, is filled as it was recorded",
    "the market is as it was: what was not traded moves no price",
    "what was put off by the message rate left no record, so a looser rate finds nothing",
)


def as_json(found: WhatIf, changes: tuple[str, ...], policy_revision: str, since_ns: int) -> str:
    """Everything, amounts as strings. ``each_order`` are the orders by themselves, ``folded`` the past without those
    that are denied."""
    document = {
        "since": _moment(since_ns),
        "records": found.records,
        "first_record": found.first_seq,
        "last_record": found.last_seq,
        "config_changes": changes,
        "candidate_policy_revision": policy_revision or None,
        "each_order": {
            "judged": found.tally.orders,
            "totals": {
                kind.value: {"orders": total.orders, "notional": plain(total.notional)}
                for kind, total in found.tally.totals.items()
            },
            "by_rule": [
                {"kind": one.kind, "rule": one.rule, "orders": one.orders, "notional": plain(one.notional)}
                for one in found.tally.by_rule()
            ],
            "orders": [_plain(one) for one in found.tally.examples],
            "not_listed": found.tally.differences - len(found.tally.examples),
            "failed": found.failed,
            "policy_errors": found.policy_errors,
            "policy_assumed": found.assumed,
            "undecided": found.undecided,
        },
        "folded": {
            "denied": len(found.folded_denied),
            "denied_orders": found.folded_denied,
            "books": [
                {"book": one.book, "recorded": _plain(one.recorded), "candidate": _plain(one.candidate)}
                for one in found.books
            ],
            "positions": [_plain(one) for one in found.positions],
            "reports_without_place": found.unplaced,
            "events_left_out": found.skipped,
            "problem": found.folded_problem or None,
        },
        "not_modelled": NOT_MODELLED,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def as_text(found: WhatIf, changes: tuple[str, ...], policy_revision: str, since_ns: int) -> str:
    """The report for people."""
    edited = [f"configuration: {', '.join(changes)}"] if changes else []
    edited += [f"policies: revision {policy_revision}"] if policy_revision else []
    lines = [f"candidate: {'; '.join(edited) or 'what is in force now, nothing else'}"]
    if not found.first_seq:
        return "\n".join([*lines, f"nothing is on record since {_moment(since_ns)}"])
    lines.append(f"records {found.first_seq} to {found.last_seq}, since {_moment(since_ns)}")
    lines += ["", f"Each order by itself, on the state that it met ({found.tally.orders} judged):"]
    lines += _tally_lines(found.tally)
    if found.assumed:
        lines.append(f"  {found.assumed} policy answers that nobody has were taken as yes (give --policies)")
    if found.undecided:
        lines.append(f"  {found.undecided} orders left before their policy answered, and count nowhere")
    lines += ["", "The past folded without what is denied, and without its fills:"]
    lines.append(f"  {len(found.folded_denied)} orders denied")
    lines += [line for change in found.books for line in _book_lines(change)]
    lines += _position_lines(found.positions)
    if found.unplaced or found.skipped:
        lines.append(f"  {found.unplaced} reports and {found.skipped} events found no place in it")
    if found.folded_problem:
        lines.append(f"  {found.folded_problem}")
    lines += _order_lines(list(found.tally.examples), found.tally.differences)
    return "\n".join(map(clean, [*lines, "", "Not modelled:", *(f"  {text}" for text in NOT_MODELLED)]))


def _tally_lines(tally: Tally) -> list[str]:
    lines: list[str] = []
    for kind, total in tally.totals.items():
        lines.append(f"  {_WOULD[kind]}: {total.orders} orders, {_amount(total.notional)}")
        lines += [
            f"    {one.rule}: {one.orders} orders, {_amount(one.notional)}"
            for one in tally.by_rule()
            if one.kind is kind
        ]
    return lines


def _book_lines(change: BookChange) -> list[str]:
    was, would = change.recorded, change.candidate
    rows = (
        ("gross exposure", was.gross, would.gross),
        ("largest gross exposure", was.peak_gross, would.peak_gross),
        ("net exposure", was.net, would.net),
        ("held for open orders", was.held, would.held),
        ("P&L over the window", was.earned, would.earned),
    )
    lines = [f"  book {change.book}:"]
    lines += [f"    {name}: {_amount(before)} -> {_amount(after)}" for name, before, after in rows if before != after]
    return lines if len(lines) > 1 else [f"  book {change.book}: the same"]


def _position_lines(positions: Sequence[PositionChange]) -> list[str]:
    lines = [
        f"    {one.book} {one.account}/{one.strategy_id} {one.symbol}: "
        f"{plain(one.recorded_qty)} -> {plain(one.candidate_qty)}"
        for one in positions[:_ROWS]
    ]
    if len(positions) > _ROWS:
        lines.append(f"    and {len(positions) - _ROWS} more")
    return ["  positions at the end:", *lines] if lines else []


def _order_lines(examples: Sequence[OrderDifference], count: int) -> list[str]:
    shown = examples[-_ROWS:]
    lines = [
        line
        for one in shown
        for line in (
            f"  {_moment(one.ts_ns)} {one.order_id}{' (replace)' if one.is_replace else ''}: {one.side} "
            f"{plain(one.order_qty)} {one.symbol} ({one.account}, {one.strategy_id}) {_WOULD[one.kind]}",
            f"    was:   {one.enforced}",
            f"    would: {one.candidate}",
        )
    ]
    if count > len(shown):
        lines.append(f"  the last {len(shown)} of {count}; --json lists more")
    return ["", "Orders:", *lines] if lines else []


def _amount(value: Any) -> str:
    return f"{value:,.2f}"


def _plain(thing: msgspec.Struct) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(thing)
    return found


def _moment(ns: int) -> str:
    return f"{datetime.fromtimestamp(max(ns, 0) // 1_000_000_000, UTC):%Y-%m-%dT%H:%M:%SZ}"
