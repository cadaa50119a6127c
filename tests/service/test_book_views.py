"""Positions and accounts as people see them: by the configured method, with what the other one says beside it."""

from typing import Any

from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.domain.config import AccountConfig
from gateway.domain.enums import CostMethod, Side
from gateway.domain.events import SnapshotDue
from gateway.domain.facts import PortfolioRecorded
from gateway.domain.money import plain
from gateway.ports.read_model import PortfolioView, PositionView
from gateway.service.book_views import portfolio_views, position_views
from gateway.service.views import modes_view
from tests.fakes.outside import FixedMarket
from tests.world import D, World, trading_config


def views(world: World, market: FixedMarket) -> tuple[PositionView, PortfolioView]:
    (position,) = position_views(world.state, market, world.now_ns + 90_000_000_000)
    accounts = portfolio_views(world.state, market, world.now_ns)
    return position, next(view for view in accounts if (view.book, view.account) == ("shadow", "default"))


def bought_twice_and_sold_once(**config: Any) -> World:
    world = World(trading_config(**config))
    for px in (100, 120):
        world.fill(world.place(Side.BUY, 10), px=D(px), fee=D(1), fee_currency="BNB")
    world.fill(world.place(Side.SELL, 10), px=D(130), fee=D(2))
    return world


def test_realized_pnl_is_told_by_the_configured_method() -> None:
    """Without this, a desk that books first in, first out would see another profit than its books."""
    market = FixedMarket({"AAPL": D(125)})
    average, account = views(bought_twice_and_sold_once(), market)
    assert (average.realized_pnl, average.unrealized_pnl, average.avg_px) == ("200", "150", "110")
    assert (account.realized_pnl, account.unrealized_pnl) == ("200", "150")
    fifo, account = views(bought_twice_and_sold_once(cost_method=CostMethod.FIFO), market)
    assert (fifo.realized_pnl, fifo.unrealized_pnl, fifo.avg_px) == ("300", "50", "120")
    assert (account.realized_pnl, account.unrealized_pnl, account.equity) == ("300", "50", "100348")
    assert (fifo.realized_pnl_average, fifo.realized_pnl_fifo) == ("200", "300")
    assert (fifo.holding_s, fifo.life, fifo.executions, fifo.mae, fifo.mfe) == (90, 1, 3, "0", "400")


def test_a_fee_without_a_rate_is_shown_and_in_no_sum_until_it_has_one() -> None:
    """Without this, a fee in another currency would be added up as dollars, or silently dropped."""
    market = FixedMarket({"AAPL": D(125)})
    world = bought_twice_and_sold_once()
    position, account = views(world, market)
    assert position.fees_by_currency == account.fees_by_currency == {"BNB": "2", "USD": "2"}
    assert position.fees_without_rate == account.fees_without_rate == ("BNB",)
    assert (account.fees, account.equity) == ("2", "100348")
    world.load(trading_config(rates={"USD": D(1), "USDT": D(1), "BNB": D(500)}, revision="with BNB"))
    _, account = views(world, market)
    assert (account.fees, account.equity, account.fees_without_rate) == ("1002", "99348", ())


def test_a_currency_that_leaves_the_configuration_keeps_what_was_earned_in_it() -> None:
    """Without this, removing a rate would wipe out the profit, or the costs, of every closed position in it."""
    market = FixedMarket({})
    world = World(trading_config(rates={"USD": D(1), "USDT": D("0.5")}, revision="a"))
    world.fill(world.place(Side.BUY, 1, "BTC/USDT"), px=D(100), fee=D(2))
    world.fill(world.place(Side.SELL, 1, "BTC/USDT"), px=D(120))
    assert views(world, market)[1].equity == "100009"
    world.load(trading_config(rates={"USD": D(1)}, revision="b"))
    assert views(world, market)[1].equity == "100009"
    assert decode_snapshot(encode_snapshot(world.state)).rates["USDT"] == D("0.5")


def test_the_daily_result_of_an_account_is_that_of_its_positions() -> None:
    """Without this, positions would count their day up to the last mark and their account up to now: the two would not
    add up in one and the same answer."""
    world = World(trading_config(rates={"USD": D(1), "USDT": D("0.5")}))
    world.fill(world.place(Side.BUY, 10), px=D(100), fee=D(1))
    world.fill(world.place(Side.SELL, 1, "BTC/USDT"), px=D(60_000), fee=D(2))
    market = FixedMarket({"AAPL": D(125), "BTC/USDT": D(59_000)})
    held = position_views(world.state, market, world.now_ns)
    assert {one.symbol: one.daily_pnl for one in held} == {"AAPL": "249", "BTC/USDT": "499"}
    accounts = portfolio_views(world.state, market, world.now_ns)
    (account,) = (one for one in accounts if (one.book, one.account) == ("shadow", "default"))
    assert account.daily_pnl == "748"


def test_a_snapshot_says_what_the_portfolio_says() -> None:
    """Without this, the history of an account would count an order that rests as a position, and the portfolio not."""
    world = World(trading_config(rates={"USD": D(1), "USDT": D("0.5")}))
    world.fill(world.place(Side.BUY, 10), px=D(100), fee=D(1))
    world.fill(world.place(Side.SELL, 4), px=D(110))
    world.place(Side.BUY, 1, "BTC/USDT", limit=D(50_000))
    world.mark("AAPL", D(125))
    decision = world.send(SnapshotDue(ts_ns=world.tick()))
    (fact,) = decision.facts
    assert isinstance(fact, PortfolioRecorded)
    (point,) = (one for one in fact.points if (one.book, one.account) == ("shadow", "default"))
    _, account = views(world, FixedMarket({"AAPL": D(125)}))
    assert (account.open_orders, account.positions) == (1, 1)
    assert point.open_positions == account.positions
    told = (point.equity, point.gross, point.net, point.held, point.realized, point.fees, point.day_pnl, point.drawdown)
    shown = (account.equity, account.gross_exposure, account.net_exposure, account.held_exposure)
    shown = (*shown, account.realized_pnl, account.fees, account.daily_pnl, account.drawdown)
    assert tuple(map(plain, told)) == shown


def test_a_restart_changes_the_order_of_no_list() -> None:
    """Without this, whoever compares positions before and after a restart, line by line, would see all of them move:
    memory holds them as they came, a checkpoint by key."""
    world = World(trading_config(accounts={name: AccountConfig() for name in ("second", "default")}))
    for number in (3, 1, 11, 2):
        world.fill(world.place(strategy=f"s{number}"))
        world.fill(world.place(strategy=f"s{number}", account="second"))
    market, state = FixedMarket({"AAPL": D(125)}), world.state
    again = decode_snapshot(encode_snapshot(state))
    for told in (position_views, portfolio_views):
        assert told(state, market, world.now_ns) == told(again, market, world.now_ns)
    assert modes_view(state) == modes_view(again)
