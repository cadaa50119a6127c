"""Trading days begin at each venue's own boundary, and every daily figure follows the venue it belongs to."""

from datetime import UTC, datetime

import pytest

from gateway.adapters.config.calendars import CALENDARS, day_roll_for
from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.domain.breakers import BREAKER_DEFAULTS, BreakerKind
from gateway.domain.config import AccountConfig
from gateway.domain.days import DayRoll
from gateway.domain.enums import Mode, Route, Side
from gateway.domain.events import GatewayStarted, MarksObserved
from gateway.domain.reasons import RouteReason
from gateway.domain.rollout import CanaryCaps
from gateway.service.trading_days import gateway_day, venue_days
from tests.world import D, World, trading_config

CHICAGO = DayRoll(timezone="America/Chicago", minute=17 * 60)


def at_ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


def date_of(roll: DayRoll, text: str) -> str:
    day = venue_days(trading_config(day_rolls={"alpha": roll}), at_ns(text))["alpha"]
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()


@pytest.mark.parametrize(
    ("roll", "moment", "day"),
    [
        (DayRoll(), "2026-03-06T23:59:59", "2026-03-06"),
        (DayRoll(), "2026-03-07T00:00:00", "2026-03-07"),
        # Winter time in Chicago (UTC-6): 17:00 there is 23:00 UTC; the evening belongs to the next date.
        (CHICAGO, "2026-03-06T22:59:59", "2026-03-06"),
        (CHICAGO, "2026-03-06T23:00:00", "2026-03-07"),
        # Summer time began on March 8: now 22:00 UTC.
        (CHICAGO, "2026-03-08T21:59:59", "2026-03-08"),
        (CHICAGO, "2026-03-08T22:00:00", "2026-03-09"),
        # A boundary in the morning belongs to its own date.
        (DayRoll(timezone="Asia/Tokyo", minute=6 * 60), "2026-03-06T20:59:59", "2026-03-06"),
        (DayRoll(timezone="Asia/Tokyo", minute=6 * 60), "2026-03-06T21:00:00", "2026-03-07"),
    ],
)
def test_a_day_begins_at_the_boundary_of_the_venue(roll: DayRoll, moment: str, day: str) -> None:
    """Without this, a day's loss limit would be reset in the middle of a session, or an hour off half the year."""
    assert date_of(roll, moment) == day


def test_what_is_traded_at_a_venue_says_when_its_day_begins() -> None:
    """Without this, ES would roll at midnight UTC, in the middle of its session."""
    assert day_roll_for(["24/7"]) == DayRoll()
    assert day_roll_for(["XNYS", "CMES"]) == CHICAGO
    assert day_roll_for(["24/5", "XNYS"]) == DayRoll(timezone="America/New_York", minute=17 * 60)
    assert day_roll_for(["XNYS"]) == DayRoll(timezone="America/New_York")
    assert day_roll_for(["XTKS"]) == DayRoll(timezone="Asia/Tokyo")
    assert day_roll_for([]) == DayRoll()


def test_every_exchange_that_may_be_named_has_a_place() -> None:
    """Without this, a venue of that exchange would roll at midnight UTC without anyone having decided so."""
    assert {name for name in CALENDARS if day_roll_for([name]).timezone == "UTC"} == {"24/7"}


class TwoVenues(World):
    """ES at alpha (rolls at 17:00 in Chicago), Bitcoin at beta (rolls at midnight UTC)."""

    def __init__(self, mode: Mode = Mode.SHADOW, **config: object) -> None:
        rolled = trading_config(mode, day_rolls={"alpha": CHICAGO, "beta": DayRoll()}, **config)  # type: ignore[arg-type]
        super().__init__(rolled)
        self.now_ns = at_ns("2026-03-05T15:00:00")
        self.observe()

    def observe(self, **marks: str) -> None:
        config = self.state.config
        self.send(
            MarksObserved(
                ts_ns=self.tick(),
                marks={symbol.replace("_", "/"): D(px) for symbol, px in marks.items()},
                day=gateway_day(config, self.now_ns),
                venue_days=venue_days(config, self.now_ns),
            )
        )

    def day_pnl(self, venue: str | None = None) -> object:
        book = self.state.books[Route.SHADOW]
        return (book.gateway if venue is None else book.venues[venue]).day_pnl


def test_each_venue_starts_its_own_day_and_the_account_sums_them() -> None:
    """Without this, a loss limit would forget a loss hours early, or count yesterday's twice."""
    world = TwoVenues()
    world.fill(world.place(qty=1, symbol="ES"), px=D(5000))
    world.fill(world.place(qty=1, symbol="BTC/USDT"), px=D(60000))
    world.now_ns = at_ns("2026-03-05T22:30:00")
    world.observe(ES="4990", BTC_USDT="59000")  # -500 and -1000
    assert (world.day_pnl("alpha"), world.day_pnl("beta"), world.day_pnl()) == (-500, -1000, -1500)
    world.now_ns = at_ns("2026-03-05T23:00:00")  # 17:00 in Chicago
    world.observe()
    assert (world.day_pnl("alpha"), world.day_pnl("beta"), world.day_pnl()) == (0, -1000, -1000)
    world.observe(ES="4991")
    world.now_ns = at_ns("2026-03-06T00:00:00")
    world.observe()
    assert (world.day_pnl("alpha"), world.day_pnl("beta"), world.day_pnl()) == (50, 0, 50)
    world.now_ns = at_ns("2026-03-05T22:00:00")  # a clock that was set back begins no day
    world.observe()
    assert world.day_pnl() == 50
    restored = decode_snapshot(encode_snapshot(world.state))
    assert restored.books[Route.SHADOW].gateway.day_pnl == 50
    assert restored.books[Route.SHADOW].accounts["default"].day_pnl == 50


def test_a_start_begins_the_days_that_passed_meanwhile() -> None:
    """Without this, a gateway that was off over night would go on with yesterday's losses."""
    world = TwoVenues()
    world.fill(world.place(qty=1, symbol="ES"), px=D(5000))
    world.observe(ES="4990")
    world.now_ns = at_ns("2026-03-06T15:00:00")
    config = world.state.config
    days = {"day": gateway_day(config, world.now_ns), "venue_days": venue_days(config, world.now_ns)}
    world.send(GatewayStarted(ts_ns=world.now_ns, version="t", **days))  # type: ignore[arg-type]
    assert world.day_pnl() == 0


def test_a_loss_of_the_day_that_goes_on_at_its_venue_stays_a_loss_at_midnight() -> None:
    """Without this, the gateway's own midnight would lift the halt over a loss of a session that goes on in Chicago:
    for a second orders would pass, and then it would trip again."""
    config = BREAKER_DEFAULTS[BreakerKind.DAILY_LOSS]
    world = TwoVenues(circuit_breakers={BreakerKind.DAILY_LOSS.value: config})
    world.now_ns = at_ns("2026-03-05T23:30:00")  # the day at alpha began half an hour ago
    world.observe()
    world.fill(world.place(qty=20, symbol="ES"), px=D(5000))
    world.observe(ES="4990")  # 10,000 of 200,000: 5%
    world.check()
    assert list(world.state.breakers.trips) == ["daily_loss:shadow"]
    world.now_ns = at_ns("2026-03-06T00:00:00")
    world.observe()
    world.check()
    assert list(world.state.breakers.trips) == ["daily_loss:shadow"]
    world.now_ns = at_ns("2026-03-06T23:00:00")  # the next one begins
    world.observe()
    world.check()
    assert world.state.breakers.trips == {}


def test_canary_orders_are_counted_per_day_of_their_venue() -> None:
    """Without this, a canary at a venue could send its daily number twice within one session there."""
    world = TwoVenues(Mode.CANARY, weight_bp=10_000, caps={"alpha": CanaryCaps(max_live_orders=1)})
    assert world.place(symbol="AAPL", strategy="a").route is Route.LIVE
    world.now_ns = at_ns("2026-03-05T22:59:00")
    world.observe()
    assert world.place(symbol="AAPL", strategy="b").route_reason is RouteReason.CANARY_CAP_ORDERS
    world.now_ns = at_ns("2026-03-05T23:00:00")
    world.observe()
    assert world.place(symbol="AAPL", strategy="c").route is Route.LIVE


def test_the_first_day_of_a_new_venue_takes_nothing_back() -> None:
    """Without this, what was lost at a venue within a second of its first order would not count in its day."""
    world = World()
    world.fill(world.place(qty=10), px=D(180))
    world.mark("AAPL", D(170))  # carries alpha's first day
    assert world.state.books[Route.SHADOW].gateway.day_pnl == -100


def test_drawdown_is_from_the_peak_and_deposits_are_no_profit() -> None:
    """Without this, paying money in would hide a drawdown, and paying it out would trip a breaker."""
    world = World()
    world.fill(world.place(qty=100), px=D(180))
    world.mark("AAPL", D(190))
    world.mark("AAPL", D(170))
    account = world.state.books[Route.SHADOW].accounts["default"]
    assert (account.peak_pnl, account.drawdown, account.highs.max_drawdown) == (1000, 2000, 2000)
    assert world.state.drawdown(Route.SHADOW, "default") == D("0.019801980198")  # 2000 of 101,000
    world.load(trading_config(accounts={"default": AccountConfig(initial_cash=D(199_000))}, revision="paid in"))
    assert (account.peak_pnl, account.drawdown) == (1000, 2000)
    assert world.state.drawdown(Route.SHADOW, "default") == D("0.01")
    world.fill(world.place(Side.SELL, 100), px=D(180))
    again = decode_snapshot(encode_snapshot(world.state)).books[Route.SHADOW].accounts["default"]
    assert (again.peak_pnl, again.drawdown, again.highs.max_drawdown) == (1000, 1000, 2000)


def test_a_hedge_that_is_valued_leg_by_leg_makes_no_peak() -> None:
    """Without this, two positions that cancel out would leave a peak that nobody ever owned."""
    world = World()
    world.fill(world.place(Side.BUY, 100, "AAPL"), px=D(180))
    world.fill(world.place(Side.SELL, 100, "TSLA"), px=D(250))
    world.send(MarksObserved(ts_ns=world.tick(), marks={"AAPL": D(190), "TSLA": D(260)}))
    gateway = world.state.books[Route.SHADOW].gateway
    assert (gateway.pnl, gateway.peak_pnl, gateway.drawdown) == (0, 0, 0)
