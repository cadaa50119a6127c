"""What holds for every market and every run of orders, found by trying many."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.venues.simulator.matcher import Matcher
from gateway.adapters.venues.simulator.model import MatchingModel
from gateway.domain.enums import TERMINAL_STATUSES, ExecType, OrdType, Side, TimeInForce
from gateway.domain.executions import ExecutionReport
from gateway.domain.market import DepthUpdate, MarketUpdate, PriceLevel, Quote, TradeTick
from gateway.domain.settings import SimulatorSettings
from tests.simulator.stories import INSTRUMENTS, MIDNIGHT_NS, MS, D, make_ticket

LATENT = SimulatorSettings(order_latency_ms=D(3), report_latency_ms=D(2), latency_jitter=D("0.5"))
_ENDS = {ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED}

_px = st.integers(96, 104)
_qty = st.integers(1, 9)
_side = st.sampled_from(Side)
_quotes = st.tuples(st.just("quote"), _px, st.integers(1, 3), _qty, _qty)
_trades = st.tuples(st.just("trade"), _px, _qty, st.booleans())
_depths = st.tuples(st.just("depth"), st.lists(st.tuples(_px, st.integers(0, 9)), max_size=4), st.booleans())
_orders = st.tuples(
    st.just("order"),
    _side,
    st.integers(1, 20),
    st.sampled_from(
        [
            OrdType.MARKET,
            OrdType.LIMIT,
            OrdType.LIMIT,
            OrdType.STOP,
            OrdType.STOP_LIMIT,
            OrdType.TRAILING_STOP,
        ]
    ),
    _px,
    st.sampled_from([TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD]),
    st.booleans(),
)
_changes = st.tuples(st.sampled_from(["cancel", "replace"]), st.integers(0, 20), st.integers(1, 20), _px)
_waits = st.tuples(st.just("wait"), st.integers(0, 40))
_step = st.one_of(_quotes, _quotes, _trades, _trades, _depths, _orders, _orders, _changes, _waits)
Step = tuple[Any, ...]
_runs = st.lists(_step, max_size=40)


def play(
    steps: list[Step], settings: SimulatorSettings = LATENT
) -> tuple[list[ExecutionReport], list[Any], list[MarketUpdate]]:
    """Play a run; returns what was reported, the tickets sent and the market updates shown."""
    model = MatchingModel(INSTRUMENTS, settings)
    now_ns = MIDNIGHT_NS
    reports: list[ExecutionReport] = []
    tickets: list[Any] = []
    shown: list[MarketUpdate] = []
    for step in [("quote", 99, 2, 5, 5), *steps]:
        now_ns += MS
        kind = step[0]
        if kind == "wait":
            now_ns += step[1] * MS
        elif kind == "order":
            tickets.append(_ticket(f"o{len(tickets)}", now_ns, *step[1:]))
            model.submit(tickets[-1], now_ns)
        elif kind in ("cancel", "replace"):
            if not tickets:
                continue
            ticket = tickets[step[1] % len(tickets)]
            if kind == "cancel":
                model.cancel(ticket, now_ns)
            else:
                model.replace(ticket, D(step[2]), D(step[3]), None, now_ns)
        else:
            shown.append(_update(step, now_ns))
            model.on_market(shown[-1], now_ns)
        reports.extend(model.advance(now_ns))
    reports.extend(model.advance(now_ns + 1_000 * MS))
    return reports, tickets, shown


def _ticket(
    order_id: str, now_ns: int, side: Side, qty: int, kind: OrdType, px: int, tif: TimeInForce, is_twin: bool
) -> Any:
    has_limit = kind in (OrdType.LIMIT, OrdType.STOP_LIMIT)
    terms: dict[str, Any] = {"ord_type": kind, "time_in_force": tif, "is_twin": is_twin}
    if kind in (OrdType.STOP, OrdType.STOP_LIMIT):
        terms["stop_px"] = px
    if kind is OrdType.TRAILING_STOP:
        terms["trailing_amount"] = 1
    if tif is TimeInForce.GTD:
        terms["expire_ns"] = now_ns + 60 * MS
    return make_ticket(order_id, side, qty, px if has_limit else None, **terms)


def _update(step: Step, now_ns: int) -> MarketUpdate:
    if step[0] == "quote":
        _, bid, spread, bid_qty, ask_qty = step
        return Quote("ACME", D(bid), D(bid_qty), D(bid + spread), D(ask_qty), None, None, now_ns, now_ns)
    if step[0] == "trade":
        _, px, qty, is_buyer_maker = step
        return TradeTick("ACME", D(px), D(qty), now_ns, now_ns, is_buyer_maker)
    _, pairs, is_snapshot = step
    unique = dict(pairs)
    bids = tuple(PriceLevel(D(px), D(qty)) for px, qty in unique.items() if px < 100)
    asks = tuple(PriceLevel(D(px), D(qty)) for px, qty in unique.items() if px >= 100)
    return DepthUpdate("ACME", bids, asks, now_ns, now_ns, is_snapshot)


@given(_runs)
def test_the_life_of_every_order_is_lawful(steps: list[Step]) -> None:
    """0 <= cum <= qty, fills only between NEW and the end, one end at most, exec ids never twice."""
    reports, tickets, _ = play(steps)
    ids = [report.exec_id for report in reports if report.exec_type is ExecType.TRADE]
    assert len(ids) == len(set(ids))
    for ticket in tickets:
        own = [report for report in reports if report.order_id == ticket.order_id]
        qty, cum, is_new, is_over = ticket.order_qty, D(0), False, False
        for report in own:
            if report.exec_type is ExecType.NEW:
                assert not is_new
                is_new = True
            elif report.exec_type is ExecType.TRADE:
                assert is_new
                assert not is_over
                assert report.last_qty > 0
                cum += report.last_qty
                is_over = cum == qty
            elif report.exec_type is ExecType.REPLACED:
                assert not is_over
                assert report.order_qty is not None
                qty = report.order_qty
                assert cum < qty
            elif report.exec_type in _ENDS:
                assert not is_over
                is_over = True
            assert 0 <= cum <= qty
            assert report.is_twin == ticket.is_twin


@given(_runs)
def test_no_fill_is_worse_than_the_limit(steps: list[Step]) -> None:
    """A limit is a promise, after a replace as well."""
    reports, tickets, _ = play(steps)
    limits = {ticket.order_id: ticket.limit_px for ticket in tickets}
    sides = {ticket.order_id: ticket.side for ticket in tickets}
    for report in reports:
        if report.exec_type is ExecType.REPLACED:
            limits[report.order_id] = report.limit_px
        limit = limits[report.order_id]
        if report.exec_type is ExecType.TRADE and limit is not None:
            assert (report.last_px - limit) * sides[report.order_id].sign <= 0


@given(_runs)
def test_no_more_is_taken_than_was_shown(steps: list[Step]) -> None:
    """Per pool and side: takers cannot have taken more than every showing of every level adds up to, nor makers
    been given more than that and all the trades there were."""
    reports, tickets, shown = play(steps)
    offered: dict[Side, Decimal] = defaultdict(Decimal)
    traded = Decimal(0)
    for update in shown:
        if isinstance(update, Quote):
            offered[Side.BUY] += update.ask_qty or 0
            offered[Side.SELL] += update.bid_qty or 0
        elif isinstance(update, TradeTick):
            traded += update.qty
        else:
            offered[Side.BUY] += sum((level.qty for level in update.asks), D(0))
            offered[Side.SELL] += sum((level.qty for level in update.bids), D(0))
    of = {ticket.order_id: ticket for ticket in tickets}
    taken: dict[tuple[Side, bool], Decimal] = defaultdict(Decimal)
    made: dict[bool, Decimal] = defaultdict(Decimal)
    for report in reports:
        if report.exec_type is ExecType.TRADE:
            ticket = of[report.order_id]
            if report.is_maker:
                made[ticket.is_twin] += report.last_qty
            else:
                taken[ticket.side, ticket.is_twin] += report.last_qty
    for (side, _), qty in taken.items():
        assert qty <= offered[side]
    for qty in made.values():
        assert qty <= traded + offered[Side.BUY] + offered[Side.SELL]


@given(_qty, st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_one_showing_is_taken_once(shown_qty: int, wanted: list[int]) -> None:
    """The sharp form of the above: however many orders want it, a level of n gives n."""
    steps: list[Step] = [("quote", 99, 2, 5, shown_qty)]
    steps += [("order", Side.BUY, qty, OrdType.MARKET, 0, TimeInForce.DAY, False) for qty in wanted]
    reports, _, _ = play([("quote", 90, 2, 5, 1), *steps])
    total = sum((report.last_qty for report in reports if report.exec_type is ExecType.TRADE), D(0))
    assert total == min(sum(wanted), shown_qty)


@given(_runs)
def test_the_same_run_gives_the_same_bytes(steps: list[Step]) -> None:
    """A simulation that cannot be repeated cannot be argued about."""
    first, second = play(steps)[0], play(steps)[0]
    assert msgspec.json.encode(first) == msgspec.json.encode(second)


@given(_runs, st.integers(1, 10))
def test_it_does_not_matter_how_often_anyone_looks(steps: list[Step], seed: int) -> None:
    """Timers come late on a busy machine; what happened must not depend on it."""
    settings = msgspec.structs.replace(LATENT, seed=seed)
    lazy = MatchingModel(INSTRUMENTS, settings)
    reports, tickets, _ = play(steps, settings)
    # The same calls once more, with nobody asking for reports before the end.
    now_ns, sent = MIDNIGHT_NS, 0
    for step in [("quote", 99, 2, 5, 5), *steps]:
        now_ns += MS
        if step[0] == "wait":
            now_ns += step[1] * MS
        elif step[0] == "order":
            lazy.submit(tickets[sent], now_ns)
            sent += 1
        elif step[0] in ("cancel", "replace"):
            if not sent:
                continue
            ticket = tickets[step[1] % sent]
            if step[0] == "cancel":
                lazy.cancel(ticket, now_ns)
            else:
                lazy.replace(ticket, D(step[2]), D(step[3]), None, now_ns)
        else:
            lazy.on_market(_update(step, now_ns), now_ns)
    assert list(lazy.advance(now_ns + 1_000 * MS)) == reports


def test_the_kinds_of_end_are_those_of_the_contract() -> None:
    """If the domain learns a new terminal status, the properties above must learn it too."""
    assert {str(kind) for kind in _ENDS} | {"filled", "denied"} == {str(one) for one in TERMINAL_STATUSES}


_far_orders = st.tuples(
    st.just("order"),
    _side,
    st.integers(1, 20),
    st.just(OrdType.LIMIT),
    st.integers(90, 110),
    st.just(TimeInForce.GTC),
    st.booleans(),
)


@given(st.lists(st.one_of(_quotes, _quotes, _depths, _depths, _trades, _far_orders, _orders), max_size=60))
def test_looking_away_from_what_is_out_of_reach_changes_nothing(steps: list[Step]) -> None:
    """Without this, an order far from the market could miss that the market came to it."""
    seen = play(steps)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Matcher, "_is_out_of_reach", lambda self, update: False)
        assert play(steps)[0] == seen
