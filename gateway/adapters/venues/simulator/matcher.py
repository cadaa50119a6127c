"""One symbol's market as the simulator plays it: what the feed shows, and our orders among it.

Pure: time comes in as ``now_ns``, fills go out through ``Reports``. Three ways to fill, and no other:

1. *Taking*: an order that crosses on arrival (or a market order that still wants more) takes what is visible and
   not yet taken, level by level, at the levels' prices. Taker fee.
2. *Being reached*: a resting order fills when public trades come as far as its place in the queue, or go through
   its price; at its limit, by no more than was traded. Maker fee.
3. *Being crossed*: the opposite side quotes strictly through a resting order's price, so whoever quotes there
   would have met it first; at its limit, by no more than is shown there. Maker fee.

That the market merely touches a resting price fills nothing.
"""

from collections.abc import Iterable
from decimal import Decimal

from gateway.adapters.venues.simulator import queueing
from gateway.adapters.venues.simulator.book import Book
from gateway.adapters.venues.simulator.book_side import POOLS, BookSide
from gateway.adapters.venues.simulator.order import Phase, SimOrder
from gateway.adapters.venues.simulator.reports import Reports
from gateway.adapters.venues.simulator.resting import RestingOrders
from gateway.adapters.venues.simulator.triggers import has_triggered
from gateway.domain.enums import ExecType, TimeInForce
from gateway.domain.market import DepthUpdate, MarketUpdate, PriceLevel, Quote, TradeTick
from gateway.domain.money import ZERO

# Named once: see order.
_FOK = TimeInForce.FOK
_IOC = TimeInForce.IOC
_AT_ONCE = frozenset({_FOK, _IOC})
_DONE = Phase.DONE


class Matcher:
    """House rule: an order's ``phase`` says which of the collections below holds it."""

    def __init__(self, reports: Reports) -> None:
        self.book = Book()
        self._reports = reports
        self._buys = RestingOrders()
        self._sells = RestingOrders()
        self._stops: list[SimOrder] = []
        self._taking: list[SimOrder] = []

    # --- orders ------------------------------------------------------------------------------

    def work(self, order: SimOrder, now_ns: int, *, is_back: bool = False) -> None:
        """Begin to work an order that has arrived. A stop that filled in part had triggered already. What rested before
        a restart (``is_back``) rests again: whoever quotes through its price now would have met it there."""
        if order.is_stop and not order.cum_qty:
            self.book.settle()
            if not has_triggered(order, self.book):
                order.phase = Phase.STOP
                self._stops.append(order)
                return
        elif is_back and order.limit_px is not None and order.ticket.time_in_force not in _AT_ONCE:
            self.book.settle()
            self._wait(order)
            return
        self.execute(order, now_ns)

    def execute(self, order: SimOrder, now_ns: int) -> None:
        """Take what may be taken at once; what is left rests, goes on taking, or ends, as its terms say."""
        self.book.settle()
        far = self._far_side(order)
        key = order.limit_key
        limit = None if key is None else key.copy_negate()
        tif = order.ticket.time_in_force
        if tif is _FOK and not far.has_at_least(order.leaves_qty, limit, order.pool):
            self._reports.end(
                order, ExecType.CANCELED, "fill or kill: not all of it is on offer within its limit", now_ns
            )
            return
        for px, qty in far.take(order.leaves_qty, limit, order.pool):
            self._reports.trade(order, qty, px, False, now_ns)
        if order.phase is _DONE:
            return
        if tif is _IOC:
            self._reports.end(order, ExecType.CANCELED, "immediate or cancel: nothing more on offer", now_ns)
        elif order.is_for_open or order.is_for_close:
            self._reports.end(order, ExecType.EXPIRED, "nothing more on offer at the session boundary", now_ns)
        else:
            self._wait(order)

    def _wait(self, order: SimOrder) -> None:
        key = order.limit_key
        if key is None:
            order.phase = Phase.TAKING
            self._taking.append(order)
            return
        order.phase = Phase.RESTING
        queueing.join_queue(order, self._near_side(order).visible(key))
        self._resting(order).add(key, order)

    def withdraw(self, order: SimOrder) -> None:
        """Take an order out of the collection that its phase names; the caller sets its next phase."""
        if order.phase is Phase.RESTING:
            key = order.limit_key
            assert key is not None  # only orders with a limit rest
            self._resting(order).remove(key, order)
        elif order.phase is Phase.TAKING:
            self._taking.remove(order)
        elif order.phase is Phase.STOP:
            self._stops.remove(order)

    def amend(
        self,
        order: SimOrder,
        order_qty: Decimal,
        limit_px: Decimal | None,
        stop_px: Decimal | None,
        now_ns: int,
    ) -> None:
        """Give an order new terms. A smaller quantity keeps its place; a new price or more quantity joins anew."""
        keeps_place = limit_px == order.limit_px and order_qty <= order.order_qty
        phase = order.phase
        if not keeps_place or phase is not Phase.RESTING:
            self.withdraw(order)
        order.order_qty, order.limit_px, order.stop_px = order_qty, limit_px, stop_px
        self._reports.replaced(order, now_ns)
        if phase is Phase.STOP:
            self.work(order, now_ns)
        elif phase is Phase.TAKING or (phase is Phase.RESTING and not keeps_place):
            self.execute(order, now_ns)

    def _resting(self, order: SimOrder) -> RestingOrders:
        return self._buys if order.is_buy else self._sells

    def _near_side(self, order: SimOrder) -> BookSide:
        return self.book.bids if order.is_buy else self.book.asks

    def _far_side(self, order: SimOrder) -> BookSide:
        return self.book.asks if order.is_buy else self.book.bids

    # --- market ------------------------------------------------------------------------------

    def on_market(self, update: MarketUpdate, now_ns: int) -> bool:
        """Take in one update, and do to our orders what it means for them. False when none can have felt it."""
        if isinstance(update, TradeTick):
            self.book.last_px = update.px
            if not self._has_orders or self._is_out_of_reach(update):
                return False
            self._pass_trade(update, now_ns)
            self._check_stops(now_ns)
            return True
        if not self._has_orders or self._is_out_of_reach(update):
            if self.book.is_taken_from:
                self.book.apply(update, now_ns)
            else:
                self.book.defer(update)
            return False
        self.book.apply(update, now_ns)
        self._see_levels(update, now_ns)
        for order in tuple(self._taking):
            self._take_more(order, now_ns)
        self._cross(self._buys, self.book.asks, now_ns)
        self._cross(self._sells, self.book.bids, now_ns)
        self._check_stops(now_ns)
        return True

    @property
    def _has_orders(self) -> bool:
        return bool(self._buys.keys or self._sells.keys or self._taking or self._stops)

    def _is_out_of_reach(self, update: MarketUpdate) -> bool:
        """Whether none of our orders can feel this update: all rest, and all that it shows lies on one side of their
        prices. They are then not visible in it, not crossed, not reached, and no nearer to their turn."""
        if self._taking or self._stops:
            return False
        buys, sells = self._buys.keys, self._sells.keys
        low = buys[-1] if buys else None
        high = sells[-1].copy_negate() if sells else None
        if isinstance(update, TradeTick):
            return _is_between(low, update.px, high)
        if isinstance(update, Quote):
            bid_px, ask_px = update.bid_px, update.ask_px
            if bid_px is None or ask_px is None or not update.bid_qty or not update.ask_qty:
                return False
            return _is_between(low, bid_px, high) and _is_between(low, ask_px, high)
        if not (update.is_snapshot and update.bids and update.asks):
            return False  # changes of single levels: what else is shown is not in the update
        return _are_between(low, update.bids, high) and _are_between(low, update.asks, high)

    def _see_levels(self, update: Quote | DepthUpdate, now_ns: int) -> None:
        """Tell the queues what is visible now, at the prices of which this update can have told anything."""
        for resting, side in ((self._buys, self.book.bids), (self._sells, self.book.asks)):
            if resting.best_key is None:
                continue
            orders: Iterable[SimOrder]
            if isinstance(update, Quote):
                orders = resting.down_to(side.best_key)
            elif update.is_snapshot:
                orders = resting.down_to(None)
            else:
                levels = update.bids if side is self.book.bids else update.asks
                orders = (order for level in levels for order in resting.at(side.key(level.px)))
            for order in orders:
                assert order.limit_key is not None  # only orders with a limit rest
                queueing.see_level(order, side.visible(order.limit_key), now_ns)

    def _take_more(self, order: SimOrder, now_ns: int) -> None:
        if order.phase is _DONE:
            return
        for px, qty in self._far_side(order).take(order.leaves_qty, None, order.pool):
            self._reports.trade(order, qty, px, False, now_ns)
        if order.phase is _DONE and order in self._taking:
            self._taking.remove(order)

    def _cross(self, resting: RestingOrders, far: BookSide, now_ns: int) -> None:
        """Fill resting orders through whose price the other side now quotes, at their own price."""
        if resting.best_key is None or far.best_key is None:
            return
        for order in tuple(resting.down_to(far.best_key.copy_negate())):
            if order.phase is _DONE:
                continue  # the other exit of its pair has just filled
            key = order.limit_key
            assert key is not None  # only orders with a limit rest
            shown = far.take(order.leaves_qty, key.copy_negate(), order.pool, is_strict=True)
            self._fill_resting(resting, order, sum((qty for _, qty in shown), ZERO), now_ns)

    def _pass_trade(self, trade: TradeTick, now_ns: int) -> None:
        """A public trade hit one side; ours on it are reached in price and time order.

        Orders of ours on the *other* side at this very price were not hit; those it went through were, but for what
        they have taken already of the level that was hit: it was quoted before it traded.
        Each pool shares the traded quantity once.
        """
        used = [ZERO] * POOLS
        bids, asks = self.book.bids, self.book.asks
        for resting, side, far in ((self._buys, bids, asks), (self._sells, asks, bids)):
            if resting.best_key is None:
                continue
            key = side.key(trade.px)
            is_hit = trade.is_buyer_maker == (side is bids)
            for order in tuple(resting.down_to(key)):
                if order.phase is _DONE:
                    continue  # the other exit of its pair has just filled
                left = trade.qty - used[order.pool]  # what those before it took went to nobody else ahead of it
                if order.limit_key != key:
                    queueing.see_through(order)
                    reached = left if is_hit else left - far.taken_at(trade.px, order.pool, now_ns)
                elif is_hit:
                    reached = queueing.see_print(order, left, now_ns)
                else:
                    continue
                fill = min(reached, order.leaves_qty)
                if fill > 0:
                    used[order.pool] += fill
                    self._fill_resting(resting, order, fill, now_ns)

    def _fill_resting(self, resting: RestingOrders, order: SimOrder, qty: Decimal, now_ns: int) -> None:
        if not qty:
            return
        key, px = order.limit_key, order.limit_px
        assert key is not None  # only orders with a limit rest
        assert px is not None
        self._reports.trade(order, qty, px, True, now_ns)
        if order.phase is _DONE:
            resting.remove(key, order)

    def _check_stops(self, now_ns: int) -> None:
        for order in tuple(self._stops):
            if order.phase is Phase.STOP and has_triggered(order, self.book):
                self._stops.remove(order)
                self.execute(order, now_ns)


def _is_between(low: Decimal | None, px: Decimal, high: Decimal | None) -> bool:
    return (low is None or px > low) and (high is None or px < high)


def _are_between(low: Decimal | None, levels: tuple[PriceLevel, ...], high: Decimal | None) -> bool:
    for level in levels:  # a loop: a generator costs as much again, and this is done for every snapshot
        px = level.px
        if (low is not None and px <= low) or (high is not None and px >= high):
            return False
    return True
