"""What the throttles remember, and the one place where facts are told to them. Written by ``core.apply`` only.

Nothing here refuses anything: ``rules`` reads it and does.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from gateway.core.throttle.buckets import Bucket, give_back, take
from gateway.core.throttle.clock import SteadyClock
from gateway.core.throttle.duplicates import RecentOrders, Remembered
from gateway.core.throttle.executions import FILLED, ORDERED, ORDERS, QTY, VALUE, ExecutionSums, RollingSum
from gateway.core.throttle.plan import ExecutionLimit, ThrottlePlan, compile_throttles, slot_ns_of
from gateway.core.throttle.repeats import Applications, Applied, repeat_key
from gateway.core.throttle.self_match import OpenPrices
from gateway.domain.enums import Route, ScopeKind, SelfMatchPrevention
from gateway.domain.executions import Fill
from gateway.domain.money import ONE
from gateway.domain.orders import Order
from gateway.domain.throttles import StrategyLock, ThrottleTable


class ThrottleSnapshot(msgspec.Struct, kw_only=True):
    """The memory as a checkpoint keeps it."""

    clock: SteadyClock = msgspec.field(default_factory=SteadyClock)
    buckets: dict[str, Bucket] = {}
    recent_orders: list[Remembered] = []
    sums: dict[str, RollingSum] = {}
    applied: list[Applied] = []
    locks: dict[str, StrategyLock] = {}


class ThrottleMemory:
    """``prices`` is None while self-matches are not prevented, ``is_watching`` False while nothing is throttled:
    then facts are not even looked at."""

    __slots__ = (
        "applied",
        "buckets",
        "clock",
        "is_watching",
        "locks",
        "plan",
        "prevention",
        "prices",
        "recent_orders",
        "sums",
    )

    def __init__(self) -> None:
        self.plan = ThrottlePlan()
        self.is_watching = False
        self.prevention = SelfMatchPrevention.OFF
        self.prices: OpenPrices | None = None
        self._remember(ThrottleSnapshot())

    def _remember(self, snapshot: ThrottleSnapshot) -> None:
        self.clock = snapshot.clock
        self.buckets = snapshot.buckets
        self.recent_orders = RecentOrders(snapshot.recent_orders)
        self.sums = ExecutionSums(snapshot.sums)
        self.applied = Applications(snapshot.applied, self.plan.most_repeats)
        self.locks = snapshot.locks

    def snapshot(self) -> ThrottleSnapshot:
        return ThrottleSnapshot(
            clock=self.clock,
            buckets=self.buckets,
            recent_orders=self.recent_orders.kept(),
            sums=self.sums.sums,
            applied=self.applied.kept(),
            locks=self.locks,
        )

    def restore(self, snapshot: ThrottleSnapshot) -> None:
        """Take over what a checkpoint kept, under the plan that is in force."""
        self._remember(snapshot)

    def take_config(self, table: ThrottleTable, open_orders: Iterable[Order]) -> None:
        """Put new throttles in force. What was measured for a throttle that is gone is forgotten; locks stay."""
        plan = self.plan = compile_throttles(table)
        self.is_watching = any((plan.messages, plan.duplicates, plan.executions, plan.repeats))
        keys = {bucket.key for bucket in plan.messages.all()} if plan.messages else ()
        self.buckets = {key: bucket for key, bucket in self.buckets.items() if key in keys}
        if plan.duplicates is None:
            self.recent_orders = RecentOrders([])
        self.applied = Applications([] if plan.repeats is None else self.applied.kept(), plan.most_repeats)
        self.sums = ExecutionSums(_still_measured(self.sums.sums, plan, self.clock.at(self.clock.last_ns)))
        self.prevention = table.self_match_prevention
        is_off = self.prevention is SelfMatchPrevention.OFF
        self.prices = None if is_off else OpenPrices(table.self_match_scope)
        for order in open_orders:
            self.enter_price(order)

    # --- messages and content ---

    def note_order(self, order: Order, ts_ns: int, is_held: bool) -> None:
        """An order came in, once per request: a token goes, and what was held may not be repeated for a while."""
        if not self.is_watching:
            return
        now_ns = self.clock.advance(ts_ns)
        self._take(order, now_ns)
        if is_held and self.plan.duplicates is not None:
            self.recent_orders.add(order, now_ns, self.plan.longest_duplicate_ns)

    def note_replace(self, order: Order, ts_ns: int) -> None:
        if self.is_watching:
            self._take(order, self.clock.advance(ts_ns))

    def note_cancel(self, order: Order, ts_ns: int) -> bool:
        """A cancel went; False: there was no token for it in some scope, and it went all the same."""
        if self.plan.messages is None:
            return True
        now_ns = self.clock.advance(ts_ns)
        found = True
        for _, _, plan in self.plan.messages.over(order, order.venue):
            kept = plan.reserve if order.is_cancel_requested else 0
            found &= take(self.buckets, plan, now_ns, kept)
        return found

    def undo_order(self, order: Order, ts_ns: int) -> None:
        """The same message is decided again: as if it had not come in yet."""
        if not self.is_watching:
            return
        now_ns = self.clock.advance(ts_ns)
        if self.plan.messages is not None:
            for _, _, plan in self.plan.messages.over(order, order.venue):
                give_back(self.buckets, plan, now_ns)
        self.recent_orders.forget(order.order_id)

    def forget_order(self, order_id: str) -> None:
        """The order was never sent: its content may come again."""
        if self.plan.duplicates is not None:
            self.recent_orders.forget(order_id)

    def _take(self, order: Order, now_ns: int) -> None:
        if self.plan.messages is not None:
            for _, _, plan in self.plan.messages.over(order, order.venue):
                take(self.buckets, plan, now_ns)

    # --- executions ---

    def note_sent(self, order: Order, ts_ns: int) -> None:
        """An order was admitted: what it orders counts towards the fill ratio."""
        if self.plan.executions is None:
            return
        now_ns = self.clock.advance(ts_ns)
        for kind, name, limit in self.plan.executions.over(order, order.venue):
            if limit.limits.min_fill_ratio is not None:
                window = window_name(order.route, kind, name, limit)
                self.sums.add(window, ORDERED, order.order_qty * order.held_unit, now_ns, limit)
                self.sums.add(window, ORDERS, ONE, now_ns, limit)

    def note_more_sent(self, order: Order, added: Decimal, ts_ns: int) -> None:
        """New terms are in force under which so much more value may fill: they order it as a new order would."""
        if self.plan.executions is None or added <= 0:
            return
        now_ns = self.clock.advance(ts_ns)
        for kind, name, limit in self.plan.executions.over(order, order.venue):
            if limit.limits.min_fill_ratio is not None:
                self.sums.add(window_name(order.route, kind, name, limit), ORDERED, added, now_ns, limit)

    def note_executed(self, order: Order, fill: Fill, value: Decimal, ts_ns: int) -> None:
        """One fill, of ``value`` in the base currency; ``order`` is as it is after it."""
        if self.plan.executions is None and self.plan.repeats is None:
            return
        now_ns = self.clock.advance(ts_ns)
        if self.plan.executions is not None:
            for kind, name, limit in self.plan.executions.over(order, order.venue):
                window = window_name(order.route, kind, name, limit)
                limits = limit.limits
                if limits.max_executed_qty is not None:
                    self.sums.add(f"{window}|{order.symbol}", QTY, fill.last_qty, now_ns, limit)
                if limits.max_executed_value is not None:
                    self.sums.add(window, VALUE, value, now_ns, limit)
                if limits.min_fill_ratio is not None:
                    self.sums.add(window, FILLED, fill.last_qty * order.held_unit, now_ns, limit)
        if self.plan.repeats is not None and order.cum_qty == fill.last_qty:
            key = repeat_key(order.route, order.strategy_id, order.symbol, order.side)
            self.applied.add(key, now_ns, self.plan.longest_repeat_ns, self.plan.most_repeats)

    def lock(self, lock: StrategyLock) -> None:
        self.locks[lock.lock_id] = lock

    def unlock(self, lock_id: str) -> None:
        """Lift a lock; the strategy's executions are counted anew, or the next one would lock it again."""
        lock = self.locks.pop(lock_id, None)
        if lock is not None:
            self.applied.forget(f"{lock.route}|{lock.strategy_id}|")

    # --- open orders ---

    def enter_price(self, order: Order) -> None:
        """The order may trade, under the terms that it has now."""
        if self.prices is not None:
            self.prices.put(order)


def window_name(route: Route, kind: ScopeKind, name: str, limit: ExecutionLimit) -> str:
    return f"{route}|{kind}|{name}|{limit.limits.window_s}"


def _still_measured(sums: dict[str, RollingSum], plan: ThrottlePlan, now_ns: int) -> dict[str, RollingSum]:
    """Sums whose scope has a throttle still. Under another window, what was in the former one was executed just now."""
    if plan.executions is None:
        return {}
    limits = {(kind.value, name): limit for kind, name, limit in plan.executions.named()}
    kept: dict[str, RollingSum] = {}
    for key, rolling in sums.items():
        route, kind, name, window_s, figure = key.split("|", 4)
        limit = limits.get((kind, name))
        if limit is None:
            continue
        if int(window_s) == limit.limits.window_s:
            kept[key] = rolling
            continue
        carried = RollingSum()
        carried.add(rolling.at(now_ns, slot_ns_of(int(window_s))), now_ns, limit.slot_ns)
        kept[f"{window_name(Route(route), ScopeKind(kind), name, limit)}|{figure}"] = carried
    return kept
