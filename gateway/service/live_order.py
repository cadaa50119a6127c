"""A live order beside its twins, as the journal tells of them."""

from decimal import Decimal

import msgspec

from gateway.domain.executions import Fill
from gateway.domain.facts import OrderReplaced
from gateway.domain.money import ZERO, ratio
from gateway.domain.orders import Order


class Execution(msgspec.Struct):
    """What became of an order at one place: at the venue, or in one of its simulations."""

    ack_ns: int = 0
    first_fill_ns: int = 0
    cum_qty: Decimal = ZERO
    cum_value: Decimal = ZERO
    is_done: bool = False
    #: How often the terms were changed.
    replaced: int = 0
    maker_value: Decimal = ZERO
    maker_fee: Decimal = ZERO
    taker_value: Decimal = ZERO
    taker_fee: Decimal = ZERO
    fee_currencies: set[str] = msgspec.field(default_factory=set)

    def pay(self, fill: Fill) -> None:
        """Note what a fill cost. Values are without the instrument's multiplier."""
        self.fee_currencies.add(fill.fee_currency)
        if fill.is_maker:
            self.maker_value += fill.last_qty * fill.last_px
            self.maker_fee += fill.fee
        else:
            self.taker_value += fill.last_qty * fill.last_px
            self.taker_fee += fill.fee

    @property
    def avg_px(self) -> Decimal:
        return ratio(self.cum_value, self.cum_qty)


class LiveOrder(msgspec.Struct):
    """A live order and its twins."""

    order: Order
    sent_ns: int = 0
    live: Execution = msgspec.field(default_factory=Execution)
    twins: tuple[Execution, Execution] = msgspec.field(default_factory=lambda: (Execution(), Execution()))
    #: The terms that were asked for last.
    asked: tuple[Decimal, Decimal | None, Decimal | None] | None = None
    #: The venue changed the order otherwise than it was asked to, and a twin had other terms.
    is_apart: bool = False

    def note_replaced(self, fact: OrderReplaced) -> None:
        self.live.replaced += 1
        is_as_asked = fact.settles_pending and self.asked == (fact.order_qty, fact.limit_px, fact.stop_px)
        if not is_as_asked and any(not twin.is_done or twin.replaced >= self.live.replaced for twin in self.twins):
            self.is_apart = True

    @property
    def is_comparable(self) -> bool:
        """Whether its twins are simulations of this order: none had terms that the venue refused."""
        return not self.is_apart and all(twin.replaced <= self.live.replaced for twin in self.twins)
