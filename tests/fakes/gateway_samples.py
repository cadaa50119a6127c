"""What the fake gateway is made of: ready-made orders, facts, views, and a market that a test moves by hand."""

from collections.abc import Callable
from decimal import Decimal

from gateway.domain.candidates import CandidateReport, DifferenceKind, KindTotal, OrderDifference, RuleTally
from gateway.domain.enums import OrdStatus, OrdType, RejectStage, Role, Route, ScopeKind, Side, TimeInForce
from gateway.domain.executions import Fill
from gateway.domain.facts import OrderExecuted
from gateway.domain.market import DepthUpdate, MarketUpdate, Quote
from gateway.domain.orders import Actor, Breach, NewOrderSingle, Order, Reject, position_key_of
from gateway.domain.reasons import RejectCode
from gateway.ports.candidates import CandidateState, CandidateStatus
from gateway.ports.checking import CheckView, LegCheckView, MarketSeenView, OrderCheckView, PolicyView, WouldBe
from gateway.ports.journal import OrderQuery
from gateway.ports.market_data import FeedState, MarketListener
from gateway.ports.read_model import PortfolioView, PositionView, VenueModeView
from gateway.ports.risk_view import LimitUseView, RiskView

D = Decimal
HUNDRED, PRICE = D(100), D("150.25")
NOW_NS = 1_700_000_000_000_000_000
TRADER = Actor("desk", Role.TRADER)


class FakeMarket:
    """Implements ``ports.market_data.MarketSources``: quotes are what ``tick`` said last."""

    is_synthetic = False
    stale_after_ns = 5_000_000_000

    def __init__(self) -> None:
        self._quotes: dict[str, Quote] = {}
        self.listeners: dict[str | None, list[MarketListener]] = {}
        self.depths: dict[str, DepthUpdate] = {}
        self.troubles: dict[str, str] = {}

    async def start(self) -> None: ...

    def depth(self, symbol: str) -> DepthUpdate | None:
        return self.depths.get(symbol)

    def source_of(self, symbol: str) -> str:
        return "binance" if "/" in symbol else "ibkr"

    def trouble(self, symbol: str) -> str:
        return self.troubles.get(symbol, "")

    def states(self) -> tuple[FeedState, ...]:
        return ()

    def quote(self, symbol: str) -> Quote | None:
        return self._quotes.get(symbol)

    def listen(self, symbol: str | None, listener: MarketListener) -> Callable[[], None]:
        self.listeners.setdefault(symbol, []).append(listener)
        return lambda: self.listeners[symbol].remove(listener)

    def tick(self, symbol: str, bid: str, ask: str, received_ns: int = NOW_NS) -> None:
        quote = Quote(symbol, D(bid), D(1), D(ask), D(2), None, None, 0, received_ns)
        self._quotes[symbol] = quote
        self.tell(symbol, quote)

    def tell(self, symbol: str, update: MarketUpdate) -> None:
        for listener in [*self.listeners.get(symbol, ())]:
            listener(update)

    async def close(self) -> None: ...


def new_order(
    order_id: str = "o1",
    *,
    account: str = "default",
    strategy_id: str = "default",
    venue: str = "ibkr",
    symbol: str = "AAPL",
    cl_ord_id: str = "",
    order_qty: Decimal = HUNDRED,
    limit_px: Decimal | None = PRICE,
    now_ns: int = NOW_NS,
    actor: Actor = TRADER,
) -> Order:
    """A working limit order."""
    return Order(
        order_id=order_id,
        cl_ord_id=cl_ord_id,
        fingerprint="",
        account=account,
        strategy_id=strategy_id,
        venue=venue,
        symbol=symbol,
        position_key=position_key_of(account, strategy_id, venue, symbol),
        side=Side.BUY,
        ord_type=OrdType.LIMIT,
        time_in_force=TimeInForce.DAY,
        order_qty=order_qty,
        limit_px=limit_px,
        actor=actor,
        created_ns=now_ns,
        updated_ns=now_ns,
        ord_status=OrdStatus.NEW,
        mode="SHADOW",
        config_revision="c1",
        policy_revision="p1",
    )


def order_from(request: NewOrderSingle, order_id: str, actor: Actor, now_ns: int) -> Order:
    """The order that a request becomes when nobody objects."""
    order = new_order(
        order_id,
        account=request.account,
        strategy_id=request.strategy_id,
        venue=request.venue or "ibkr",
        symbol=request.symbol,
        cl_ord_id=request.cl_ord_id,
        order_qty=request.order_qty,
        limit_px=request.limit_px,
        now_ns=now_ns,
        actor=actor,
    )
    order.fingerprint = repr(request)
    order.side, order.ord_type, order.time_in_force = request.side, request.ord_type, request.time_in_force
    order.stop_px, order.expire_ns = request.stop_px, request.expire_ns
    order.trailing_amount, order.trailing_percent = request.trailing_amount, request.trailing_percent
    order.execution_algorithm = request.execution_algorithm
    return order


def matches(order: Order, query: OrderQuery) -> bool:
    """Whether a listing with ``query`` contains ``order``."""
    return (
        (query.accounts is None or order.account in query.accounts)
        and (query.strategies is None or order.strategy_id in query.strategies)
        and query.symbol in (None, order.symbol)
        and query.venue in (None, order.venue)
        and query.route in (None, order.route)
        and (query.statuses is None or order.ord_status in query.statuses)
        and (query.before is None or (order.created_ns, order.order_id) < query.before)
    )


def checked(request: NewOrderSingle, most: Decimal) -> OrderCheckView:
    """A verdict by nothing but the quantity."""
    is_admitted = request.order_qty <= most
    return OrderCheckView(
        would_be=WouldBe.ADMITTED if is_admitted else WouldBe.DENIED,
        refusal=None if is_admitted else too_large(order_from(request, "check", TRADER, NOW_NS), most),
        retry_after_ms=0,
        problems=(),
        existing_order_id=None,
        symbol=request.symbol,
        side=request.side,
        quantity=str(request.order_qty),
        account=request.account,
        strategy_id=request.strategy_id,
        venue="ibkr",
        currency="USD",
        held_exposure="0",
        trading_state="active",
        stops=(),
        caps=(),
        market=MarketSeenView(
            reference_px="150.25",
            bid_px=None,
            ask_px=None,
            age_ms=5,
            is_synthetic=True,
            is_delayed=False,
            is_open=True,
            phase="open",
        ),
        legs=(checked_leg(request),),
        config_revision="c1",
        policy_revision="p1",
    )


def checked_leg(request: NewOrderSingle) -> LegCheckView:
    """A leg that keeps three limits: of the order, of all there is, and of its own account."""
    rules = (
        ("max_order_size", "gateway", True),
        ("max_leverage", "gateway", False),
        ("max_leverage", "account", False),
    )
    return LegCheckView(
        route="shadow",
        route_reason="MODE_SHADOW",
        mode="SHADOW",
        quantity=str(request.order_qty),
        is_closing=False,
        cycle=1,
        opens_cycle=True,
        bucket=None,
        weight_bp=0,
        held_exposure="0",
        size_factor="1",
        would_be="admitted",
        refusals=(),
        checks=tuple(
            CheckView(
                rule=rule,
                code=rule.upper(),
                scope=scope,
                scope_id=request.account if scope == "account" else "gateway",
                limit="10",
                value="4",
                headroom="6",
                passed=True,
                is_exempt=False,
                is_of_order=is_of_order,
                text="",
            )
            for rule, scope, is_of_order in rules
        ),
        policy=PolicyView(is_allowed=True, reasons=(), failure=None, failure_text="", revision="p1"),
        overrides=(),
    )


def limits_of(*accounts: str) -> RiskView:
    """One limit of the gateway, of each account, of a strategy and of a venue, in both books."""
    scopes = [("gateway", "gateway"), *(("account", name) for name in accounts), ("strategy", "s1"), ("venue", "ibkr")]
    return RiskView(
        currency="USD",
        config_revision="c1",
        trading_state="active",
        stops=(),
        figures_age_ms=None,
        limits=tuple(
            LimitUseView(
                book=book,
                scope=scope,
                scope_id=scope_id,
                rule="max_open_orders",
                code="MAX_OPEN_ORDERS",
                limit="5",
                value="1",
                headroom="4",
                use="0.2",
                is_broken=False,
                is_per_order=False,
                account=None,
                symbol=None,
            )
            for book in ("live", "shadow")
            for scope, scope_id in scopes
        ),
        caps=(),
    )


def too_large(order: Order, most: Decimal) -> Reject:
    breach = Breach(RejectCode.MAX_ORDER_SIZE, ScopeKind.GATEWAY, "", str(most), str(order.order_qty))
    text = f"max_order_size is {most}, the order is {order.order_qty}"
    return Reject(RejectStage.RISK, RejectCode.MAX_ORDER_SIZE, text, (breach,), {"limit": str(most)})


def not_open(order: Order) -> Reject:
    return Reject(RejectStage.INTAKE, RejectCode.ORDER_NOT_OPEN, f"the order is {order.ord_status.value}")


def executed(order: Order, fill: Fill) -> OrderExecuted:
    return OrderExecuted(
        ts_ns=fill.transact_ns,
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        route=order.route,
        venue=order.venue,
        fill=fill,
        ord_status=order.ord_status,
        cum_qty=order.cum_qty,
        cum_value=order.cum_value,
    )


def venue_mode(venue: str, mode: str = "SHADOW", weight_bp: int = 0) -> VenueModeView:
    return VenueModeView(
        venue=venue,
        configured_mode=mode,
        effective_mode=mode,
        canary_weight_bp=weight_bp,
        cycles_live=0,
        cycles_shadow=0,
        measured_share="0",
    )


def portfolio_view(account: str, book: str = Route.SHADOW) -> PortfolioView:
    return PortfolioView(
        book=book,
        account=account,
        currency="USD",
        initial_cash="100000",
        cash="100000",
        equity="100000",
        gross_exposure="0",
        net_exposure="0",
        held_exposure="0",
        leverage="0",
        realized_pnl="0",
        unrealized_pnl="0",
        fees="0",
        daily_pnl="0",
        open_orders=0,
        positions=0,
    )


def position_view(account: str, strategy_id: str, symbol: str = "AAPL", book: str = Route.SHADOW) -> PositionView:
    return PositionView(
        book=book,
        account=account,
        strategy_id=strategy_id,
        venue="ibkr",
        symbol=symbol,
        quantity="10",
        avg_px="150",
        mark_px=None,
        mark_age_ms=None,
        is_synthetic=False,
        is_delayed=False,
        currency="USD",
        market_value="1500",
        unrealized_pnl="0",
        realized_pnl="0",
        fees="0",
        cycle=1,
    )


def candidate_of(*accounts: str) -> CandidateStatus:
    """A candidate that denies one order of each account."""
    examples = tuple(
        OrderDifference(
            kind=DifferenceKind.DENIES,
            seq=number,
            ts_ns=NOW_NS,
            order_id=f"o{number}",
            account=account,
            strategy_id="s1",
            venue="alpha",
            symbol="AAPL",
            side=Side.BUY,
            order_qty=HUNDRED,
            notional=HUNDRED * PRICE,
            rules=("MAX_ORDER_SIZE",),
            enforced="admitted 100 shadow",
            candidate="denied MAX_ORDER_SIZE: order size 100 is over max_order_size 50 (gateway)",
        )
        for number, account in enumerate(accounts, start=1)
    )
    notional = HUNDRED * PRICE * len(accounts)
    report = CandidateReport(
        revision="limits abc, policies enforced",
        since_seq=0,
        since_ns=NOW_NS,
        seq=10,
        head_seq=12,
        orders=5,
        totals={DifferenceKind.DENIES: KindTotal(orders=len(accounts), notional=notional)},
        rules=(RuleTally(kind=DifferenceKind.DENIES, rule="MAX_ORDER_SIZE", orders=len(accounts), notional=notional),),
        examples=examples,
    )
    return CandidateStatus(
        name="tighter", policies="", limits="risk_candidate.yaml", state=CandidateState.RUNNING, report=report
    )
