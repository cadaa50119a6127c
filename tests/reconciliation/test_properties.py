"""Whatever happens in whatever order: no false drift, every real drift, each execution once."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.core.checkpoint import decode_snapshot, encode_snapshot, state_hash
from gateway.core.reconciliation.agreeing import Sightings
from gateway.domain.enums import ExecType, Route, Side
from gateway.domain.executions import ExecutionReport
from gateway.domain.venue_account import AccountReading
from tests.reconciliation.venue import NS, Venue, world_of

D = Decimal
SYMBOLS = ("AAPL", "TSLA")


class VenueAndBooks(RuleBasedStateMachine):
    """A gateway and a venue that trade; reports are lost or late, readings stale, processes restart."""

    def __init__(self) -> None:
        super().__init__()
        self.world = world_of()
        self.venue = Venue(self.world)
        self.on_its_way: list[ExecutionReport] = []
        self.booked: dict[str, Decimal] = dict.fromkeys(SYMBOLS, D(0))
        #: What others did, by symbol.
        self.outside: dict[str, Decimal] = dict.fromkeys(SYMBOLS, D(0))
        self.touched: set[str] = set()
        self.is_stale = False
        self.page: AccountReading | None = None

    @rule(symbol=st.sampled_from(SYMBOLS), qty=st.integers(1, 9), is_known=st.booleans())
    def place(self, symbol: str, qty: int, is_known: bool) -> None:
        order = self.world.place(symbol=symbol, qty=qty, limit=self.world.prices[symbol])
        if order.reject is not None:
            return
        self.venue.take(order)
        if is_known:
            self.world.report(order, ExecType.NEW, venue_order_id=f"v-{order.order_id}")

    @rule(data=st.data(), seconds=st.integers(0, 70), fate=st.sampled_from(["told", "late", "lost"]))
    def fill(self, data: st.DataObject, seconds: int, fate: str) -> None:
        if not self.venue.open:
            return
        key = data.draw(st.sampled_from(sorted(self.venue.open)))
        shown = self.venue.open[key]
        qty = data.draw(st.integers(1, int(shown.order_qty - shown.cum_qty)))
        report = self.venue.execute(key, qty)
        self.booked[shown.symbol] += qty
        if fate == "told":
            self.venue.tell(report, report)
        elif fate == "late":
            self.on_its_way.append(report)
        self.world.tick(seconds * NS)

    @rule()
    def arrive(self) -> None:
        if self.on_its_way:
            self.venue.tell(self.on_its_way.pop(0))

    @rule(symbol=st.sampled_from(SYMBOLS), qty=st.integers(-9, 9).filter(bool))
    def move_by_others(self, symbol: str, qty: int) -> None:
        self.venue.held[symbol] = self.venue.held.get(symbol, D(0)) + qty
        self.outside[symbol] += qty
        self.touched.add(symbol)

    @rule(seconds=st.integers(1, 70))
    def read(self, seconds: int) -> None:
        self.world.tick(seconds * NS)
        self.venue.compared()
        self.is_stale = False

    @rule(seconds=st.integers(1, 70), data=st.data())
    def read_while_it_trades(self, seconds: int, data: st.DataObject) -> None:
        """The holdings are of before a fill, or of after it; the list before it lacks it."""
        if not self.venue.open or self.is_stale:
            return
        self.world.tick(seconds * NS)
        old, before = self.venue.reading().positions, tuple(self.venue.executions)
        report = self.venue.execute(sorted(self.venue.open)[0], 1)
        self.booked[self.venue.executions[-1].symbol] += 1
        if data.draw(st.booleans()):
            self.venue.tell(report)
        fields = {"executions_before": before, **({"positions": old} if data.draw(st.booleans()) else {})}
        self.venue.compared(self.venue.reading(**fields))
        self.is_stale = True

    @rule(seconds=st.integers(6, 70))
    def read_a_stale_page(self, seconds: int) -> None:
        """Holdings and open orders of some time ago, as if they were of now."""
        if self.is_stale or self.page is None:
            self.page = self.venue.reading()
            return
        self.world.tick(seconds * NS)
        old, self.page = self.page, None
        self.venue.compared(self.venue.reading(positions=old.positions, open_orders=old.open_orders))
        self.is_stale = True

    @rule()
    def restart(self) -> None:
        restored = decode_snapshot(encode_snapshot(self.world.state))
        assert state_hash(restored) == state_hash(self.world.state)
        self.world.state = restored
        self.venue.sightings = Sightings()

    @invariant()
    def no_false_drift(self) -> None:
        assert set(self.venue.drifts) <= self.touched

    @invariant()
    def no_order_ends_by_a_reading(self) -> None:
        assert not any(ticket.order_id in self.venue.open for ticket in self.world.canceled)

    @invariant()
    def a_position_can_be_closed(self) -> None:
        for symbol in SYMBOLS:
            assert self.world.position(Route.LIVE, symbol) <= self.booked[symbol]

    def teardown(self) -> None:
        """In the end the venue is quiet, every order of ours has been answered, and everything comes out."""
        for order in self.world.state.open_orders():
            self.world.report(order, ExecType.NEW, venue_order_id=f"v-{order.order_id}")
        self.venue.look(6)
        for symbol in SYMBOLS:
            assert self.world.position(Route.LIVE, symbol) == self.booked[symbol], "each execution once"
            assert self.venue.drifts.get(symbol, D(0)) == self.outside[symbol], "every real drift, by its quantity"
            held = self.world.position(Route.LIVE, symbol)
            if held > 0:
                closing = self.world.place(Side.SELL, held, symbol)
                assert closing.reject is None, "a live position can always be closed"
        super().teardown()


TestVenueAndBooks = VenueAndBooks.TestCase
TestVenueAndBooks.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
