"""Orders for throttle tests: at a time of the test's choosing, and with the decision that they met."""

from decimal import Decimal
from typing import Any

from gateway.core.decision import Decision
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Mode, Side
from gateway.domain.orders import Order
from gateway.domain.throttles import Throttles, ThrottleTable
from tests.world import World, order_request, trading_config

D = Decimal
MS = 1_000_000
S = 1_000 * MS


def throttled(mode: Mode = Mode.SHADOW, table: ThrottleTable | None = None, **throttles: Any) -> TradingConfig:
    """A configuration with these throttles for the gateway, or with a whole table of them."""
    chosen = table or ThrottleTable(gateway=Throttles(**throttles))
    return trading_config(mode, throttles=chosen, revision=f"{mode}-{chosen!r}")


class Sender:
    """Sends orders into a ``World`` and keeps every decision. Equal orders have equal content."""

    def __init__(self, config: TradingConfig) -> None:
        self.world = World(config)
        self._count = 0

    def send(
        self,
        side: Side = Side.BUY,
        qty: Decimal | int = 10,
        symbol: str = "AAPL",
        *,
        after_ns: int = 0,
        limit: Decimal | None = None,
        account: str = "default",
        strategy: str = "s1",
        **fields: Any,
    ) -> Decision:
        """One order, ``after_ns`` after the one before (negative: the clock stepped back)."""
        self._count += 1
        self.world.now_ns += after_ns - MS  # World.receive adds a millisecond of its own
        fields.setdefault("cl_ord_id", f"q{self._count}")
        request = order_request(side, qty, symbol, limit, account=account, strategy=strategy, **fields)
        return self.world.receive(request, f"q{self._count}")

    @property
    def last(self) -> Order:
        """The order of the last request; fails when it left none."""
        return self.world.state.orders[f"q{self._count}"]

    def passes(self, *args: Any, **fields: Any) -> bool:
        """Whether an order passes the message rate."""
        return not self.send(*args, **fields).wait_ns
