"""Positions that are there again although a flatten has ended flat, and nobody let its scope trade since.

A venue may tell a fill long after the order that it belongs to was over, and it is booked, because it happened.
"""

from collections.abc import Iterator

import msgspec

from gateway.core.closable import Assets, is_paid_away
from gateway.core.state import GatewayState
from gateway.core.trading.flattens import SECOND_NS, Flatten
from gateway.core.trading.states import scopes_of
from gateway.domain.enums import Role, Route, TradingState
from gateway.domain.flatten import FlattenOrder
from gateway.domain.orders import Actor
from gateway.domain.positions import Position
from gateway.domain.stop_facts import FlattenStarted

#: So long after its end a flatten goes on by itself. What is told later a person may have closed at the venue since.
WATCH_NS = 600 * SECOND_NS
_ACTOR = Actor("late_fill", Role.ADMIN)
Held = list[tuple[Route, Position]]


def held_in(state: GatewayState, wish: FlattenOrder) -> Held:
    """The positions of its scope and books, in an order that is the same in any process."""
    held = [
        (route, position)
        for route in wish.books
        for position in state.books[route].positions.values()
        if position.qty and (wish.scope, wish.scope_id) in scopes_of(position)
    ]
    held.sort(key=lambda one: (one[0].value, one[1].position_key))
    return held


def is_watched(flatten: Flatten, ts_ns: int) -> bool:
    """Whether it goes on by itself should anything be held again."""
    return flatten.is_flat and flatten.closes_all and ts_ns - flatten.ended_ns < WATCH_NS


def held_again(state: GatewayState) -> Iterator[tuple[Flatten, Held]]:
    """Flattens that ended flat, the last first, with what is held there again and no other flatten closes, or has left
    since because it could not. A scope that was stopped anew since then was perhaps let go in between: what is held
    there may be wanted."""
    wishes = [one.order for one in state.running_flattens() if one.closes_all]
    ended = [one for one in state.flattens.values() if one.closes_all and not one.is_running]
    assets: Assets = {}
    for flatten in sorted(ended, key=lambda one: (one.started_ns, one.order.flatten_id), reverse=True):
        stop = state.trading.stop_of((flatten.order.scope, flatten.order.scope_id))
        if stop is None or stop.state is not TradingState.HALTED or stop.since_ns > flatten.ended_ns:
            continue
        held = [
            (route, position)
            for route, position in held_in(state, flatten.order)
            if not any(route in wish.books and (wish.scope, wish.scope_id) in scopes_of(position) for wish in wishes)
            and not is_paid_away(state, route, position, assets)
        ]
        wishes.append(flatten.order)
        if held and flatten.is_flat:
            yield flatten, held


def begun_again(state: GatewayState, ts_ns: int) -> Iterator[FlattenStarted]:
    """A flatten like each of them that ended lately."""
    for number, (flatten, held) in enumerate(held_again(state)):
        if not is_watched(flatten, ts_ns):
            continue
        before, names = flatten.order, ", ".join(position.position_key for _, position in held[:3])
        wish = msgspec.structs.replace(
            before,
            flatten_id=f"f{ts_ns + number:x}r",
            actor=_ACTOR,
            reason=f"{names}: booked after flatten {before.flatten_id} by {before.actor.name} had ended flat",
        )
        yield FlattenStarted(ts_ns=ts_ns, order=wish, keeps={})
