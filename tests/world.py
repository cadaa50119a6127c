"""A gateway without an outside: the real core, a policy that is a function, and venues that are lists.

Tests drive it event by event and look at what it decided, what it would have sent, and what it remembers. It does
what the engine does in the same order, only without a journal between facts and effects.
"""

from collections.abc import Callable
from decimal import Decimal
from itertools import takewhile
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from gateway.core.apply import apply_record
from gateway.core.decide import decide
from gateway.core.decision import Decision
from gateway.core.identity import fingerprint
from gateway.core.state import GatewayState
from gateway.core.trading.flattens import Flatten
from gateway.domain.config import AccountConfig, Limits, LimitTable, TradingConfig, VenueMode
from gateway.domain.effects import (
    CancelOrder,
    Effect,
    EvaluatePolicy,
    LookupOrder,
    OrderTicket,
    ReconsiderOrder,
    ReleaseOrder,
    ReplaceOrder,
    SubmitOrder,
)
from gateway.domain.enums import (
    ExecType,
    Mode,
    OrderClass,
    OrdType,
    Role,
    Route,
    ScopeKind,
    Side,
    TimeInForce,
    TradingState,
)
from gateway.domain.events import (
    BreakerResetRequested,
    BreakersChecked,
    CancelReceived,
    ConfigLoaded,
    Event,
    FlattenPursued,
    FlattenRequested,
    GatewayStarted,
    MarksObserved,
    OrderReceived,
    PolicyEvaluated,
    PolicyVerdict,
    ReplaceReceived,
    ReportsReceived,
    TradingSwitched,
)
from gateway.domain.executions import ExecutionReport
from gateway.domain.flatten import FlattenOrder, Touch
from gateway.domain.instruments import Instrument
from gateway.domain.market import MarketView
from gateway.domain.order_class import StopLoss, TakeProfit
from gateway.domain.orders import Actor, NewOrderSingle, Order, ReplaceRequest
from gateway.domain.records import Record
from gateway.domain.rollout import CanaryCaps, Promotions, Rollout

D = Decimal
TRADER = Actor("tess", Role.TRADER)
RITA = Actor("rita", Role.RISK)
ADMIN = Actor("system", Role.ADMIN)
ALLOW = PolicyVerdict(is_allowed=True, revision="policy-1")
DENY = PolicyVerdict(is_allowed=False, denies=(("TEST_RULE", "the test denies it"),), revision="policy-1")

INSTRUMENTS = {
    "AAPL": Instrument(symbol="AAPL", venue="alpha", currency="USD"),
    "TSLA": Instrument(symbol="TSLA", venue="alpha", currency="USD"),
    "ES": Instrument(
        symbol="ES", venue="alpha", currency="USD", multiplier=D(50), tick_size=D("0.25"), asset_class="future"
    ),
    "BTC/USDT": Instrument(
        symbol="BTC/USDT", venue="beta", currency="USDT", lot_size=D("0.00001"), min_notional=D(5), asset_class="crypto"
    ),
}
#: The modes of most tests are set by hand; those of rollouts say otherwise.
MANUAL = dict.fromkeys(("alpha", "beta"), Promotions.MANUAL)
PRICES = {"AAPL": D("180.00"), "TSLA": D("250.00"), "ES": D("5000.00"), "BTC/USDT": D("61800.00")}


def trading_config(
    mode: Mode = Mode.SHADOW,
    *,
    weight_bp: int = 5_000,
    limits: Limits | None = None,
    table: LimitTable | None = None,
    caps: dict[str, CanaryCaps] | None = None,
    revision: str | None = None,
    **changes: Any,
) -> TradingConfig:
    """Both venues in ``mode``; any field of TradingConfig can be given by name."""
    fields: dict[str, Any] = {
        "global_mode": mode,
        "venues": {name: VenueMode(mode=mode, canary_weight_bp=weight_bp) for name in ("alpha", "beta")},
        "limits": table or LimitTable(gateway=limits or Limits()),
        "rollout": Rollout(salt="test", caps=caps or {}, promotions=MANUAL),
        "instruments": INSTRUMENTS,
        "accounts": {name: AccountConfig(initial_cash=D(100_000)) for name in ("default", "second")},
        "rates": {"USD": D(1), "USDT": D(1)},
    }
    fields.update(changes)
    return TradingConfig(revision=revision or f"{mode}-{weight_bp}", **fields)


def order_request(
    side: Side, qty: Decimal | int, symbol: str, limit: Decimal | None, *, strategy: str, **fields: Any
) -> NewOrderSingle:
    """A limit order where there is a limit, else a market order; good till canceled unless ``fields`` say otherwise."""
    return NewOrderSingle(
        symbol=symbol,
        side=side,
        order_qty=D(qty),
        ord_type=fields.pop("ord_type", OrdType.LIMIT if limit is not None else OrdType.MARKET),
        limit_px=limit,
        strategy_id=strategy,
        time_in_force=fields.pop("time_in_force", TimeInForce.GTC),
        **fields,
    )


class World:
    """The core with its surroundings. ``sent`` lists every ticket that would have left, in order."""

    def __init__(self, config: TradingConfig | None = None) -> None:
        self.state = GatewayState()
        self.now_ns = 1_700_000_000_000_000_000
        self.records: list[Record] = []
        self.sent: list[OrderTicket] = []
        self.canceled: list[OrderTicket] = []
        self.replaced: list[ReplaceOrder] = []
        self.looked_up: list[OrderTicket] = []
        self.released: list[OrderTicket] = []
        self.asked: list[EvaluatePolicy] = []
        self.prices = dict(PRICES)
        #: What else orders see of the market: fields of MarketView, in place of those that follow from the price.
        self.market: dict[str, Any] = {}
        #: What a flatten is told of the market.
        self.touches: dict[str, Touch] = {}
        #: What the policy says; None leaves it unanswered until ``answer_policy``.
        self.policy: Callable[[dict[str, Any]], PolicyVerdict | None] = lambda document: ALLOW
        #: Whether it is asked about new orders as a server is: after they are held, with an event of its own.
        self.asks_outside = False
        self._count = 0
        self.send(GatewayStarted(ts_ns=self.now_ns, version="test"))
        self.load(config or trading_config())

    def tick(self, ns: int = 1_000_000) -> int:
        self.now_ns += ns
        return self.now_ns

    def send(self, event: Event) -> Decision:
        """Decide and apply one event, and carry its inward effects through."""
        decision = decide(self.state, event)
        apply_record(self.state, decision.facts)
        if decision.facts:
            record = Record(seq=len(self.records) + 1, ts_ns=event.ts_ns, event=event, facts=decision.facts)
            self.records.append(record)
        for effect in decision.effects:
            self._carry_out(effect)
        return decision

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case EvaluatePolicy():
                verdict = self.policy(to_builtins(effect.document))
                if verdict is None:
                    self.asked.append(effect)
                else:
                    self.answer_policy(effect, verdict)
            case ReconsiderOrder():
                self.receive(effect.request, effect.order_id)
            case SubmitOrder(ticket=ticket):
                self.sent.append(ticket)
            case CancelOrder(ticket=ticket):
                self.canceled.append(ticket)
            case ReplaceOrder():
                self.replaced.append(effect)
            case LookupOrder(ticket=ticket):
                self.looked_up.append(ticket)
            case ReleaseOrder(ticket=ticket):
                self.released.append(ticket)

    def answer_policy(self, effect: EvaluatePolicy, verdict: PolicyVerdict) -> Decision:
        return self.send(
            PolicyEvaluated(ts_ns=self.tick(), order_id=effect.order_id, verdict=verdict, is_replace=effect.is_replace)
        )

    def load(self, config: TradingConfig) -> None:
        self.send(ConfigLoaded(ts_ns=self.tick(), config=config, actor=ADMIN))

    def receive(self, request: NewOrderSingle, order_id: str) -> Decision:
        px = self.prices.get(request.symbol)
        event = OrderReceived(
            ts_ns=self.tick(),
            order_id=order_id,
            request=request,
            fingerprint=fingerprint(request),
            actor=TRADER,
            view=self._view(px),
        )
        return self.send(event if self.asks_outside else self._with_verdicts(event))

    def _view(self, px: Decimal | None) -> MarketView:
        seen: dict[str, Any] = {"reference_px": px, "bid_px": px, "ask_px": px, **self.market}
        return MarketView(**seen)

    def _with_verdicts(self, event: OrderReceived) -> OrderReceived:
        """The event with what the policy says at once, up to the first question that it leaves open."""
        questions = [one for one in decide(self.state, event).effects if isinstance(one, EvaluatePolicy)]
        answers = [self.policy(to_builtins(question.document)) for question in questions]
        return replace(event, verdicts=tuple(takewhile(lambda verdict: verdict is not None, answers)))

    def place(
        self,
        side: Side = Side.BUY,
        qty: Decimal | int = 10,
        symbol: str = "AAPL",
        *,
        limit: Decimal | None = None,
        account: str = "default",
        strategy: str = "s1",
        **fields: Any,
    ) -> Order:
        """Send one order through; returns it as it then stands."""
        self._count += 1
        order_id = f"o{self._count}"
        fields.setdefault("cl_ord_id", f"c{self._count}")
        self.receive(order_request(side, qty, symbol, limit, account=account, strategy=strategy, **fields), order_id)
        return self.state.orders[order_id]

    def place_class(
        self, kind: OrderClass, side: Side = Side.BUY, qty: int = 10, symbol: str = "AAPL", *, is_limit: bool = True
    ) -> Order:
        """An order with its exits a tenth of the price away on either side, where its class has them."""
        px = self.prices[symbol]
        closes_long = (side is Side.BUY) is (kind is not OrderClass.OCO)
        away = px // 10 if closes_long else -(px // 10)
        return self.place(
            side,
            qty,
            symbol,
            limit=px if is_limit and kind is not OrderClass.OCO else None,
            ord_type=OrdType.LIMIT if is_limit or kind is OrderClass.OCO else OrdType.MARKET,
            order_class=kind,
            take_profit=None if kind is OrderClass.OTO else TakeProfit(px + away),
            stop_loss=StopLoss(px - away),
        )

    def report(self, order: Order, exec_type: ExecType, **fields: Any) -> Decision:
        report = ExecutionReport(order_id=order.order_id, exec_type=exec_type, transact_ns=self.tick(), **fields)
        return self.send(ReportsReceived(ts_ns=self.now_ns, reports=(report,)))

    def fill(self, order: Order, qty: Decimal | int | None = None, px: Decimal | None = None, **fields: Any) -> None:
        """One execution of ``order``, all of what is left unless told otherwise."""
        self._count += 1
        quantity = order.leaves_qty if qty is None else D(qty)
        self.report(
            order,
            ExecType.TRADE,
            exec_id=fields.pop("exec_id", f"x{self._count}"),
            last_qty=quantity,
            last_px=px or self.prices[order.symbol],
            **fields,
        )

    def cancel(self, order: Order) -> Decision:
        return self.send(CancelReceived(ts_ns=self.tick(), order_id=order.order_id, actor=TRADER))

    def replace(self, order: Order, **terms: Any) -> Decision:
        px = self.prices[order.symbol]
        return self.send(
            ReplaceReceived(
                ts_ns=self.tick(),
                order_id=order.order_id,
                request=ReplaceRequest(**terms),
                actor=TRADER,
                view=self._view(px),
            )
        )

    def halt(
        self,
        state: TradingState = TradingState.HALTED,
        scope: ScopeKind = ScopeKind.GATEWAY,
        scope_id: str = "",
        reason: str = "test",
    ) -> Decision:
        return self.send(
            TradingSwitched(ts_ns=self.tick(), state=state, actor=ADMIN, reason=reason, scope=scope, scope_id=scope_id)
        )

    def flatten(self, *books: Route, **wish: Any) -> Flatten:
        """Take the command and go on with it once; ``books`` are live unless given."""
        self._count += 1
        order = FlattenOrder(flatten_id=f"f{self._count}", books=books or (Route.LIVE,), actor=ADMIN, **wish)
        self.send(FlattenRequested(ts_ns=self.tick(), order=order))
        self.pursue()
        return self.state.flattens[order.flatten_id]

    def pursue(self, wait_s: int = 0) -> Decision:
        """Go on with every flatten, ``wait_s`` later."""
        return self.send(FlattenPursued(ts_ns=self.tick(wait_s * 1_000_000_000 + 1_000_000), touches=self.touches))

    def closing(self, flatten: Flatten) -> list[Order]:
        """The orders of a flatten, in the order in which they were sent."""
        ids = [ticket.order_id for ticket in self.sent if not ticket.is_twin]
        orders = [self.state.orders[order_id] for order_id in ids if order_id in self.state.orders]
        return [order for order in orders if order.flatten_id == flatten.order.flatten_id]

    def check(self, wait_s: int = 0, **ages_s: int) -> Decision:
        """Let the timers look at the circuit breakers, ``wait_s`` later; ``ages_s`` are the ages of prices."""
        ages_ns = {symbol: age * 1_000_000_000 for symbol, age in ages_s.items()}
        return self.send(BreakersChecked(ts_ns=self.tick(wait_s * 1_000_000_000 + 1_000_000), quote_ages_ns=ages_ns))

    def reset(self, breaker_id: str, *, force: bool = False) -> Decision:
        return self.send(
            BreakerResetRequested(
                ts_ns=self.tick(), breaker_id=breaker_id, actor=ADMIN, reason="looked into it", is_forced=force
            )
        )

    def resume(self) -> None:
        """Lift every stop that a person made, in all scopes."""
        for stop in self.state.trading.all_stops():
            self.halt(TradingState.ACTIVE, stop.scope, stop.scope_id)

    def mark(self, symbol: str, px: Decimal) -> None:
        self.prices[symbol] = px
        self.send(MarksObserved(ts_ns=self.tick(), marks={symbol: px}))

    def legs(self, order: Order) -> list[Order]:
        """The orders that really exist at a venue for ``order``: its legs, or itself."""
        return self.state.legs_of(order) or [order]

    def position(self, route: Route, symbol: str = "AAPL", account: str = "default", strategy: str = "s1") -> Decimal:
        venue = INSTRUMENTS[symbol].venue
        held = self.state.books[route].positions.get(f"{account}|{strategy}|{venue}|{symbol}")
        return D(0) if held is None else held.qty

    def open_live(self, qty: int = 10, symbol: str = "AAPL", side: Side = Side.BUY, **fields: Any) -> Order:
        """Place and fill an order that must have gone live."""
        order = self.place(side, qty, symbol, **fields)
        assert order.route is Route.LIVE, order.route_reason
        self.fill(order)
        return order
