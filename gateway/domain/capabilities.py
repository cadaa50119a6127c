"""What a venue guarantees and what it can do, as its adapter declares it.

Each adapter folder declares its own in ``capabilities.py``, importing no client library. The table reaches decisions
as data, journaled with the configuration: what a venue cannot do is refused before it is sent, and how an order in
doubt may be settled is read from here.
"""

import msgspec

from gateway.domain.enums import OrderClass, OrdType, TimeInForce, Word


class IdReuse(Word):
    """What a venue does with an order whose id (ours, the idempotency tag) it has seen before."""

    #: Takes it as a new order: nothing but us keeps an order from being there twice.
    NEVER_REFUSED = "never_refused"
    #: Refuses it as long as the first is open, and takes it as a new one once that is done.
    REFUSED_WHILE_OPEN = "refused_while_open"
    ALWAYS_REFUSED = "always_refused"


class Reach(Word):
    """How far back what a venue says is complete. An order or execution older than this may be missing from it."""

    #: Not at all: that something is missing proves nothing.
    NONE = "none"
    #: The current day of the venue; where it began comes with each answer.
    CURRENT_DAY = "current_day"
    ALL = "all"


class Holdings(Word):
    """How a venue tells what is held."""

    NONE = "none"
    #: A signed quantity for each instrument.
    POSITIONS = "positions"
    #: What is held of each asset: the balance of BTC is the position of BTC/USDT and of BTC/EUR together.
    BALANCES = "balances"


class VenueCapabilities(msgspec.Struct, frozen=True, kw_only=True):
    """One venue.

    ``lookup`` is how far back a look-up is authoritative: an order that was sent within it and is not found was never
    there. ``has_lookup_by_id``: one order can be asked for by our id; False means that lists are searched.
    ``executions`` is how far back executions that were missed can be read again.

    ``algorithms`` are the names that ``execution_algorithm`` may have (what comes before a colon), ``has_trailing_*``
    how a trailing stop may trail. ``holdings`` and ``sees_other_orders`` say what reading the account tells: of
    orders, those of everybody (True) or those of this connection alone. ``has_depth``: market data deeper than the
    best bid and ask. ``order_classes`` are those that the venue itself carries out, beside the simple one.
    """

    adapter: str
    id_reuse: IdReuse
    lookup: Reach
    executions: Reach
    holdings: Holdings
    order_types: tuple[OrdType, ...]
    times_in_force: tuple[TimeInForce, ...]
    algorithms: tuple[str, ...] = ()
    has_lookup_by_id: bool = True
    has_replace: bool = True
    has_trailing_amount: bool = True
    has_trailing_percent: bool = True
    sees_other_orders: bool = True
    has_depth: bool = False
    order_classes: tuple[OrderClass, ...] = ()
