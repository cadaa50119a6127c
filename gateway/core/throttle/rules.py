"""What the throttles have against an order. Reads only.

Everything here but the message rate guards new risk: what closes a live position passes it (invariant 3). The
message rate binds what closes too, but lets it draw on the reserve that is kept for cancels.
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from gateway.core.decision import Decision
from gateway.core.risk.exposure import Book
from gateway.core.risk.order_risk import NO_SCOPE_USE, NO_SYMBOL_USE
from gateway.core.throttle.buckets import BucketPlan, wait_ns
from gateway.core.throttle.duplicates import content_of
from gateway.core.throttle.executions import FILLED, ORDERED, ORDERS, QTY, VALUE
from gateway.core.throttle.memory import ThrottleMemory, window_name
from gateway.core.throttle.plan import ExecutionLimit
from gateway.core.throttle.repeats import repeat_key
from gateway.domain.enums import RejectStage, Route, ScopeKind, SelfMatchPrevention
from gateway.domain.facts import Fact, OrderExecuted, OrderRestored
from gateway.domain.money import plain, ratio
from gateway.domain.orders import Breach, NewOrderSingle, Order, PendingReplace, Reject
from gateway.domain.reasons import RejectCode
from gateway.domain.throttle_facts import ClockSteppedBack, StrategyLocked
from gateway.domain.throttles import StrategyLock

_NS_PER_S = Decimal(1_000_000_000)


class Added(msgspec.Struct, frozen=True, gc=False):
    """What an order (or new terms of one) adds to what is on order already, base currency for the value."""

    qty: Decimal
    value: Decimal
    unit_value: Decimal


class Wait(msgspec.Struct, frozen=True):
    """A message came too early: why, and how long until it may come."""

    reject: Reject
    wait_ns: int


def message_wait(
    memory: ThrottleMemory, message: Order | NewOrderSingle, venue: str, ts_ns: int, *, may_use_reserve: bool
) -> Wait | None:
    """The longest wait over all scopes of a new order or a replace; None when it may pass now."""
    if memory.plan.messages is None:
        return None
    now_ns = memory.clock.at(ts_ns)
    longest, strictest = 0, None
    for _, _, plan in memory.plan.messages.over(message, venue):
        wait = wait_ns(memory.buckets.get(plan.key), plan, now_ns, 0 if may_use_reserve else plan.reserve)
        if wait > longest:
            longest, strictest = wait, plan
    return None if strictest is None else Wait(_too_early(strictest, longest), longest)


def put_off(memory: ThrottleMemory, wait: Wait, ts_ns: int) -> Decision:
    """Tell a message to come again. It leaves no trace, but for a clock that stepped back: without that fact, the
    buckets would stand still until the old time is reached again."""
    facts = (ClockSteppedBack(ts_ns=ts_ns),) if memory.clock.is_behind(ts_ns) else ()
    return Decision(facts, (), wait.reject, wait.wait_ns)


def _too_early(plan: BucketPlan, wait: int) -> Reject:
    wait_s = plain(Decimal(wait) / _NS_PER_S)
    whose = "the gateway" if plan.scope is ScopeKind.GATEWAY else f"{plan.scope} {plan.scope_id}"
    text = (
        f"{whose} takes {plain(plan.rate)} messages per second, {plan.capacity} at once, of which {plan.reserve} are "
        f"kept for cancels; send it again in {wait_s} s"
    )
    context = {
        "scope": plan.scope.value,
        "scope_id": plan.scope_id,
        "max_messages_per_second": plain(plan.rate),
        "message_burst": str(plan.capacity),
        "cancel_reserve": str(plan.reserve),
        "wait_s": wait_s,
    }
    return Reject(RejectStage.INTAKE, RejectCode.MESSAGE_RATE_EXCEEDED, text, (), context)


def duplicate_breaches(memory: ThrottleMemory, order: Order, whole_qty: Decimal) -> Iterator[Breach]:
    """Orders of the same content came within the window, more of them than may. ``whole_qty`` is what was asked
    for, of which ``order`` may be a leg."""
    plan = memory.plan.duplicates
    if plan is None:
        return
    now_ns = memory.clock.at(order.created_ns)
    content = content_of(order, whole_qty)
    for kind, name, limit in plan.over(order, order.venue):
        most = limit.max_duplicates + 1
        found = memory.recent_orders.alike(content, now_ns, limit.window_ns, most)
        if len(found) == most:
            yield Breach(RejectCode.DUPLICATE_ORDER, kind, name, str(limit.window_ns // 1_000_000), found[0])


def execution_breaches(memory: ThrottleMemory, book: Book, order: Order, added: Added, ts_ns: int) -> Iterator[Breach]:
    """What was executed within the window, with everything on order and this order, is over a limit; or too little
    of what was sent got filled."""
    plan = memory.plan.executions
    if plan is None:
        return
    now_ns = memory.clock.at(ts_ns)
    for kind, name, limit in plan.over(order, order.venue):
        window = window_name(order.route, kind, name, limit)
        on_order = _on_order(book, kind, name, order.symbol, added.unit_value)
        for code, most, value in _executed(memory, window, limit, order.symbol, on_order, added, now_ns):
            if value > most:
                yield Breach(code, kind, name, plain(most), plain(value))
        least = limit.limits.min_fill_ratio
        if least is None or memory.sums.at(window, ORDERS, now_ns, limit) < limit.limits.min_orders:
            continue
        ordered = memory.sums.at(window, ORDERED, now_ns, limit)
        filled = memory.sums.at(window, FILLED, now_ns, limit)
        if filled < least * ordered:
            yield Breach(RejectCode.MIN_FILL_RATIO, kind, name, plain(least), plain(ratio(filled, ordered)))


def _executed(
    memory: ThrottleMemory,
    window: str,
    limit: ExecutionLimit,
    symbol: str,
    on_order: tuple[Decimal, Decimal],
    added: Added,
    now_ns: int,
) -> Iterator[tuple[RejectCode, Decimal, Decimal]]:
    """The code, the limit and the figure of each limit on what is executed."""
    limits = limit.limits
    if limits.max_executed_qty is not None:
        done = memory.sums.at(f"{window}|{symbol}", QTY, now_ns, limit)
        yield RejectCode.MAX_EXECUTED_QTY, limits.max_executed_qty, done + on_order[0] + added.qty
    if limits.max_executed_value is not None:
        done = memory.sums.at(window, VALUE, now_ns, limit)
        yield RejectCode.MAX_EXECUTED_VALUE, limits.max_executed_value, done + on_order[1] + added.value


def _on_order(book: Book, kind: ScopeKind, name: str, symbol: str, unit_value: Decimal) -> tuple[Decimal, Decimal]:
    """Open orders of the scope, which may execute at any moment (RTS 6 Art. 15(2)): units of the symbol, and value."""
    use = book.gateway
    if kind is ScopeKind.ACCOUNT:
        use = book.accounts.get(name, NO_SCOPE_USE)
    elif kind is ScopeKind.STRATEGY:
        use = book.strategies.get(name, NO_SCOPE_USE)
    held = use.symbols.get(symbol, NO_SYMBOL_USE)
    qty = held.buy_qty + held.sell_qty
    return qty, qty * unit_value if kind is ScopeKind.SYMBOL else use.held


def lock_id_of(route: Route, strategy_id: str) -> str:
    return f"{route}.{strategy_id}"


def lock_on(memory: ThrottleMemory, order: Order) -> Reject | None:
    """The strategy was locked, and no person has let it since."""
    if not memory.locks:
        return None
    lock = memory.locks.get(lock_id_of(order.route, order.strategy_id))
    if lock is None:
        return None
    text = (
        f"strategy {lock.strategy_id} is locked: {lock.executions} orders to {lock.side} {lock.symbol} executed within "
        f"{lock.window_s} s; somebody with role risk has to let it, see GET /api/trading/locks"
    )
    context = {"lock_id": lock.lock_id, "limit": str(lock.limit), "value": str(lock.executions)}
    return Reject(RejectStage.TRADING_STATE, RejectCode.STRATEGY_LOCKED, text, (), context)


def locks_after(memory: ThrottleMemory, orders: dict[str, Order], facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """The locks that executions among ``facts``, which are not applied yet, bring about."""
    plan = memory.plan.repeats
    if plan is None:
        return ()
    restored: dict[str, Order] = {}
    fresh: dict[str, int] = {}
    locked: dict[str, Fact] = {}
    for fact in facts:
        if isinstance(fact, OrderRestored):
            restored[fact.order.order_id] = fact.order
        if not isinstance(fact, OrderExecuted) or fact.cum_qty != fact.fill.last_qty:
            continue
        order = orders.get(fact.order_id) or restored[fact.order_id]
        lock_id = lock_id_of(order.route, order.strategy_id)
        key = repeat_key(order.route, order.strategy_id, order.symbol, order.side)
        now_ns = memory.clock.at(fact.ts_ns)
        fresh[key] = fresh.get(key, 0) + 1
        if lock_id in memory.locks or lock_id in locked:
            continue
        for kind, name, limit in plan.over(order, order.venue):
            count = memory.applied.within(key, now_ns, limit.window_ns) + fresh[key]
            if count >= limit.limits.max:
                lock = StrategyLock(
                    lock_id=lock_id,
                    strategy_id=order.strategy_id,
                    route=order.route,
                    symbol=order.symbol,
                    side=order.side,
                    executions=count,
                    limit=limit.limits.max,
                    window_s=limit.limits.window_s,
                    scope=kind,
                    scope_id=name,
                    since_ns=fact.ts_ns,
                )
                locked[lock_id] = StrategyLocked(ts_ns=fact.ts_ns, lock=lock)
                break
    return tuple(locked.values())


def new_risk_breaches(
    memory: ThrottleMemory, book: Book, order: Order, added: Added, ts_ns: int, *, whole_qty: Decimal | None
) -> tuple[Breach, ...]:
    """Everything that new risk is measured by here. ``whole_qty`` is None for new terms of an order, which repeat
    nothing."""
    if not memory.is_watching:
        return ()
    found = list(duplicate_breaches(memory, order, whole_qty)) if whole_qty is not None else []
    found.extend(execution_breaches(memory, book, order, added, ts_ns))
    return tuple(found)


def opposing(
    memory: ThrottleMemory, orders: dict[str, Order], order: Order, pending: PendingReplace | None = None
) -> list[Order]:
    """Open orders of our own on the other side that ``order`` could trade with."""
    prices = memory.prices
    return [] if prices is None else [orders[order_id] for order_id in prices.against(order, pending)]


def match_refusal(
    memory: ThrottleMemory, orders: dict[str, Order], order: Order, pending: PendingReplace | None = None
) -> Reject | None:
    """A match that no cancel mends: the newest gives way, or the other order closes a position and stays. New terms
    of an open order are refused in any case: it can keep the old ones."""
    for other in opposing(memory, orders, order, pending):
        if pending is not None or other.is_closing or memory.prevention is SelfMatchPrevention.CANCEL_NEWEST:
            return match_reject(memory, other, "cancel that one first, or choose a price that does not meet it")
    return None


def match_reject(memory: ThrottleMemory, other: Order, advice: str) -> Reject:
    text = f"the order could trade with our own open order {other.order_id}: {advice}"
    context = {"order_id": other.order_id, "self_match_prevention": memory.prevention.value}
    return Reject(RejectStage.RISK, RejectCode.SELF_MATCH, text, (), context)
