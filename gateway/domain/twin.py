"""The simulated execution of an order that also went live, from the same market data."""

import copy
from decimal import Decimal

import msgspec

from gateway.domain.enums import OrdStatus
from gateway.domain.money import ZERO, ratio


class Twin(msgspec.Struct, gc=False):
    """What the simulator made of an order that also went live. Never part of a book."""

    ord_status: OrdStatus = OrdStatus.PENDING_NEW
    cum_qty: Decimal = ZERO
    cum_value: Decimal = ZERO
    fee: Decimal = ZERO
    exec_ids: list[str] = []
    #: When it was first heard of (0: not yet).
    ack_ns: int = 0
    #: Of an exit: the twin of its entry has filled whole.
    is_armed: bool = False
    #: Its own quantity while a change is on its way to the venue (None: that of the order).
    order_qty: Decimal | None = None
    #: How often its terms were changed.
    replaced: int = 0
    #: The venue changed the order otherwise than it was asked to: the twin had terms that the order never had.
    is_apart: bool = False

    @property
    def avg_px(self) -> Decimal:
        return ratio(self.cum_value, self.cum_qty)


def copied(twin: Twin | None) -> Twin | None:
    if twin is None:
        return None
    own = copy.copy(twin)
    own.exec_ids = list(twin.exec_ids)
    return own
