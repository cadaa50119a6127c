"""Random but plausible lives of a gateway: orders, reports, mode flips, halts, in any order.

``operations()`` draws a list of steps; ``live_through`` plays them into a ``World`` and calls ``check`` after each.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from gateway.core.withholding import why_withheld
from gateway.domain.config import Limits, LimitTable
from gateway.domain.enums import ExecType, Mode, OrderClass, Route, ScopeKind, Side, SubmitStatus, TradingState
from gateway.domain.events import (
    ApprovalReceived,
    LookupCompleted,
    MarksObserved,
    OverrideRequested,
    OverrideRevocation,
    OverridesDue,
    SubmitCompleted,
)
from gateway.domain.orders import Actor, Order
from gateway.domain.overrides import OverrideTerms
from gateway.domain.rollout_events import AlertsReceived, RolloutCommand, RolloutCommanded, RolloutsChecked
from gateway.domain.rollout_facts import HeardAlert
from tests.world import ADMIN, INSTRUMENTS, RITA, TRADER, World, trading_config

D = Decimal
#: Parts of one that a symbol is dealt in here: quantities of different exponents are where digits get lost.
LOTS = {"BTC/USDT": 1_000}
#: What can be stopped here.
SCOPES = [
    (ScopeKind.GATEWAY, ""),
    (ScopeKind.VENUE, "alpha"),
    (ScopeKind.ACCOUNT, "default"),
    (ScopeKind.STRATEGY, "s1"),
    (ScopeKind.SYMBOL, "AAPL"),
]
Step = tuple[str, Any]

_PLACE = st.tuples(
    st.just("place"),
    st.tuples(
        st.sampled_from(list(Side)),
        st.integers(1, 30),
        st.sampled_from(["AAPL", "TSLA", "BTC/USDT"]),
        st.sampled_from(["default", "second"]),
        st.sampled_from(["s1", "s2"]),
        st.booleans(),
    ),
)
_INDEX = st.integers(0, 1_000)
_PLACE_CLASS = st.tuples(
    st.just("place_class"),
    st.tuples(
        st.sampled_from([OrderClass.BRACKET, OrderClass.OCO, OrderClass.OTO]),
        st.sampled_from(list(Side)),
        st.integers(1, 30),
        st.sampled_from(["AAPL", "TSLA"]),
        st.booleans(),
    ),
)
_STEPS = st.one_of(
    _PLACE,
    _PLACE,
    _PLACE_CLASS,
    st.tuples(st.just("fill"), st.tuples(_INDEX, st.integers(1, 30))),
    st.tuples(st.just("fill"), st.tuples(_INDEX, st.integers(1, 30))),
    st.tuples(st.just("fill_all"), _INDEX),
    st.tuples(st.just("cancel"), _INDEX),
    st.tuples(st.just("canceled"), _INDEX),
    st.tuples(st.just("reject"), _INDEX),
    st.tuples(st.just("acknowledge"), _INDEX),
    st.tuples(st.just("doubt"), _INDEX),
    st.tuples(st.just("withhold"), _INDEX),
    st.tuples(st.just("lookup"), st.tuples(_INDEX, st.booleans())),
    st.tuples(st.just("replace"), st.tuples(_INDEX, st.integers(1, 40), st.booleans())),
    st.tuples(
        st.just("answer"),
        st.tuples(_INDEX, st.sampled_from(["as asked", "otherwise", "rejected", "found", "not found", "older"])),
    ),
    st.tuples(
        st.just("mode"),
        st.tuples(st.sampled_from(list(Mode)), st.sampled_from([0, 100, 2_500, 5_000, 10_000]), st.booleans()),
    ),
    st.tuples(st.just("day"), st.none()),
    st.tuples(st.just("state"), st.tuples(st.sampled_from(list(TradingState)), st.sampled_from(SCOPES))),
    st.tuples(
        st.just("override"),
        st.tuples(
            st.sampled_from([("max_order_size",), ("max_position_size",), ("max_order_size", "max_position_size")]),
            st.sampled_from(["AAPL", "TSLA"]),
            st.sampled_from([None, D(8), D(20)]),
            st.booleans(),
            st.sampled_from([RITA, TRADER]),
        ),
    ),
    st.tuples(st.just("revoke"), _INDEX),
    st.tuples(st.just("expire"), st.sampled_from([0, 30_000_000])),
    st.tuples(st.just("approve"), st.sampled_from(["r1", "r2"])),
    st.tuples(st.just("rollout"), st.sampled_from(["pause", "resume", "abort", "alert", "resolved", "look"])),
    st.tuples(st.just("twin"), st.tuples(_INDEX, st.booleans(), st.booleans())),
    st.tuples(st.just("mark"), st.tuples(st.sampled_from(["AAPL", "TSLA"]), st.integers(50, 400))),
)


def operations(max_size: int = 60) -> st.SearchStrategy[list[Step]]:
    return st.lists(_STEPS, min_size=max_size // 3, max_size=max_size)


def sent_orders(world: World) -> list[Order]:
    """Orders that were sent somewhere and are still open, oldest first."""
    tickets = [one for ticket in world.sent if not ticket.is_twin for one in (ticket, *ticket.exits)]
    ids = dict.fromkeys(ticket.order_id for ticket in tickets)
    orders = [world.state.orders[order_id] for order_id in ids if order_id in world.state.orders]
    return [order for order in orders if order.is_open]


def live_through(world: World, steps: list[Step], check: Callable[[World], None] = lambda world: None) -> None:
    for name, argument in steps:
        _STEP[name](world, argument)
        check(world)


def _place(world: World, argument: tuple[Side, int, str, str, str, bool]) -> None:
    side, qty, symbol, account, strategy, is_limit = argument
    limit = world.prices[symbol] if is_limit else None
    world.place(side, D(qty) / LOTS.get(symbol, 1), symbol, account=account, strategy=strategy, limit=limit)


def _place_class(world: World, argument: tuple[OrderClass, Side, int, str, bool]) -> None:
    kind, side, qty, symbol, is_limit = argument
    world.place_class(kind, side, qty, symbol, is_limit=is_limit)


def _pick(world: World, index: int) -> Order | None:
    orders = sent_orders(world)
    return orders[index % len(orders)] if orders else None


def _with_order(action: Callable[[World, Order], Any]) -> Callable[[World, int], None]:
    def step(world: World, index: int) -> None:
        order = _pick(world, index)
        if order is not None:
            action(world, order)

    return step


def _is_awake(order: Order) -> bool:
    """An exit cannot fill before its entry has, whole."""
    return order.armed_qty is None or order.armed_qty >= order.order_qty


def _fill(world: World, argument: tuple[int, int]) -> None:
    order = _pick(world, argument[0])
    if order is not None and _is_awake(order):
        world.fill(order, min(D(argument[1]) / LOTS.get(order.symbol, 1), _may_fill(order)))


def _may_fill(order: Order) -> Decimal:
    """What a venue may still fill: under larger terms, too, whose answer has not come."""
    return max(order.leaves_qty, order.held_qty)


def _lookup(world: World, argument: tuple[int, bool]) -> None:
    order = _pick(world, argument[0])
    if order is not None and order.is_in_doubt:
        world.send(LookupCompleted(ts_ns=world.tick(), order_id=order.order_id, is_known=argument[1]))


def _doubt(world: World, order: Order) -> None:
    world.send(
        SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.UNKNOWN, text="timeout")
    )


def _withhold(world: World, order: Order) -> None:
    """What the sender does before an order leaves; it asks the same state."""
    why = "" if order.entry_id or order.is_in_doubt or order.route is Route.SHADOW else why_withheld(world.state, order)
    if why:
        world.send(SubmitCompleted(ts_ns=world.tick(), order_id=order.order_id, status=SubmitStatus.WITHHELD, text=why))
        assert not order.is_open
        if order.order_class is not OrderClass.SIMPLE:  # the closing leg of a plain order that was cut stays
            assert not any(leg.is_open for leg in world.state.legs_of(world.state.orders.get(order.parent_id, order)))


def _replace(world: World, argument: tuple[int, int, bool]) -> None:
    index, qty, is_answered = argument
    order = _pick(world, index)
    if order is None:
        return
    world.replace(order, order_qty=D(qty) / LOTS.get(order.symbol, 1))
    if is_answered:
        _answer_to(world, order, "as asked")


def _answer(world: World, argument: tuple[int, str]) -> None:
    changing = [order for order in sent_orders(world) if order.pending_replace is not None]
    if changing:
        _answer_to(world, changing[argument[0] % len(changing)], argument[1])


def _answer_to(world: World, order: Order, answer: str) -> None:
    """What comes of a change that was sent, once the venue speaks."""
    pending = order.pending_replace
    if pending is None or not pending.is_sent:
        return
    if answer == "as asked":
        world.report(order, ExecType.REPLACED, order_qty=pending.order_qty)
    elif answer == "otherwise":
        world.report(order, ExecType.REPLACED, order_qty=pending.order_qty + order.order_qty)
    elif answer == "rejected":
        world.report(order, ExecType.REPLACE_REJECTED, text="no")
    else:
        as_of_ns = pending.sent_ns if answer == "older" else world.now_ns + 1
        is_known = answer != "not found"
        world.send(LookupCompleted(ts_ns=world.tick(), order_id=order.order_id, is_known=is_known, as_of_ns=as_of_ns))


#: Limits that nothing reaches, so that groups of symbols are counted too.
_GROUPS = LimitTable(
    symbols={"AAPL": Limits(max_order_size=D(10_000))},
    sectors={"tech": Limits(max_leverage=D(100))},
    asset_classes={"equity": Limits(max_leverage=D(100)), "crypto": Limits(max_order_size=D(10_000))},
)
_GROUPED = {
    **INSTRUMENTS,
    "AAPL": msgspec.structs.replace(INSTRUMENTS["AAPL"], sector="tech", margin_rate=D("0.5")),
    "TSLA": msgspec.structs.replace(INSTRUMENTS["TSLA"], sector="cars", margin_rate=D("0.25")),
}


def _mode(world: World, argument: tuple[Mode, int, bool]) -> None:
    mode, weight_bp, has_groups = argument
    fields = {"table": _GROUPS, "instruments": _GROUPED} if has_groups else {}
    world.load(trading_config(mode, weight_bp=weight_bp, revision=f"{argument}", **fields))


def _day(world: World, _: None) -> None:
    world.tick(86_400_000_000_000)
    day = world.now_ns // 86_400_000_000_000
    world.send(MarksObserved(ts_ns=world.now_ns, marks={}, venue_days={"alpha": day, "beta": day}))


def _override(world: World, argument: tuple[tuple[str, ...], str, Decimal | None, bool, Actor]) -> None:
    rules, symbol, max_qty, is_for_one, actor = argument
    now_ns = world.tick()
    world.send(
        OverrideRequested(
            ts_ns=now_ns,
            override_id=f"v{len(world.records)}",
            terms=OverrideTerms(rules=rules, symbol=symbol, max_qty=max_qty, is_for_one=is_for_one),
            actor=actor,
            reason="test",
            expires_ns=now_ns + 40_000_000,
        )
    )


def _revoke(world: World, index: int) -> None:
    ids = list(world.state.overrides)
    if ids:
        world.send(OverrideRevocation(ts_ns=world.tick(), override_id=ids[index % len(ids)], actor=RITA))


def _rollout(world: World, word: str) -> None:
    ts_ns = world.tick()
    if word == "look":
        world.send(RolloutsChecked(ts_ns=ts_ns))
    elif word in ("alert", "resolved"):
        alert = HeardAlert(fingerprint="f", starts_ns=1, is_firing=word == "alert", name="f", venue="alpha")
        world.send(AlertsReceived(ts_ns=ts_ns, alerts=(alert,)))
    else:
        command = RolloutCommand(word)
        world.send(RolloutCommanded(ts_ns=ts_ns, venue="alpha", command=command, actor=RITA, reason="test"))


def _twin(world: World, argument: tuple[int, bool, bool]) -> None:
    index, is_second, is_fill = argument
    live = [ticket.order_id for ticket in world.sent if ticket.is_twin and ticket.order_id in world.state.orders]
    if live:
        order = world.state.orders[live[index % len(live)]]
        kind = ExecType.TRADE if is_fill else ExecType.CANCELED
        trade = {"exec_id": f"t{index}", "last_qty": order.order_qty, "last_px": world.prices[order.symbol]}
        world.report(order, kind, is_twin=True, is_second_twin=is_second, **(trade if is_fill else {}))


_STEP: dict[str, Callable[[World, Any], None]] = {
    "place": _place,
    "place_class": _place_class,
    "fill": _fill,
    "fill_all": _with_order(lambda world, order: world.fill(order, _may_fill(order)) if _is_awake(order) else None),
    "cancel": _with_order(lambda world, order: world.cancel(order)),
    "canceled": _with_order(lambda world, order: world.report(order, ExecType.CANCELED)),
    "reject": _with_order(lambda world, order: world.report(order, ExecType.REJECTED, text="no")),
    "acknowledge": _with_order(lambda world, order: world.report(order, ExecType.NEW, venue_order_id="v1")),
    "doubt": _with_order(_doubt),
    "withhold": _with_order(_withhold),
    "lookup": _lookup,
    "replace": _replace,
    "answer": _answer,
    "mode": _mode,
    "day": _day,
    "state": lambda world, argument: world.halt(argument[0], *argument[1]),
    "override": _override,
    "revoke": _revoke,
    "expire": lambda world, ns: world.send(OverridesDue(ts_ns=world.tick(ns))),
    "approve": lambda world, revision: world.send(
        ApprovalReceived(ts_ns=world.tick(), revision=revision, actor=ADMIN, reason="test")
    ),
    "rollout": _rollout,
    "twin": _twin,
    "mark": lambda world, argument: world.mark(argument[0], D(argument[1])),
}
