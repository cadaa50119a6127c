"""Closing positions by command: cancel what is open, wait until that is settled, close what is then held, repeat.

An operator's command passes no policy and no limit that guards new risk, and the fat-finger limits only divide it.
It never sends more than the position less all that may still close it, so that it cannot turn one over; what fills
meanwhile is counted before anything is sent. What rests away from the market closes nothing now: where a part is kept,
it may stay for that part, stops before the rest, and what is more is canceled. Nothing here reads P&L, and a missing
price only means that the order goes at market. Where a venue is known to hold less than the books say, no more is
closed than it holds.

What has ended flat is looked at once more for a while: see ``flat_again``.
"""

from decimal import Decimal

from gateway.core.changes import cancel_orders, make_way, may_cancel
from gateway.core.closable import Assets, Closable, closable_of
from gateway.core.decision import NOTHING, Decision
from gateway.core.flat_again import begun_again, held_in
from gateway.core.flatten_orders import (
    closing_order,
    closing_side,
    executes_at_once,
    is_below_minimum,
    kept_qty,
    whole_lots,
)
from gateway.core.state import GatewayState
from gateway.core.switching import open_orders_of, person_halt
from gateway.core.throttle.rules import opposing
from gateway.core.tickets import submit_effects
from gateway.core.trading.agreements import words_of
from gateway.core.trading.flattens import Flatten, line_key
from gateway.domain.effects import Effect
from gateway.domain.enums import Route, TradingState
from gateway.domain.events import FlattenPursued, FlattenRequested
from gateway.domain.facts import Fact, OrderAdmitted, OrderHeld, TradingStateChanged
from gateway.domain.flatten import Touch
from gateway.domain.money import ZERO, plain
from gateway.domain.orders import Order
from gateway.domain.positions import Position
from gateway.domain.stop_facts import FlattenEnded, FlattenStarted, FlattenWaited

#: By then the venue is asked twice a minute.
_MANY_REFUSALS = 5
_TURNS_OVER = (
    "to close more would turn over what is held there. Find out why they differ; to close the rest by the books all the"
    " same, accept the difference (gateway reconcile accept), to keep it, enable the scope"
)


def request(state: GatewayState, event: FlattenRequested) -> Decision:
    """Halt the scope and ask for the end of all that is open in it; what is held is closed by the pursuit.

    A command takes the place of one for the same scope and no other books that is under way. One that keeps a part of
    each position (a breaker's) halts nothing, ends only the orders that would open or add, and sends nothing where a
    person has halted trading.
    """
    wish, ts_ns = event.order, event.ts_ns
    scope = (wish.scope, wish.scope_id)
    same = [
        one
        for one in state.running_flattens()
        if (one.order.scope, one.order.scope_id) == scope and set(one.order.books) <= set(wish.books)
    ]
    if wish.keep_ratio and any(one.closes_all for one in same):
        return NOTHING
    facts: list[Fact] = [
        FlattenEnded(ts_ns=ts_ns, flatten_id=one.order.flatten_id, is_flat=False, text=f"replaced by {wish.flatten_id}")
        for one in same
    ]
    keeps = {
        line_key(route, position.position_key): kept_qty(state, position, wish.keep_ratio)
        for route, position in held_in(state, wish)
    }
    facts.append(FlattenStarted(ts_ns=ts_ns, order=wish, keeps=keeps))
    orders = open_orders_of(state, scope)
    if wish.keep_ratio:
        orders = [order for order in orders if not order.is_closing and order.route in wish.books]
    else:
        facts.append(
            TradingStateChanged(
                ts_ns=ts_ns,
                state=TradingState.HALTED,
                actor=wish.actor,
                reason=wish.reason or f"flatten {wish.flatten_id}",
                scope=wish.scope,
                scope_id=wish.scope_id,
            )
        )
    canceled, effects = cancel_orders(orders, wish.actor, ts_ns)
    return Decision((*facts, *canceled), effects)


def pursue(state: GatewayState, event: FlattenPursued) -> Decision:
    """Take every command that is under way as much further as can be now."""
    facts: list[Fact] = []
    effects: list[Effect] = []
    taken: dict[str, Order] = {}
    assets: Assets = {}
    for flatten in state.running_flattens():
        step = _Step(state, event, flatten, taken, assets)
        step.take()
        facts += step.facts
        effects += step.effects
    facts += begun_again(state, event.ts_ns)
    return Decision(tuple(facts), tuple(effects))


class _Step:
    """One look at one command: what to cancel, what to send, what is waited for."""

    def __init__(
        self, state: GatewayState, event: FlattenPursued, flatten: Flatten, taken: dict[str, Order], assets: Assets
    ) -> None:
        self.facts: list[Fact] = []
        self.effects: list[Effect] = []
        self._state = state
        self._event = event
        self._flatten = flatten
        self._wish = flatten.order
        #: Orders that this event has sent, by position: the state does not know of them yet.
        self._taken = taken
        self._assets = assets
        #: Orders of these close too: they are waited for, never canceled for each other's sake.
        self._running = {one.order.flatten_id for one in state.running_flattens()}
        self._waits: list[str] = []
        #: What stays, for its venue takes no order of so little.
        self._crumbs: list[str] = []
        #: What the books still have and the venue has not.
        self._paid_away: list[str] = []
        self._sent = 0

    def take(self) -> None:
        open_orders: dict[str, list[Order]] = {}
        for order in open_orders_of(self._state, (self._wish.scope, self._wish.scope_id)):
            if order.route in self._wish.books:
                open_orders.setdefault(line_key(order.route, order.position_key), []).append(order)
        for route, position in held_in(self._state, self._wish):
            key = line_key(route, position.position_key)
            if self._flatten.closes_all or key in self._flatten.lines:
                self._close(key, route, position, open_orders.pop(key, []))
        for key, orders in open_orders.items():
            if self._flatten.closes_all or any(self._is_own(order) for order in orders):
                self._settle(key, ZERO, None, orders)
        self._conclude()

    def _is_own(self, order: Order) -> bool:
        return order.flatten_id == self._wish.flatten_id

    def _close(self, key: str, route: Route, position: Position, orders: list[Order]) -> None:
        """Send an order for what is not being closed yet, once everything that must end before has ended."""
        keep = self._flatten.lines[key].keep_qty if key in self._flatten.lines else ZERO
        excess = abs(position.qty) - keep
        if excess > 0 and not self._flatten.closes_all:
            self._make_room(position, keep, orders)
        if self._settle(key, excess, position, orders) or key in self._taken or excess <= 0:
            return
        cycles = self._state.cycles.get(position.position_key)
        free = abs(position.qty) - (ZERO if cycles is None else cycles.of(route).closing_qty)
        wanted = excess - sum((order.held_qty for order in orders if self._closes_now(order)), ZERO)
        qty = wanted if wanted <= free else whole_lots(self._state, position, free)
        if qty <= 0:
            self._waits.append(f"{key}: {len(orders)} open order(s) to fill or end")
            return
        if self._is_crumb(key, position, excess):
            text = self._flatten.lines[key].text
            self._crumbs.append(f"{_name(route, position)}: {plain(excess)} is too little for an order ({text})")
            return
        self._send_what_is_there(key, route, position, qty, excess)

    def _send_what_is_there(self, key: str, route: Route, position: Position, qty: Decimal, excess: Decimal) -> None:
        there = closable_of(self._state, route, position, self._assets, self._taken.values())
        obstacle = self._obstacle(key, route, position)
        if there is not None:
            qty = min(qty, whole_lots(self._state, position, there.free_qty))
            is_there_later = there.closing_qty or whole_lots(self._state, position, there.lent_qty)
            if qty <= 0 and not is_there_later and there.drift is None:
                text = f"{plain(excess)} stays in the books, and less than a lot of it is there: fees were paid in"
                self._paid_away.append(f"{_name(route, position)}: {text} {there.name}")
                return
            obstacle = obstacle or ("" if qty > 0 else _short(there))
        if obstacle:
            self._waits.append(f"{_name(route, position)}: {obstacle}")
            return
        self._send(key, route, position, qty)

    def _is_crumb(self, key: str, position: Position, excess: Decimal) -> bool:
        """Whether the venue has said that it takes no order of so little, or goes on refusing what is less than the
        instrument's rules ask for."""
        line = self._flatten.lines.get(key)
        if line is None:
            return False
        is_refused = line.failures >= _MANY_REFUSALS and is_below_minimum(self._state, position, excess)
        return is_refused or excess <= line.too_small_qty

    def _settle(self, key: str, excess: Decimal, position: Position | None, orders: list[Order]) -> bool:
        """Whether orders are still open that must end first. Those that have no place here are canceled."""
        own = [order for order in orders if self._is_own(order)]
        for order in own:
            fits = position is not None and order.side is closing_side(position) and order.held_qty <= excess
            if not fits:
                self._cancel(order)
        must_end = orders if self._flatten.closes_all else own
        for order in must_end:
            if order.flatten_id not in self._running:
                self._cancel(order)
        if must_end:
            doubt = ", in doubt" if any(order.is_in_doubt for order in must_end) else ""
            names = ", ".join(order.order_id for order in must_end[:3])
            self._waits.append(f"{key}: {len(must_end)} open order(s) to end{doubt} ({names})")
        return any(not _can_wait(order, position) for order in must_end)

    def _make_room(self, position: Position, keep: Decimal, orders: list[Order]) -> None:
        """Cancel what rests beyond the part that is kept."""
        resting = [order for order in orders if order.is_closing and not self._closes_now(order)]
        for order in sorted(resting, key=lambda one: (one.stop_px is None, one.created_ns, one.order_id)):
            if order.is_cancel_requested:
                continue
            if order.side is closing_side(position) and order.held_qty <= keep:
                keep -= order.held_qty
            else:
                self._cancel(order)

    def _closes_now(self, order: Order) -> bool:
        return order.is_closing and (bool(order.flatten_id) or executes_at_once(order, self._touch_of(order.symbol)))

    def _touch_of(self, symbol: str) -> Touch | None:
        return self._event.touches.get(symbol)

    def _cancel(self, order: Order) -> None:
        if not may_cancel(order, self._event.ts_ns):
            return
        facts, effects = cancel_orders([order], self._wish.actor, self._event.ts_ns)
        self.facts += facts
        self.effects += effects

    def _obstacle(self, key: str, route: Route, position: Position) -> str:
        """Why nothing can be sent for this position now; empty when something can."""
        venue = self._state.venues.get(position.venue)
        if route is Route.LIVE and venue is not None and not venue.is_connected:
            return f"venue {position.venue} is not connected: {venue.text or 'no reason given'}"
        if position.symbol not in self._state.config.instruments:
            return f"{position.symbol} is not in instruments.yaml"
        halt = None if self._flatten.closes_all else person_halt(self._state, position)
        if halt is not None:
            return f"trading was halted by {halt.actor.name}: {halt.reason or 'no reason given'}"
        line = self._flatten.lines.get(key)
        if line is not None and line.retry_ns > self._event.ts_ns:
            return f"the last order was refused ({line.text}); tried again" if line.text else "tried again in a moment"
        return ""

    def _send(self, key: str, route: Route, position: Position, qty: Decimal) -> None:
        self._sent += 1
        order_id = f"{self._wish.flatten_id}-{self._flatten.orders_sent + self._sent}"
        touch = self._touch_of(position.symbol)
        order = closing_order(self._state, self._wish, route, position, qty, order_id, touch, self._event.ts_ns)
        self._taken[key] = order
        facts, effects = make_way(opposing(self._state.throttle, self._state.orders, order), self._event.ts_ns)
        self.facts += facts
        self.effects += effects
        self.facts.append(OrderHeld(ts_ns=self._event.ts_ns, order=order))
        self.facts.append(OrderAdmitted(ts_ns=self._event.ts_ns, order_id=order_id, policy_revision=""))
        self.effects += submit_effects(order)
        self._waits.append(f"{_name(route, position)}: order {order_id} for {plain(order.order_qty)}")

    def _conclude(self) -> None:
        ts_ns, flatten_id = self._event.ts_ns, self._wish.flatten_id
        waits = tuple(self._waits)
        if not waits:
            text = "flat" if self._flatten.closes_all else "reduced"
            if self._paid_away:
                text = f"{text}; {'; '.join(self._paid_away)}"
            if self._crumbs:
                text = f"{text} but for what only the venue itself can close: {'; '.join(self._crumbs)}"
            is_flat = not self._crumbs
            self.facts.append(FlattenEnded(ts_ns=ts_ns, flatten_id=flatten_id, is_flat=is_flat, text=text))
        elif waits != self._flatten.waits:
            self.facts.append(FlattenWaited(ts_ns=ts_ns, flatten_id=flatten_id, waits=waits))


def _can_wait(order: Order, position: Position | None) -> bool:
    """Whether what is held can be closed while an order is in doubt, perhaps for days: one that adds leaves more to
    close, and one that closes is left out of what is sent."""
    return order.is_in_doubt and position is not None and (order.is_closing or order.side is not closing_side(position))


def _name(route: Route, position: Position) -> str:
    return line_key(route, position.position_key)


def _short(there: Closable) -> str:
    """Why nothing more of a holding can be closed now."""
    if there.drift is not None:
        return f"{words_of(there.drift)}: {_TURNS_OVER}"
    if there.lent_qty and not there.closing_qty:
        return (
            f"other positions have sold {plain(there.lent_qty)} of {there.name} short; it is there when they are closed"
        )
    return f"other orders close all of what is there of {there.name}"
