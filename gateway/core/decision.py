"""What deciding one event came to."""

import msgspec

from gateway.domain.effects import Effect
from gateway.domain.facts import Fact
from gateway.domain.orders import Reject


class Decision(msgspec.Struct, frozen=True, gc=False):
    """Facts to journal and apply, effects to carry out once they are durable.

    ``refusal`` answers a request that changes nothing (a cancel of a finished order): no facts, no record.
    ``wait_ns`` above 0 says that the same request may pass after that time, and that it left no order.
    """

    facts: tuple[Fact, ...] = ()
    effects: tuple[Effect, ...] = ()
    refusal: Reject | None = None
    wait_ns: int = 0


NOTHING = Decision()
