"""Random lives of a venue on its plan: orders, fills, splits, edits, holds, restarts. In the end every live position is
closed by ordinary orders, live, whatever the mode is then.

``python -m tests.rollouts.coherence 10000`` runs so many.
"""

import random
import sys
from decimal import Decimal

import msgspec

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.withholding import why_withheld
from gateway.domain.enums import ExecType, Mode, OrdStatus, Route, Side, SubmitStatus
from gateway.domain.events import SubmitCompleted
from gateway.domain.orders import Order
from gateway.domain.rollout import Promotions
from gateway.domain.rollout_events import RolloutCommand
from tests.rollouts.site import TERMS, Site

D = Decimal
STEPS = 40
_SYMBOLS, _STRATEGIES = ("AAPL", "TSLA"), ("s1", "s2", "s3")
#: What may happen next, and how often.
_KINDS = {
    "place": 30,
    "fill": 25,
    "cancel": 4,
    "reject": 2,
    "doubt": 2,
    "send": 6,
    "edit": 8,
    "command": 6,
    "alert": 3,
    "connection": 5,
    "look": 5,
    "day": 2,
    "restart": 3,
}


def run(seed: int) -> int:
    """One life; how many live positions were open before the end closed them."""
    draw = random.Random(seed)
    manual = {"alpha": Promotions.MANUAL} if draw.random() < 0.5 else {}
    site = Site(Mode.CANARY, 5_000, msgspec.structs.replace(TERMS, promotions=manual))
    for _ in range(STEPS):
        _step(site, draw)
        _check(site)
    return _close_all(site)


def _step(site: Site, draw: random.Random) -> None:
    kind = draw.choices(tuple(_KINDS), tuple(_KINDS.values()))[0]
    order = _open_order(site, draw)
    if kind == "place":
        site.place(
            draw.choice(list(Side)),
            draw.randint(1, 30),
            draw.choice(_SYMBOLS),
            strategy=draw.choice(_STRATEGIES),
        )
    elif kind == "edit":
        mode = draw.choice((Mode.SHADOW, Mode.CANARY, Mode.CANARY, Mode.LIVE))
        site.edit(site.config(mode, draw.choice((1_000, 5_000, 9_000, 10_000))))
    elif kind == "command":
        site.command(draw.choice(list(RolloutCommand)))
    elif kind == "alert":
        site.alert(is_firing=draw.random() < 0.5, starts_ns=draw.randint(1, 3))
    elif kind == "connection":
        site.connect(draw.random() < 0.6)
    elif kind == "look":
        site.look(wait_s=draw.choice((0, 70, 4_000)))
    elif kind == "day":
        site.next_day()
    elif kind == "restart":
        _restart(site)
    elif order is not None:
        _report(site, draw, kind, order)


def _report(site: Site, draw: random.Random, kind: str, order: Order) -> None:
    if kind == "fill":
        site.fill(order, min(D(draw.randint(1, 30)), order.leaves_qty))
    elif kind == "cancel":
        site.cancel(order)
        site.report(order, ExecType.CANCELED)
    elif kind == "reject":
        site.report(order, ExecType.REJECTED)
    elif kind == "send":
        _send(site, order)
    elif kind == "doubt":
        site.send(SubmitCompleted(ts_ns=site.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN))


def _send(site: Site, order: Order) -> None:
    """What the sender does right before an order leaves: what is not wanted any more never does, a close does."""
    is_waiting = order.route is Route.LIVE and order.ord_status is OrdStatus.PENDING_NEW and not order.is_in_doubt
    why = why_withheld(site.state, order) if is_waiting else ""
    if not is_waiting:
        return
    if order.is_closing:
        assert not why or order.is_cancel_requested
    elif site.state.mode_of(order.venue) is Mode.SHADOW:
        assert why, "nothing new leaves for a venue that was taken back"
    if why:
        site.send(SubmitCompleted(ts_ns=site.tick(), order_id=order.order_id, status=SubmitStatus.WITHHELD, text=why))
        assert not order.is_open
    else:
        site.report(order, ExecType.NEW)


def _open_order(site: Site, draw: random.Random) -> Order | None:
    found = [order for order in site.state.open_orders() if order.is_admitted]
    return draw.choice(found) if found else None


def _restart(site: Site) -> None:
    again = decode_snapshot(encode_snapshot(site.state))
    assert state_hash(again) == state_hash(site.state)
    site.state = again


def _check(site: Site) -> None:
    """Nothing that opens was sent live while the venue was held, and what is counted adds up."""
    rollout = site.state.rollouts.get("alpha")
    if rollout is None:
        return
    total = rollout.evidence.total
    assert 0 <= total.errors <= total.orders
    assert 0 <= total.hits <= total.pairs
    assert rollout.in_doubt == sum(
        order.is_in_doubt for order in site.state.open_orders() if order.venue == "alpha" and order.route is Route.LIVE
    )
    if rollout.hold is not None:
        assert (site.state.mode_of("alpha"), site.state.weight_bp("alpha")) == (Mode.SHADOW, 0)


def _close_all(site: Site) -> int:
    """With the venue there, end what is open, then close each live position with one order that is too large for it."""
    site.connect(True)
    for order in site.state.open_orders():
        site.report(order, ExecType.CANCELED)
    positions = site.state.books[Route.LIVE].positions
    held = {key: position.qty for key, position in positions.items() if position.qty}
    for key, qty in held.items():
        position = positions[key]
        side = Side.SELL if qty > 0 else Side.BUY
        order = site.place(side, abs(qty) + 7, position.symbol, strategy=position.strategy_id)
        live = [leg for leg in site.legs(order) if leg.route is Route.LIVE and leg.is_closing]
        assert [leg.order_qty for leg in live] == [abs(qty)], "exactly the position goes live"
        for leg in site.legs(order):
            if leg.is_open:
                site.fill(leg)
        after = positions[key].qty
        assert not after or (after > 0) != (qty > 0), "it is closed"
    return len(held)


if __name__ == "__main__":
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    closed = sum(run(seed) for seed in range(runs))
    print(f"{runs:,} random lives, {closed:,} live positions closed in the end, none orphaned")
