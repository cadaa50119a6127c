"""Positions, portfolios, sessions, the trading switch, and what the gateway says of itself."""

import re
from decimal import Decimal

import msgspec
import pytest

from gateway.domain.enums import Role, Route, ScopeKind, TradingState
from gateway.ports.intake import ControlRefused, NotAccepting
from gateway.ports.read_model import BreakerView, StopView
from tests.fakes.gateway_samples import portfolio_view, position_view, venue_mode
from tests.http.desk import Desk, principal

SESSION = "/api/trading/session"
TRADING = "/api/trading/trading"


async def test_positions_are_filtered_by_each_parameter() -> None:
    """Live and simulated positions in one list are only useful if they can be told apart; and a venue in capitals,
    as the configuration may have it, must not look as if nothing were held there."""
    async with Desk() as desk:
        desk.fake.holdings = (
            position_view("a", "s1"),
            position_view("a", "s2", "MSFT", "live"),
            position_view("b", "s1", "BTC/USDT"),
        )
        for query, count in (
            ("", 3),
            ("?book=live", 1),
            ("?account=a", 2),
            ("?strategy_id=s1", 2),
            ("?symbol=BTC/USDT", 1),
            ("?venue=binance", 0),
            ("?venue=IBKR", 3),
            ("?account=a&book=shadow", 1),
        ):
            answer = await desk.ask("GET", f"/api/trading/positions{query}")
            assert len(answer.json["positions"]) == count, query
        assert (await desk.ask("GET", "/api/trading/positions?book=paper")).status == 400


async def test_the_portfolio_shows_accounts_with_their_positions() -> None:
    """The seed's two calls: positions alone, and the snapshot of both."""
    async with Desk() as desk:
        desk.fake.accounts = (portfolio_view("a"), portfolio_view("a", "live"), portfolio_view("b"))
        desk.fake.holdings = (position_view("a", "s1"), position_view("b", "s1"))
        whole = (await desk.ask("GET", "/api/trading/portfolio")).json
        one = (await desk.ask("GET", "/api/trading/portfolio?account=a&book=shadow")).json
    assert (len(whole["portfolio"]), len(whole["positions"])) == (3, 2)
    assert [(view["account"], view["book"]) for view in one["portfolio"]] == [("a", "shadow")]
    assert [view["account"] for view in one["positions"]] == ["a"]


async def test_a_restricted_key_sees_only_its_books() -> None:
    """Another desk's positions are what a competitor would pay for."""
    own = principal("own", Role.VIEWER, accounts=("a",), strategies=("s1",))
    async with Desk(own) as desk:
        desk.fake.accounts = (portfolio_view("a"), portfolio_view("b"))
        desk.fake.holdings = (position_view("a", "s1"), position_view("a", "s2"), position_view("b", "s1"))
        found = (await desk.ask("GET", "/api/trading/portfolio", key="own")).json
    assert [view["account"] for view in found["portfolio"]] == ["a"]
    assert [(view["account"], view["strategy_id"]) for view in found["positions"]] == [("a", "s1")]


async def test_a_session_starts_shows_and_ends() -> None:
    """The life of a session as the user's document calls it: strategies that are written after it would fail on any
    step."""
    async with Desk() as desk:
        before = (await desk.ask("GET", f"{SESSION}/status")).json
        body = {"mode": "paper", "strategies": ["strategy_001", "strategy_002"]}
        started = await desk.ask("POST", f"{SESSION}/start", body)
        during = (await desk.ask("GET", f"{SESSION}/status")).json
        ended = await desk.ask("POST", f"{SESSION}/end")
        twice = await desk.ask("POST", f"{SESSION}/end")
    assert before == {"session": None, "trading_state": "active"}
    assert started.status == 200
    assert started.json["session"]["strategies"] == ["strategy_001", "strategy_002"]
    assert started.json["session"]["mode"] == "paper"
    assert during["session"]["started_by"] == "local"
    assert ended.json["session"]["ended_at"] is not None
    assert (twice.status, twice.json["code"]) == (409, "SESSION_NOT_OPEN")


@pytest.mark.parametrize(
    ("wish", "modes", "status"),
    [
        ("paper", ("SHADOW", "SHADOW"), 200),
        ("paper", ("SHADOW", "CANARY"), 409),
        ("paper", ("LIVE", "SHADOW"), 409),
        ("live", ("SHADOW", "CANARY"), 200),
        ("live", ("SHADOW", "SHADOW"), 409),
        (None, ("LIVE", "LIVE"), 200),
    ],
)
async def test_a_session_that_expects_other_modes_is_refused(
    wish: str | None, modes: tuple[str, ...], status: int
) -> None:
    """A strategy that believes it trades on paper must not find out at the venue."""
    async with Desk() as desk:
        desk.fake.venues = tuple(venue_mode(f"v{number}", mode) for number, mode in enumerate(modes))
        answer = await desk.ask("POST", f"{SESSION}/start", {"mode": wish})
    assert answer.status == status
    if status == 409:
        assert answer.json["code"] == "SESSION_MODE_MISMATCH"
        assert desk.fake.calls == []


async def test_trading_is_switched_with_and_without_a_reason() -> None:
    """The kill switch must work with the barest request there is: a POST without a body."""
    async with Desk() as desk:
        halted = await desk.ask("POST", f"{TRADING}/disable")
        reducing = await desk.ask("POST", f"{TRADING}/disable", {"state": "reducing", "reason": "drill\n2"})
        active = await desk.ask("POST", f"{TRADING}/enable", {"reason": "drill over"})
    whole = {"scope": "gateway", "id": ""}
    assert (halted.status, halted.json) == (200, {"trading_state": "halted", "reason": "", **whole})
    assert reducing.json == {"trading_state": "reducing", "reason": "drill 2", **whole}
    assert active.json["trading_state"] == "active"
    assert [call[1] for call in desk.fake.calls] == [
        (TradingState.HALTED, ""),
        (TradingState.REDUCING, "drill 2"),
        (TradingState.ACTIVE, "drill over"),
    ]


async def test_a_refused_switch_says_so() -> None:
    """An operator must not believe that trading was enabled when it was not."""
    async with Desk() as desk:
        desk.fake.failure = NotAccepting("stopping", "the gateway is stopping")
        assert (await desk.ask("POST", f"{TRADING}/enable")).json["reason"] == "stopping"


async def test_the_gateway_describes_itself() -> None:
    """The debug commands of the user's document: without them nobody sees from outside which venues and modes are in
    force."""
    async with Desk() as desk:
        modes = (await desk.ask("GET", "/api/trading/modes")).json
        connections = (await desk.ask("GET", "/api/trading/connections")).json["connections"]
        statistics = (await desk.ask("GET", "/api/trading/statistics")).json
    assert [venue["effective_mode"] for venue in modes["venues"]] == ["SHADOW", "SHADOW"]
    assert connections[0]["since"] == "2023-11-14T22:13:20.000000Z"
    assert statistics == {"statistics": {"orders": {"received": 0}}}


async def test_breakers_are_listed_reset_and_pressed() -> None:
    """Without this, nobody could see why trading stopped, or let it go on."""
    path = "/api/trading/circuit-breakers"
    async with Desk() as desk:
        desk.fake.tripped = (
            BreakerView(
                id="concentration:live:default/BTC/USDT",
                breaker="concentration",
                state="tripped",
                book="live",
                scope="symbol",
                scope_id="default|BTC/USDT",
                value="0.31",
                threshold="0.3",
                action="reduce_only",
                does="only orders that reduce a position pass",
                cause="31 of 100",
                by="system",
                resets="below 0.25 or by hand",
                since_ns=1_000_000_000,
                resets_ns=None,
            ),
        )
        (listed,) = (await desk.ask("GET", path)).json["circuit_breakers"]
        plain = await desk.ask("POST", f"{path}/daily_loss/reset")
        wish = {"force": True, "reason": "known"}
        slash = await desk.ask("POST", f"{path}/concentration:live:default%2FBTC/USDT/reset", wish)
        silent = await desk.ask("POST", f"{path}/daily_loss/reset", {"force": True})
        desk.fake.failure = ControlRefused("BREAKER_CAUSE_LASTS", "at 6%")
        refused = await desk.ask("POST", f"{path}/daily_loss/reset")
        desk.fake.failure = None
        pressed = await desk.ask("POST", f"{TRADING}/emergency-shutdown", {"reason": "all of it"})
    assert (listed["since"], listed["resets_at"]) == ("1970-01-01T00:00:01.000000Z", None)
    assert (listed["value"], listed["state"]) == ("0.31", "tripped")
    assert (plain.status, slash.status, pressed.status) == (200, 200, 200)
    assert (silent.status, silent.json["errors"][0]["field"]) == (400, "reason")
    assert (refused.status, refused.json["code"]) == (409, "BREAKER_CAUSE_LASTS")
    assert [call for call in desk.fake.calls if "market" not in call[0]] == [
        ("reset_breaker", ("daily_loss", "", False)),
        ("reset_breaker", ("concentration:live:default/BTC/USDT", "known", True)),
        ("reset_breaker", ("daily_loss", "", False)),
        ("shut_down", "all of it"),
    ]


async def test_unready_is_503_with_its_reasons() -> None:
    """A load balancer reads the status, a person the reasons."""
    async with Desk() as desk:
        desk.fake.health_view = msgspec.structs.replace(
            desk.fake.health_view, is_ready=False, reasons=("the journal cannot be written",)
        )
        answer = await desk.ask("GET", "/health/ready")
    assert (answer.status, answer.json["code"]) == (503, "NOT_READY")
    assert answer.json["reasons"] == ["the journal cannot be written"]


async def test_the_page_brings_everything_with_it() -> None:
    """It must work on a machine without internet, and run nothing that is not its own."""
    async with Desk() as desk:
        answer = await desk.ask("GET", "/")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert b"http://" not in answer.body
    assert b"https://" not in answer.body
    assert set(re.findall(rb'(?:src|href)="([^"]*)"', answer.body)) >= {b"/page/main.js", b"/page/page.css"}


async def test_trading_is_switched_for_one_scope_and_what_is_stopped_is_listed() -> None:
    """Without this, nobody could stop one strategy, or see who stopped it."""
    async with Desk() as desk:
        one = {"scope": "strategy", "id": "s1"}
        answer = await desk.ask("POST", f"{TRADING}/disable", {**one, "state": "reducing", "reason": "drill"})
        venue = await desk.ask("POST", f"{TRADING}/disable", {"scope": "venue", "id": "IBKR"})
        wrong = await desk.ask("POST", f"{TRADING}/disable", {"scope": "desk"})
        desk.fake.stopped = (
            StopView(
                scope="strategy",
                id="s1",
                book="both",
                trading_state="reducing",
                by="rita",
                cause="drill",
                since_ns=1_000_000_000,
            ),
        )
        listed = await desk.ask("GET", TRADING)
    assert answer.json == {"trading_state": "reducing", "reason": "drill", **one}
    assert (venue.json["scope"], venue.json["id"]) == ("venue", "ibkr")
    assert (wrong.status, wrong.json["errors"][0]["field"]) == (400, "scope")
    assert [call[1] for call in desk.fake.calls][:2] == [
        (TradingState.REDUCING, ScopeKind.STRATEGY, "s1"),
        (TradingState.HALTED, ScopeKind.VENUE, "ibkr"),
    ]
    assert listed.json == {
        "trading_state": "active",
        "flattens": [],
        "stops": [
            {
                **one,
                "book": "both",
                "trading_state": "reducing",
                "by": "rita",
                "cause": "drill",
                "since": "1970-01-01T00:00:01.000000Z",
            }
        ],
    }


async def test_flatten_takes_a_bare_request_a_scope_a_book_and_a_limit() -> None:
    """Without this, the way out of every position would need the right words in the worst minute."""
    path = f"{TRADING}/flatten"
    async with Desk() as desk:
        bare = await desk.ask("POST", path)
        wish = {"scope": "venue", "id": "IBKR", "book": "both", "order_type": "limit", "offset_bps": 25}
        narrow = await desk.ask("POST", path, wish)
        await desk.ask("POST", path, {"offset_bps": 5})
        listed = await desk.ask("GET", TRADING)
    assert (bare.status, bare.json["flatten_id"], bare.json["state"]) == (202, "f1", "running")
    assert narrow.json["books"] == ["live", "shadow"]
    assert [call[1] for call in desk.fake.calls] == [
        (ScopeKind.GATEWAY, "", (Route.LIVE,), None),
        (ScopeKind.VENUE, "ibkr", (Route.LIVE, Route.SHADOW), Decimal(25)),
        (ScopeKind.GATEWAY, "", (Route.LIVE,), Decimal(5)),
    ]
    assert listed.json["flattens"][0]["state"] == "running"


async def test_a_limit_that_would_be_no_limit_is_refused() -> None:
    """Without this, 100 % through the touch leaves a sale no price: it goes at market, which is not what was asked."""
    async with Desk() as desk:
        answer = await desk.ask("POST", f"{TRADING}/flatten", {"offset_bps": "10000"})
    assert (answer.status, desk.fake.calls) == (400, [])
    assert answer.json["errors"][0]["field"] == "offset_bps"


async def test_a_halt_that_a_file_holds_is_not_lifted_by_a_request() -> None:
    """Without this, enabling would answer 200 and the gateway would be halted again a moment later."""
    async with Desk() as desk:
        desk.fake.failure = ControlRefused("HELD_BY_FILE", "the file KILL keeps it")
        answer = await desk.ask("POST", f"{TRADING}/enable")
    assert (answer.status, answer.json["code"]) == (409, "HELD_BY_FILE")


async def test_a_key_that_is_bound_may_stop_all_and_let_go_on_only_its_own() -> None:
    """Without this, the risk manager of one account could close the positions of another."""
    people = (principal("anna", Role.RISK, accounts=("a",)), principal("rita", Role.RISK))
    flatten, enable = f"{TRADING}/flatten", f"{TRADING}/enable"
    own, other = {"scope": "account", "id": "a"}, {"scope": "account", "id": "b"}
    async with Desk(*people) as desk:
        for path, body, status in (
            (f"{TRADING}/disable", None, 200),
            (flatten, None, 403),
            (flatten, other, 403),
            (flatten, {"scope": "strategy", "id": "s1"}, 403),
            (flatten, own, 202),
            (enable, None, 403),
            (enable, own, 200),
            ("/api/trading/circuit-breakers/daily_loss/reset", None, 403),
        ):
            answer = await desk.ask("POST", path, body, key="anna")
            assert answer.status == status, (path, body, answer.body)
        assert (await desk.ask("POST", flatten, None, key="rita")).status == 202
