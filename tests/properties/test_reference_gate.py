"""The gate, which keeps sums and takes short cuts, says of every order what a second one says that recomputes all."""

from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import msgspec
import pytest

from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.domain.config import AccountConfig, Limits, LimitTable, TradingConfig
from gateway.domain.enums import ExecType, Mode, OrdType, ScopeKind, Side
from gateway.domain.events import MarksObserved, PolicyVerdict
from gateway.domain.facts import ReplaceDenied
from gateway.domain.limit_controls import LIMIT_CONTROLS
from gateway.domain.orders import Order, Reject
from tests.naive_limits import RULES, ZERO, Asked, Began, Breaches, Executed, Marked, NaiveGate, may_fill
from tests.world import ALLOW, INSTRUMENTS, World, trading_config

D = Decimal
_CHANGES: dict[str, dict[str, Any]] = {
    "AAPL": {"sector": "tech", "margin_rate": D("0.5"), "average_daily_volume": D(1_000)},
    "TSLA": {"sector": "cars", "margin_rate": D("0.25"), "currency": "EUR"},
    "ES": {"margin_rate": D("0.1"), "average_daily_volume": D(50)},
    "BTC/USDT": {"sector": "coins", "min_notional": D(0)},
}
_TERMS = {name: msgspec.structs.replace(INSTRUMENTS[name], **changes) for name, changes in _CHANGES.items()}
_LOTS = {"BTC/USDT": D("0.001")}
_RULES = {one.code.value: one.rule_id for one in LIMIT_CONTROLS}
_SCOPES = {one.rule_id: {kind.value for kind in one.scopes} for one in LIMIT_CONTROLS}
#: Values on both sides of what the stories reach.
_VALUES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("max_position_size", "max_intraday_position", "max_order_size"): ("10", "20", "40", "80"),
    ("max_position_value", "max_open_order_value", "max_order_value"): ("5000", "20000", "60000", "300000"),
    ("max_concentration", "risk_per_trade", "max_margin_use"): ("0.05", "0.2", "0.5", "0.9"),
    ("price_collar",): ("0.02", "0.04"),
    ("max_adv_participation", "max_order_adv"): ("0.01", "0.05", "0.2", "0.5"),
    ("max_leverage", "max_portfolio_exposure"): ("0.2", "0.8", "2", "5"),
    ("max_gross_exposure", "max_net_exposure"): ("0.3", "0.9", "20000", "200000"),
    ("max_open_orders", "max_open_positions"): ("1", "3", "6"),
    ("daily_loss_limit",): ("0.01", "0.05", "500", "4000"),
    ("max_drawdown",): ("0.02", "0.1"),
    ("min_buying_power", "min_account_balance"): ("0", "60000", "95000"),
}


def _limits(random: Random, kind: ScopeKind) -> Limits:
    """Few of them: in more, one would always hide the others."""
    chosen = {
        rule: D(random.choice(values))
        for rules, values in _VALUES.items()
        for rule in rules
        if kind.value in _SCOPES[rule] and random.random() < 0.1
    }
    return Limits(**chosen)


def _table(random: Random) -> LimitTable:
    def some(kind: ScopeKind, *names: str) -> dict[str, Limits]:
        return {name: _limits(random, kind) for name in names if random.random() < 0.5}

    return LimitTable(
        gateway=_limits(random, ScopeKind.GATEWAY),
        accounts=some(ScopeKind.ACCOUNT, "default", "second"),
        strategies=some(ScopeKind.STRATEGY, "s1", "s2"),
        venues=some(ScopeKind.VENUE, "alpha", "beta"),
        symbols=some(ScopeKind.SYMBOL, *_TERMS),
        sectors=some(ScopeKind.SECTOR, "tech", "cars", "coins"),
        asset_classes=some(ScopeKind.ASSET_CLASS, "equity", "future"),
        stop_loss_percentage=D("0.08"),
    )


class Story:
    """One life of a gateway, told to both gates."""

    def __init__(self, seed: int) -> None:
        self.random, self.naive = Random(seed), NaiveGate()
        self.mode = self.random.choice([Mode.SHADOW, Mode.LIVE])
        self.rates = {"USD": D(1), "USDT": D(1), "EUR": D("1.1")}
        self.table, self.cash = _table(self.random), D(100_000)
        self.world = World(self._config())
        self.days = dict.fromkeys(("alpha", "beta"), self.world.now_ns // 86_400_000_000_000 + 1)
        self.denied = self.admitted = self.changed = self.kept = 0
        self._begin()

    def _config(self) -> TradingConfig:
        return trading_config(
            self.mode,
            instruments=_TERMS,
            rates=dict(self.rates),
            table=self.table,
            accounts={name: AccountConfig(initial_cash=self.cash) for name in ("default", "second")},
            revision=str(self.random.random()),
        )

    def live(self, steps: int) -> None:
        kinds = (self.place, self.place, self.fill, self.fill, self.end, self.mark, self.day, self.edit, self.change)
        for _ in range(steps):
            self.random.choice(kinds)()
        self.world.state = decode_snapshot(encode_snapshot(self.world.state))

    def _open(self) -> Order | None:
        orders = self.world.state.open_orders()
        return self.random.choice(orders) if orders else None

    def place(self) -> None:
        random, world = self.random, self.world
        symbol, side = random.choice(list(_TERMS)), random.choice(list(Side))
        key = random.choice(["default", "second"]), random.choice(["s1", "s2"]), symbol
        qty = random.randint(1, 30) * _LOTS.get(symbol, D(1))
        market = world.prices[symbol]
        near = _on_tick(market * D(random.choice(["0.9", "1", "1.05"])))
        kinds: list[dict[str, Any]] = [{}, {"limit": near}, {"ord_type": OrdType.STOP, "stop_px": near}]
        terms = random.choice(kinds)
        limit, stop = terms.get("limit"), terms.get("stop_px")
        px = near if limit and side is Side.BUY else max(market, limit or market, stop or market)
        asked = Asked(key, side, Fraction(qty), Fraction(qty), Fraction(px), Fraction(market), limit=_exactly(limit))
        expected = self._expected(asked)
        before = set(world.state.orders)
        order = world.place(side, qty, symbol, account=key[0], strategy=key[1], **terms)
        self.naive.px.update(dict.fromkeys(world.state.orders.keys() - before, Fraction(px)))
        for leg in world.legs(order):
            wanted = expected[bool(order.leg_ids) and not leg.is_closing]
            self._same(leg.reject, wanted)
            self.denied, self.admitted = self.denied + bool(wanted), self.admitted + (not wanted)

    def _expected(self, asked: Asked) -> tuple[Breaches, Breaches]:
        """What is said of the order (of a split one: of its closing leg), and of the rest of a split one."""
        state, qty = self.world.state, asked.qty
        part = min(qty, self._closable(asked.key, asked.side))
        if not part or part == qty:
            found = self.naive.breaches(state, msgspec.structs.replace(asked, is_closing=bool(part)))
            return found, {}
        close = self.naive.breaches(state, msgspec.structs.replace(asked, qty=part, is_closing=True))
        rest = msgspec.structs.replace(asked, qty=qty - part, earlier=part, new_orders=2)
        return close, close or self.naive.breaches(state, rest)

    def _closable(self, key: tuple[str, str, str], side: Side, but: Order | None = None) -> Fraction:
        """What is held on the other side and no open order (``but`` one) closes."""
        held = self.naive.held(self.world.state.config).get(key)
        orders = [one for one in self.world.state.open_orders() if one.is_closing and _key(one) == key]
        closing = sum(may_fill(one) for one in orders if one is not but)
        return ZERO if held is None or held.qty * side.sign >= 0 else max(abs(held.qty) - closing, ZERO)

    def _same(self, reject: Reject | None, wanted: Breaches) -> None:
        found: Breaches = {}
        for one in () if reject is None else reject.breaches:
            is_unknown = one.value == "unknown"
            rule = one.limit.split()[0] if is_unknown else _RULES[one.code]
            found[(rule, one.scope.value, one.scope_id)] = None if is_unknown else Fraction(one.value)
        assert found.keys() == wanted.keys(), reject
        for limit, value in found.items():
            assert _is_near(value, wanted[limit]), (limit, value, wanted[limit])

    def fill(self) -> None:
        order = self._open()
        if order is None or not order.leaves_qty:
            return
        random = self.random
        qty = min(order.leaves_qty, random.randint(1, 20) * _LOTS.get(order.symbol, D(1)))
        px = self.world.prices[order.symbol] * D(random.choice(["0.99", "1", "1.01"]))
        fee, currency = D(random.choice(["0", "1.25"])), random.choice(["USD", "EUR"])
        self.world.fill(order, qty, px, fee=fee, fee_currency=currency)
        self.naive.history.append(Executed(_key(order), qty * order.side.sign, px, fee, currency))
        self.naive.note_peaks(self.world.state.config)

    def end(self) -> None:
        order = self._open()
        if order is not None:
            self.world.report(order, self.random.choice([ExecType.CANCELED, ExecType.EXPIRED]))

    def mark(self) -> None:
        symbol = self.random.choice(list(_TERMS))
        px = _on_tick(self.world.prices[symbol] * D(self.random.choice(["0.93", "0.98", "1.03", "1.06"])))
        self.world.mark(symbol, px)
        self.naive.history.append(Marked(symbol, px))
        self.naive.note_peaks(self.world.state.config)

    def day(self) -> None:
        if self.random.random() < 0.5:
            self._begin(*self.random.choice([("alpha",), ("beta",), ("alpha", "beta")]))

    def _begin(self, *venues: str) -> None:
        self.days |= {venue: self.days[venue] + 1 for venue in venues}
        self.world.send(MarksObserved(ts_ns=self.world.tick(), marks={}, day=1, venue_days=dict(self.days)))
        self.naive.history.append(Began(venues, dict(self.rates)))

    def edit(self) -> None:
        what = self.random.choice(["rates", "limits", "cash"])
        if what == "rates":
            self.rates |= {"USDT": D(self.random.choice(["1", "0.97"])), "EUR": D(self.random.choice(["1.1", "0.9"]))}
        elif what == "limits":
            self.table = _table(self.random)
        else:
            self.cash = D(self.random.choice([50_000, 100_000, 200_000]))
        self.world.load(self._config())
        self.naive.note_peaks(self.world.state.config)

    def change(self) -> None:
        """New terms, and the venue's word on them."""
        random, world = self.random, self.world
        orders = [one for one in world.state.open_orders() if one.limit_px is not None and one.leaves_qty]
        if not orders:
            return
        order = random.choice(orders)
        assert order.limit_px is not None
        qty = order.cum_qty + random.randint(1, 30) * _LOTS.get(order.symbol, D(1))
        limit, market = order.limit_px + random.choice([-5, 0, 5]), world.prices[order.symbol]
        px = Fraction(limit if order.side is Side.BUY else max(limit, market))
        if (qty, limit) == (order.order_qty, order.limit_px):
            return
        former, told = self.naive.px[order.order_id], len(world.records)
        asked = Asked(
            key=_key(order),
            side=order.side,
            qty=max(Fraction(qty - order.order_qty), ZERO),
            whole=Fraction(qty),
            px=px,
            market_px=Fraction(market),
            is_closing=order.is_closing,
            new_orders=0,
            limit=Fraction(limit),
            value=self._worst(order, qty, px, former) - may_fill(order) * former,
        )
        is_more = qty > order.order_qty or px > former or (limit - order.limit_px) * order.side.sign > 0
        opens = is_more and order.is_closing and qty - order.cum_qty > self._closable(asked.key, asked.side, order)
        wanted = self.naive.breaches(world.state, asked) if is_more and not opens else {}
        world.policy = lambda _: self._hold(order, asked, former, wanted)
        world.replace(order, order_qty=qty, limit_px=limit)
        world.policy = lambda _: ALLOW
        rejects = [fact.reject for one in world.records[told:] for fact in one.facts if isinstance(fact, ReplaceDenied)]
        assert (order.pending_replace is None) == bool(rejects) == bool(opens or wanted), (order, wanted)
        if rejects:
            self._same(rejects[0], wanted)
            self.naive.px[order.order_id], self.kept = former, self.kept + 1
            return
        world.report(order, ExecType.REPLACED, order_qty=qty, limit_px=limit)
        self.naive.px[order.order_id], self.changed = px, self.changed + 1

    def _worst(self, order: Order, qty: Decimal, px: Fraction, former: Fraction) -> Fraction:
        """What may fill of an order whose terms change: as much by the old ones as they leave, the rest by the new."""
        old, new = Fraction(order.order_qty - order.cum_qty), Fraction(qty - order.cum_qty)
        return max(by_old * former + max(new - by_old, ZERO) * px for by_old in (ZERO, min(old, new), old))

    def _hold(self, order: Order, asked: Asked, former: Fraction, wanted: Breaches) -> PolicyVerdict:
        """The policy is asked: the larger of old and new terms is held, and then they are measured once more, at the
        last known price."""
        assert order.pending_replace is not None
        self.naive.px[order.order_id] = max(asked.px, former)
        held = self.naive.held(self.world.state.config).get(asked.key)
        market = asked.px if held is None or not held.mark else held.mark
        worst = self._worst(order, order.pending_replace.order_qty, asked.px, former)
        too_much = may_fill(order) * max(asked.px, former) - worst
        again = msgspec.structs.replace(asked, qty=ZERO, value=-too_much, market_px=market, sees_market=False)
        wanted |= self.naive.breaches(self.world.state, again)
        return ALLOW


def _key(order: Order) -> tuple[str, str, str]:
    return order.account, order.strategy_id, order.symbol


def _is_near(found: Fraction | None, wanted: Fraction | None) -> bool:
    """The same but for the rounding of what is shown."""
    if found is None or wanted is None:
        return found is wanted
    return abs(found - wanted) <= Fraction(1, 10**12)


def _exactly(px: Decimal | None) -> Fraction | None:
    return None if px is None else Fraction(px)


def _on_tick(px: Decimal) -> Decimal:
    return (px / D("0.25")).to_integral_value() * D("0.25")


@pytest.mark.parametrize("seed", range(24))
def test_a_gate_that_recomputes_everything_finds_the_same_breaches(seed: int) -> None:
    """Without this, a sum that drifts, a scope that is left out or a share of the wrong equity would let an order pass
    that breaks a limit, or refuse one that breaks none, in just those stories that nobody thought of."""
    story = Story(seed)
    story.live(160)
    assert story.denied
    assert story.admitted


def test_every_limit_with_an_amount_is_looked_at() -> None:
    """Without this, a limit that is new would be left out here."""
    of_the_market = {"price_collar_window", "volatility_target", "max_correlation"}
    named = {one.rule_id for one in LIMIT_CONTROLS if one.rule_id.startswith("max_") or "loss" in one.rule_id}
    assert set(RULES) >= named - of_the_market - {"max_market_data_age_ms", "max_spread_bps"}
