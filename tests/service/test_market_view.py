"""The average price of a window, kept second by second, against the sum over all its seconds; and what asks for it."""

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.config import Limits, LimitTable
from gateway.domain.market import MarketPhase, MarketView, Quote
from gateway.domain.money import ratio
from gateway.service.market_view import MarketViews, PriceWindow
from tests.fakes.outside import FixedMarket, OpenCalendar, OpenSession
from tests.world import ALLOW, PRICES, World, trading_config

D = Decimal
S = 1_000_000_000


def quote(second: int, px: int) -> Quote:
    return Quote(
        symbol="AAPL",
        bid_px=D(px),
        bid_qty=D(5),
        ask_px=D(px),
        ask_qty=D(7),
        last_px=None,
        last_qty=None,
        event_ns=0,
        received_ns=second * S,
    )


@given(
    window=st.integers(1, 20),
    steps=st.lists(st.tuples(st.integers(0, 7), st.integers(1, 500), st.booleans()), min_size=1, max_size=60),
)
def test_the_average_is_that_of_every_second(window: int, steps: list[tuple[int, int, bool]]) -> None:
    """Without this, the collar would be measured from a price that never was."""
    kept, now = PriceWindow(window), 1_000
    price_at: dict[int, int] = {}
    for wait, px, is_asked in steps:
        now += wait
        kept.note(quote(now, px))
        price_at[now] = px
        if is_asked:
            begun = min(price_at)
            seconds = range(max(now - window + 1, begun), now + 1)
            standing = [price_at[max(at for at in price_at if at <= second)] for second in seconds]
            assert kept.average("AAPL", now * S) == ratio(D(sum(standing)), D(len(standing)))
    assert kept.average("TSLA", now * S) is None


def test_a_price_that_stands_is_the_average_in_the_end() -> None:
    """Without this, an hour without a quote would still be averaged with what came before it."""
    kept = PriceWindow(10)
    kept.note(quote(100, 50))
    kept.note(quote(105, 100))
    assert kept.average("AAPL", 105 * S) == ratio(D(350), D(6))
    assert kept.average("AAPL", 109 * S) == D(75)
    assert kept.average("AAPL", 114 * S) == D(100)
    assert kept.average("AAPL", 100_000 * S) == D(100)


def test_a_window_does_not_mix_the_prices_of_two_sources() -> None:
    """Without it, the collar of an order at real prices would be measured from invented ones for the rest of the
    window."""
    kept = PriceWindow(10)
    kept.note(quote(100, 50))
    kept.note(Quote("AAPL", None, None, None, None, None, None, 0, 105 * S))
    assert kept.average("AAPL", 105 * S) is None
    kept.note(quote(105, 100))
    assert kept.average("AAPL", 107 * S) == 100


def test_sizes_are_recorded_only_while_a_limit_asks_for_them() -> None:
    """Without this, every order's record would hold figures that nothing was decided by, or a limit would lack them."""
    views = MarketViews(FixedMarket(PRICES), OpenCalendar())
    config = trading_config()
    assert views.view(config, "AAPL", S).ask_qty is None
    views.follow(LimitTable(gateway=Limits(min_depth_multiple=D(2))))
    assert (views.view(config, "AAPL", S).bid_qty, views.view(config, "AAPL", S).ask_qty) == (D(1000), D(1000))


def test_delayed_prices_are_known_as_such_to_whoever_decides_by_them() -> None:
    """Without this, a live order would be judged by a price of a quarter of an hour ago that says it is 3 ms old."""
    market = FixedMarket(PRICES)
    market.is_delayed = True
    view = MarketViews(market, OpenCalendar()).view(trading_config(), "AAPL", S)
    assert (view.is_delayed, msgspec.json.decode(msgspec.json.encode(view), type=MarketView)) == (True, view)
    world = World()
    world.market["is_delayed"] = True
    documents: list[dict[str, Any]] = []
    world.policy = lambda document: documents.append(document) or ALLOW
    world.place()
    assert [document["market"]["is_delayed"] for document in documents] == [True]


def test_a_window_is_kept_only_while_a_limit_asks_for_it() -> None:
    """Without this, every quote would cost something that nobody uses, or a limit would be left without its figure."""
    market = FixedMarket(PRICES)
    views = MarketViews(market, OpenCalendar())
    config = trading_config()
    assert views.view(config, "AAPL", S).window_px is None
    views.follow(LimitTable())
    assert market.listeners == []
    asking = LimitTable(accounts={"default": Limits(price_collar_window=D("0.05"))})
    views.follow(asking)
    views.follow(asking)
    (listener,) = market.listeners
    assert views.view(config, "AAPL", S).window_px == D(180)  # what stands when the window begins
    listener(quote(100, 50))
    view = views.view(config, "AAPL", 1_000 * S)
    assert (view.window_px, view.phase) == (D(50), MarketPhase.OPEN)
    views.follow(LimitTable())
    assert market.listeners == []


def test_hours_count_where_prices_are_those_of_a_market() -> None:
    """Without this, invented prices of one venue would open an exchange at night, or real ones of another close what
    never closes."""

    class Night(OpenCalendar):
        def session(self, name: str, now_ns: int) -> OpenSession:
            session = OpenSession()
            session.is_open, session.phase = False, MarketPhase.CLOSED
            return session

    views = MarketViews(FixedMarket(PRICES), Night())
    config = trading_config(is_market_data_real=True, invented_venues=("beta",))
    assert not views.view(config, "AAPL", 0).is_open
    assert views.view(config, "BTC/USDT", 0).is_open
    assert views.view(trading_config(is_market_data_real=False), "AAPL", 0).is_open
