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
    #: By execution id, as the venue last said they were.
    fills: dict[str, Fill] = {}

    def paid(self, *, is_maker: bool) -> tuple[Decimal, Decimal, set[str]]:
        """The value that made (or took), without the instrument's multiplier, what it cost, and the currencies of what
        all fills cost."""
        fills = [fill for fill in self.fills.values() if fill.is_maker is is_maker]
        value = sum((fill.last_qty * fill.last_px for fill in fills), ZERO)
        return value, sum((fill.fee for fill in fills), ZERO), {fill.fee_currency for fill in self.fills.values()}

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
