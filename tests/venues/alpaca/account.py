"""One Alpaca account: orders with their classes, positions, cash, on the matching book. Knows nothing of HTTP.

A replacing order starts anew: what the old one filled is not taken off its quantity, so that both together may fill
more than either says (reported to Alpaca, and open: alpacahq/Alpaca-API issue 165). Where Alpaca's documents are
silent, the worst is played: an activity's id is not the stream's execution id, and legs wake only when their parent has
filled whole.
"""

import itertools
import uuid
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any

from tests.venues.alpaca.orders import (
    AlpacaOrder,
    Asset,
    Execution,
    check_form,
    forbidden,
    invalid,
    not_found,
    read_number,
    read_price,
    text,
    unfit,
)
from tests.venues.matching import Match, MatchingBook, Working

ZERO = Decimal(0)
Tell = Callable[[str, AlpacaOrder, Execution | None], None]


class AlpacaAccount:
    def __init__(self, assets: tuple[Asset, ...], cash: Decimal, now_ms: Callable[[], int]) -> None:
        self.assets = {asset.symbol: asset for asset in assets}
        self.cash = cash
        self.now_ms = now_ms
        self.book = MatchingBook()
        self.orders: dict[str, AlpacaOrder] = {}
        self._open: dict[str, AlpacaOrder] = {}
        self._by_client_id: dict[str, AlpacaOrder] = {}
        #: symbol -> (signed quantity, average entry price)
        self.positions: dict[str, tuple[Decimal, Decimal]] = {}
        #: Called with (event, order, execution): the events of the trade updates stream.
        self.tell: Tell = lambda event, order, execution: None
        #: Refuses new orders («new orders are rejected by user request», or trading blocked).
        self.is_blocked = False
        self.is_market_open = True
        self._ids = itertools.count(1)

    # --- orders ---------------------------------------------------------------------------------------

    def place(self, body: dict[str, Any]) -> AlpacaOrder:
        check_form(body)
        asset = self.assets.get(str(body.get("symbol")))
        if asset is None:
            raise unfit(f'asset "{body.get("symbol")}" not found')
        client_id = body.get("client_order_id") or self._new_id()
        if self.by_client_id(client_id) is not None:
            raise invalid("client_order_id must be unique")
        if self.is_blocked:
            raise forbidden("new orders are rejected by user request")
        order = self._read(body, asset, client_id)
        if order.order_class != "oco":
            self._check_funds(order)
        self._check_wash(order)
        self._keep(order)
        self._add_legs(order, body)
        self._enter(order)
        if order.order_class == "oco":
            for leg in [one for one in order.legs if one.is_open]:
                if not leg.is_open:  # the one before it filled at once
                    continue
                self._enter(leg, status="held")
        return order

    def cancel(self, order: AlpacaOrder) -> None:
        if not order.is_open:
            raise unfit(f'order is already in "{order.status}" state')
        self._end(order, "canceled")

    def replace(self, order: AlpacaOrder, body: dict[str, Any]) -> AlpacaOrder:
        """The new order; the old one is replaced."""
        if order.status not in ("new", "partially_filled", "held"):
            raise unfit(f'order in "{order.status}" state cannot be replaced')
        if order.notional is not None:
            raise unfit("notional orders cannot be replaced")
        client_id = body.get("client_order_id") or self._new_id()
        if self.by_client_id(client_id) is not None:
            raise invalid("client_order_id must be unique")
        new = AlpacaOrder(
            id=self._new_id(),
            client_order_id=client_id,
            asset=order.asset,
            side=order.side,
            type=order.type,
            tif=body.get("time_in_force") or order.tif,
            qty=read_number(body, "qty") or order.qty,
            limit_px=read_price(body, "limit_price") or order.limit_px,
            stop_px=read_price(body, "stop_price") or order.stop_px,
            trail_px=order.trail_px,
            trail_percent=order.trail_percent,
            hwm=order.hwm,
            extended_hours=order.extended_hours,
            order_class=order.order_class,
            legs=order.legs,
            parent=order.parent,
            sibling=order.sibling,
            replaces=order.id,
        )
        self._check_funds(new, besides=order)
        if order.sibling is not None:
            order.sibling.sibling = new
        for leg in order.legs:
            leg.parent = new
        if order.parent is not None:
            order.parent.legs = [new if leg is order else leg for leg in order.parent.legs]
        order.legs, order.sibling = [], None
        order.replaced_by = new.id
        is_waiting = order.status == "held" and order.id not in self.book.working
        was = order.status
        self._end(order, "replaced")
        self._keep(new)
        if is_waiting:
            new.status = "held"
        else:
            self._enter(new, status="held" if was == "held" else "")
        return new

    def by_client_id(self, client_id: str) -> AlpacaOrder | None:
        return self._by_client_id.get(client_id)

    def open_orders(self) -> list[AlpacaOrder]:
        return list(self._open.values())

    def find(self, order_id: str) -> AlpacaOrder:
        order = self.orders.get(order_id)
        if order is None:
            raise not_found(f"order not found for {order_id}")
        return order

    def close_position(self, symbol: str, qty: Decimal | None = None) -> AlpacaOrder:
        held, _ = self.positions.get(symbol, (ZERO, ZERO))
        if not held:
            raise not_found("position does not exist")
        side = "sell" if held > 0 else "buy"
        body = {"symbol": symbol, "side": side, "type": "market", "time_in_force": "day", "qty": str(qty or abs(held))}
        return self.place(body)

    def roll_back(self, count: int) -> None:
        """Give ids again; finished orders that had them are forgotten."""
        first = max(1, next(self._ids) - count)
        again = {str(uuid.UUID(int=number)) for number in range(first, first + count)}
        for order in [one for one in self.orders.values() if one.id in again and not one.is_open]:
            del self.orders[order.id]
            del self._by_client_id[order.client_order_id]
        self._ids = itertools.count(first)

    # --- the market -----------------------------------------------------------------------------------

    def quote(self, symbol: str, bid: Decimal, ask: Decimal, qty: Decimal) -> None:
        matches = self.book.quote(symbol, bid, ask, qty)
        self._book(matches)
        self._trail(symbol)

    def trade(self, symbol: str, px: Decimal, qty: Decimal, side: str | None = None) -> None:
        self._book(self.book.trade(symbol, px, qty, side))
        self._trail(symbol)

    def open_market(self, is_open: bool) -> None:
        self.is_market_open = is_open
        for order in [one for one in self.open_orders() if is_open and one.status == "accepted"]:
            self._enter(order)

    def last_px(self, symbol: str) -> Decimal | None:
        quote = self.book.quotes.get(symbol)
        return None if quote is None else quote.last_px or (quote.bid_px + quote.ask_px) / 2

    def _trail(self, symbol: str) -> None:
        """Move the stop of trailing orders behind the best price seen."""
        last = self.last_px(symbol)
        for order in self.open_orders():
            working = self.book.working.get(order.id)
            if order.type != "trailing_stop" or order.symbol != symbol or working is None or last is None:
                continue
            best = order.hwm or last
            if working.is_asleep and (last > best if order.side == "sell" else last < best):
                order.hwm = last
                order.stop_px = working.stop_px = self._trail_stop(order)

    def _trail_stop(self, order: AlpacaOrder) -> Decimal:
        assert order.hwm is not None
        away = order.trail_px or order.hwm * (order.trail_percent or ZERO) / 100
        px = order.hwm - away if order.side == "sell" else order.hwm + away
        return px.quantize(Decimal("0.01"))

    # --- money ----------------------------------------------------------------------------------------

    def buying_power(self, besides: AlpacaOrder | None = None) -> Decimal:
        """What open orders leave, but for ``besides``."""
        mine = [one for one in self._open.values() if one.parent is None and one is not besides]
        return self.cash - sum((self._need(one) for one in mine), ZERO)

    def qty_available(self, symbol: str, besides: AlpacaOrder | None = None) -> Decimal:
        held, _ = self.positions.get(symbol, (ZERO, ZERO))
        others = [one for one in self._open.values() if one is not besides]
        selling = [one for one in others if one.side == "sell" and one.symbol == symbol]
        return held - sum((one.leaves_qty for one in selling if one.parent is None), ZERO)

    def _need(self, order: AlpacaOrder) -> Decimal:
        if order.side == "sell":
            return ZERO
        quote = self.book.quotes.get(order.symbol)
        return order.leaves_qty * (order.limit_px or order.stop_px or (quote.ask_px if quote else ZERO))

    def _check_funds(self, order: AlpacaOrder, besides: AlpacaOrder | None = None) -> None:
        held, _ = self.positions.get(order.symbol, (ZERO, ZERO))
        if order.side == "buy":
            power, cost = self.buying_power(besides), self._need(order)
            if held >= 0 and cost > power:
                raise forbidden("insufficient buying power", buying_power=text(power), cost_basis=text(cost))
            return
        available = self.qty_available(order.symbol, besides)
        if held > 0 and order.qty > available:
            raise forbidden(
                f"insufficient qty available for order (requested: {text(order.qty)}, available: {text(available)})",
                available=text(available),
                existing_qty=text(held),
                held_for_orders=text(held - available),
                symbol=order.symbol,
            )
        if held <= 0 and not order.asset.is_shortable:
            raise unfit(f'asset "{order.symbol}" cannot be sold short')

    def _check_wash(self, order: AlpacaOrder) -> None:
        """An open order of the other side that this one could meet."""
        for other in self._open.values():
            is_opposite = other.symbol == order.symbol and other.side != order.side
            if not is_opposite or other.parent is not None or order.order_class not in ("", "simple"):
                continue
            buy, sell = (order, other) if order.side == "buy" else (other, order)
            if buy.limit_px is None or sell.limit_px is None or buy.limit_px >= sell.limit_px:
                raise forbidden(
                    "potential wash trade detected. use complex orders",
                    existing_order_id=other.id,
                    reject_reason=f"opposite side {other.type} order exists",
                )

    # --- bookkeeping ----------------------------------------------------------------------------------

    def _new_id(self) -> str:
        while (fresh := str(uuid.UUID(int=next(self._ids)))) in self.orders:
            continue
        return fresh

    def _read(self, body: dict[str, Any], asset: Asset, client_id: str) -> AlpacaOrder:
        notional = read_number(body, "notional")
        qty = read_number(body, "qty")
        last = self.last_px(asset.symbol)
        if qty is None:
            assert notional is not None
            if last is None:
                raise unfit(f"no price for {asset.symbol}")
            qty = (notional / last).quantize(Decimal("1e-9"), ROUND_DOWN)
        order = AlpacaOrder(
            id=self._new_id(),
            client_order_id=client_id,
            asset=asset,
            side=body["side"],
            type=body["type"],
            tif=body["time_in_force"],
            qty=qty,
            notional=notional,
            limit_px=read_price(body, "limit_price"),
            stop_px=read_price(body, "stop_price"),
            trail_px=read_number(body, "trail_price"),
            trail_percent=read_number(body, "trail_percent"),
            extended_hours=bool(body.get("extended_hours")),
            order_class=body.get("order_class") or "",
        )
        if order.type == "trailing_stop":
            order.hwm = last
            order.stop_px = self._trail_stop(order) if last is not None else None
        return order

    def _add_legs(self, order: AlpacaOrder, body: dict[str, Any]) -> None:
        exit_side = {"buy": "sell", "sell": "buy"}[order.side]
        profit, loss = body.get("take_profit") or {}, body.get("stop_loss") or {}
        legs = []
        if profit and order.order_class != "oco":
            legs.append(self._leg(order, exit_side, "limit", read_price(profit, "limit_price"), None))
        if loss:
            limit_px = read_price(loss, "limit_price")
            kind = "stop" if limit_px is None else "stop_limit"
            side = order.side if order.order_class == "oco" else exit_side
            legs.append(self._leg(order, side, kind, limit_px, read_price(loss, "stop_price")))
        order.legs = legs
        if order.order_class == "oco":
            order.sibling, legs[0].sibling = legs[0], order
        elif len(legs) == 2:
            legs[0].sibling, legs[1].sibling = legs[1], legs[0]

    def _leg(
        self, parent: AlpacaOrder, side: str, kind: str, limit_px: Decimal | None, stop_px: Decimal | None
    ) -> AlpacaOrder:
        leg = AlpacaOrder(
            id=self._new_id(),
            client_order_id=self._new_id(),
            asset=parent.asset,
            side=side,
            type=kind,
            tif=parent.tif,
            qty=parent.qty,
            limit_px=limit_px,
            stop_px=stop_px,
            order_class=parent.order_class,
            status="held",
            parent=parent,
        )
        self._keep(leg)
        return leg

    def _keep(self, order: AlpacaOrder) -> None:
        order.created_ms = self.now_ms()
        self.orders[order.id] = self._open[order.id] = self._by_client_id[order.client_order_id] = order

    def _enter(self, order: AlpacaOrder, status: str = "") -> None:
        """Into the book, and fill what can be. Outside trading hours, into the queue for the opening."""
        if not self.is_market_open and not order.extended_hours and order.asset.asset_class == "us_equity":
            order.status = "accepted"
            return
        if not status:
            order.status = "pending_new"
            self.tell("pending_new", order, None)
        order.status = status or "new"
        if not status:
            self.tell("new", order, None)
        working = Working(
            key=order.id,
            symbol=order.symbol,
            side=order.side,
            leaves_qty=order.leaves_qty,
            limit_px=order.limit_px,
            stop_px=order.stop_px,
            is_immediate=order.tif in ("ioc", "fok"),
            is_all_or_none=order.tif == "fok",
        )
        self._book(self.book.place(working))
        if order.is_open and order.tif in ("ioc", "fok"):
            self._end(order, "canceled")

    def _book(self, matches: list[Match]) -> None:
        for match in matches:
            order = self.orders[match.key]
            if not order.is_open:  # its sibling filled in the same breath
                continue
            order.cum_qty += match.qty
            order.cum_cost += match.qty * match.px
            is_full = order.leaves_qty <= 0
            execution = Execution(self._new_id(), self._new_id(), match.qty, match.px, self.now_ms(), order.cum_qty)
            order.executions.append(execution)
            order.status = "filled" if is_full else "partially_filled"
            order.stamps["filled"] = execution.at_ms
            if is_full:
                del self._open[order.id]
            self._move_position(order, match)
            self.tell("fill" if is_full else "partial_fill", order, execution)
            if is_full:
                self._follow(order)

    def _follow(self, order: AlpacaOrder) -> None:
        """What a whole fill brings about: the other leg goes, own legs wake."""
        if order.sibling is not None and order.sibling.is_open:
            self._end(order.sibling, "canceled")
        if order.order_class in ("bracket", "oto"):
            for leg in order.legs:
                if leg.is_open:  # and has not gone because the one before it filled at once
                    self._enter(leg, status="held" if leg.stop_px is not None and len(order.legs) > 1 else "")

    def _end(self, order: AlpacaOrder, status: str) -> None:
        """Take out of the book; legs and the other leg go along, except when it is replaced."""
        self.book.cancel(order.id)
        order.status = status
        del self._open[order.id]
        order.stamps[status] = self.now_ms()
        self.tell(status, order, None)
        if status == "replaced":
            return
        for other in (*order.legs, order.sibling):
            if other is not None and other.is_open:
                self._end(other, "canceled")

    def _move_position(self, order: AlpacaOrder, match: Match) -> None:
        qty, px = self.positions.get(order.symbol, (ZERO, ZERO))
        delta = match.qty if order.side == "buy" else -match.qty
        self.cash -= delta * match.px
        new = qty + delta
        if qty * delta >= 0 and new:
            px = (abs(qty) * px + match.qty * match.px) / abs(new)
        elif qty * new < 0:
            px = match.px
        if new:
            self.positions[order.symbol] = (new, px)
        else:
            self.positions.pop(order.symbol, None)
