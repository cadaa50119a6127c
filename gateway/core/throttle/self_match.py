"""Self-match prevention: which open orders of our own could an order trade with (FIA; FIX 2362).

Every open order stands in an index by the most aggressive price that it may ever trade at, so that looking for a
match costs the same however many orders are open. Orders meet on one route, venue and symbol, within the configured
scope; the simulated twin of a live order meets nobody.

Orders in doubt, orders that wait for the policy and orders with a cancel under way count: any of them may trade.
"""

from bisect import bisect_left, bisect_right, insort
from decimal import Decimal

import msgspec

from gateway.core.pricing import first_trigger
from gateway.domain.enums import OrdType, Route, SelfMatchScope, Side
from gateway.domain.orders import Order, PendingReplace

#: Rank of an order that trades at any price.
ANY_PRICE = Decimal("-Infinity")

#: Rank and order id. The lower the rank the more aggressive the order: the price of a sell, minus that of a buy.
Ranked = tuple[Decimal, str]
Group = tuple[Route, str, str, str]


class Meeting(msgspec.Struct):
    """The open orders of one group, most aggressive first."""

    buys: list[Ranked] = []
    sells: list[Ranked] = []

    def side(self, side: Side) -> list[Ranked]:
        return self.buys if side is Side.BUY else self.sells


class OpenPrices:
    """The index. Derived from open orders: a restart and a change of scope build it anew."""

    __slots__ = ("_groups", "_ranked", "_scope")

    def __init__(self, scope: SelfMatchScope) -> None:
        self._scope = scope
        self._groups: dict[Group, Meeting] = {}
        #: Where each order stands, so that it is found again whatever became of its terms meanwhile.
        self._ranked: dict[str, Ranked] = {}

    def put(self, order: Order) -> None:
        """Enter an open order, or move it to where its terms now are."""
        self.drop(order)
        group = self._group(order)
        meeting = self._groups.get(group)
        if meeting is None:
            meeting = self._groups[group] = Meeting()
        ranked = (rank_of(order), order.order_id)
        insort(meeting.side(order.side), ranked)
        self._ranked[order.order_id] = ranked

    def drop(self, order: Order) -> None:
        ranked = self._ranked.pop(order.order_id, None)
        if ranked is None:
            return
        group = self._group(order)
        meeting = self._groups[group]
        side = meeting.side(order.side)
        del side[bisect_left(side, ranked)]
        if not meeting.buys and not meeting.sells:
            del self._groups[group]

    def against(self, order: Order, pending: PendingReplace | None = None) -> list[str]:
        """Ids of the open orders on the other side that ``order`` (under its pending terms too) could trade with,
        the most aggressive first."""
        meeting = self._groups.get(self._group(order))
        if meeting is None:
            return []
        others = meeting.sells if order.side is Side.BUY else meeting.buys
        if not others:
            return []
        reach = -_rank(order, pending)
        return [order_id for _, order_id in others[: bisect_right(others, reach, key=_first)]]

    def _group(self, order: Order) -> Group:
        if self._scope is SelfMatchScope.GATEWAY:
            return order.route, order.venue, order.symbol, ""
        if self._scope is SelfMatchScope.ACCOUNT:
            return order.route, order.venue, order.symbol, order.account
        return order.route, order.venue, order.symbol, f"{order.account}|{order.strategy_id}"


def _first(ranked: Ranked) -> Decimal:
    return ranked[0]


def rank_of(order: Order) -> Decimal:
    """By the most aggressive price that ``order`` may trade at, pending terms included."""
    return _rank(order, order.pending_replace)


def _rank(order: Order, pending: PendingReplace | None) -> Decimal:
    rank = _terms_rank(order, order.limit_px, order.stop_px)
    if pending is None:
        return rank
    return min(rank, _terms_rank(order, pending.limit_px, pending.stop_px))


def _terms_rank(order: Order, limit_px: Decimal | None, stop_px: Decimal | None) -> Decimal:
    """A limit trades no worse than its limit. A stop is taken to trade at its trigger: up to there a resting order
    of the other side would have traded before. With both, the more aggressive of the two counts. A stop without a
    limit that the market was beyond already when it came is a market order."""
    if limit_px is None and stop_px is not None and order.arrival_px is not None:
        if (order.arrival_px - stop_px) * order.side.sign >= 0:
            return ANY_PRICE
    if order.ord_type is OrdType.TRAILING_STOP and stop_px is None:
        stop_px = first_trigger(order.side, order.arrival_px, order.trailing_amount, order.trailing_percent)
    known = [px for px in (limit_px, stop_px) if px is not None]
    if not known:
        return ANY_PRICE
    return -max(known) if order.side is Side.BUY else min(known)
