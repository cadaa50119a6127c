"""Keys, roles and networks: who may do what, and what a stranger learns."""

from collections.abc import Iterator

import pytest

from gateway.domain.enums import Role
from gateway.domain.settings import Principal
from tests.fakes.gateway_samples import new_order
from tests.http.desk import ORDERS, PLACE, Desk, principal

PEOPLE = (
    principal("viewer", Role.VIEWER),
    principal("trader", Role.TRADER),
    principal("risk", Role.RISK),
    principal("admin", Role.ADMIN),
)
DISABLE = "/api/trading/trading/disable"
BODY = {"symbol": "AAPL", "quantity": 1, "side": "buy", "order_type": "market"}


async def test_without_keys_the_local_program_is_admin() -> None:
    """`make run` must work at once, and the journal must say who acted."""
    async with Desk() as desk:
        order_id = (await desk.place()).json["order_id"]
        actor = desk.fake.stories[order_id].actor
    assert (actor.name, actor.role) == ("local", Role.ADMIN)


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}, {"Host": "evil.example:80"}],
)
async def test_without_keys_a_browser_page_is_no_local_program(headers: dict[str, str]) -> None:
    """Any page open on the same machine could trade otherwise (forged requests, DNS rebinding)."""
    async with Desk() as desk:
        answer = await desk.ask("POST", DISABLE, headers=headers)
    assert (answer.status, answer.json["code"]) == (403, "ORIGIN_NOT_PERMITTED")
    assert desk.fake.calls == []


async def test_without_keys_the_gateways_own_page_may_ask() -> None:
    """The page is served by this server, so its Origin is our Host."""
    async with Desk() as desk:
        assert (await desk.ask("GET", "/api/trading/modes", headers={"Origin": desk.url})).status == 200


async def test_names_of_this_machine_are_its_own_in_any_case() -> None:
    """Who types a URL in capitals is no page under a foreign name."""
    async with Desk() as desk:
        assert (await desk.ask("GET", ORDERS, headers={"Host": "LOCALHOST:8000"})).status == 200


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "KEY_MISSING"),
        ("Basic a2V5", "KEY_MISSING"),
        ("Bearer ", "KEY_MISSING"),
        ("Bearer nope", "KEY_UNKNOWN"),
        ("Bearer " + "x" * 5_000, "KEY_UNKNOWN"),
        ("Bearer ü€", "KEY_UNKNOWN"),
    ],
)
async def test_a_missing_or_unknown_key_is_401(header: str | None, code: str, caplog: pytest.LogCaptureFixture) -> None:
    """Without WWW-Authenticate a 401 is not one; a key in a log is a leak."""
    async with Desk(*PEOPLE) as desk:
        headers = {} if header is None else {"Authorization": header}
        answer = await desk.ask("POST", PLACE, BODY, headers=headers)
        assert desk.server.auth_failures()[(code.lower(),)] == 1
    assert (answer.status, answer.json["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert caplog.text == ""


def rights() -> Iterator[tuple[str, str, str, object, set[str]]]:
    """(what, method, path, body, who may)."""
    everybody = {"viewer", "trader", "risk", "admin"}
    yield "read", "GET", ORDERS, None, everybody
    yield "place", "POST", PLACE, BODY, {"trader", "admin"}
    yield "replace", "PUT", f"{ORDERS}/o1", {"quantity": 2}, {"trader", "admin"}
    yield "cancel", "DELETE", f"{ORDERS}/o1", None, {"trader", "risk", "admin"}
    yield "disable", "POST", DISABLE, None, {"risk", "admin"}
    yield "enable", "POST", "/api/trading/trading/enable", None, {"risk", "admin"}
    yield "session", "POST", "/api/trading/session/start", {}, {"risk", "admin"}


@pytest.mark.parametrize(("what", "method", "path", "body", "allowed"), list(rights()))
async def test_each_role_may_do_what_it_is_for(
    what: str, method: str, path: str, body: object, allowed: set[str]
) -> None:
    """A viewer that trades, or a risk manager that cannot stop trading, is a hole in the controls."""
    async with Desk(*PEOPLE) as desk:
        desk.fake.stories["o1"] = new_order("o1")
        for name in ("viewer", "trader", "risk", "admin"):
            answer = await desk.ask(method, path, body, name)
            assert (answer.status < 300) == (name in allowed), (what, name, answer.body)
            if name not in allowed:
                assert (answer.status, answer.json["code"]) == (403, "ROLE_NOT_PERMITTED")


async def test_a_key_is_bound_to_its_networks() -> None:
    """A stolen key must be useless elsewhere."""
    elsewhere = principal("far", Role.ADMIN, networks=("10.0.0.0/8", "2001:db8::/32"))
    here = principal("near", Role.ADMIN, networks=("127.0.0.0/8",))
    async with Desk(elsewhere, here) as desk:
        refused = await desk.ask("GET", ORDERS, key="far", headers={"X-Forwarded-For": "10.1.2.3"})
        allowed = await desk.ask("GET", ORDERS, key="near")
    assert (refused.status, refused.json["code"]) == (403, "NETWORK_NOT_PERMITTED")
    assert allowed.status == 200


async def test_a_trader_trades_only_for_his_accounts_and_strategies() -> None:
    """One desk must not be able to trade on another's account."""
    own = principal("own", Role.TRADER, accounts=("alpha", "beta"), strategies=("s1",))
    async with Desk(own) as desk:
        good = await desk.place(key="own", account="alpha", strategy_id="s1")
        account = await desk.place(key="own", account="gamma", strategy_id="s1")
        strategy = await desk.place(key="own", account="beta", strategy_id="s2")
        default = await desk.place(key="own", account=..., strategy_id=...)
    assert good.status == 201
    assert (account.status, account.json["code"]) == (403, "ACCOUNT_NOT_PERMITTED")
    assert (strategy.status, strategy.json["code"]) == (403, "STRATEGY_NOT_PERMITTED")
    assert default.json["code"] == "ACCOUNT_NOT_PERMITTED"
    assert [name for name, _ in desk.fake.calls] == ["place"]


async def test_the_only_account_of_a_key_is_its_default() -> None:
    """The user's strategies send no account; a key for one account says which."""
    async with Desk(principal("own", Role.TRADER, accounts=("alpha",), strategies=("s1",))) as desk:
        answer = await desk.place(key="own", strategy_id=...)
    assert (answer.status, answer.json["account"], answer.json["strategy_id"]) == (201, "alpha", "s1")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_anothers_order_does_not_exist(method: str) -> None:
    """403 would tell a trader which of a competitor's order ids are real."""
    async with Desk(principal("own", Role.TRADER, accounts=("alpha",))) as desk:
        desk.fake.stories["o1"] = new_order("o1", account="beta")
        answer = await desk.ask(method, f"{ORDERS}/o1", {"quantity": 1} if method == "PUT" else None, "own")
    assert (answer.status, answer.json["code"]) == (404, "ORDER_NOT_FOUND")
    assert desk.fake.calls == []


async def test_a_conflict_does_not_show_anothers_order() -> None:
    """Client order ids are per account; the earlier order may belong to a strategy this key cannot see."""
    async with Desk(principal("own", Role.TRADER, strategies=("s1",))) as desk:
        desk.fake.stories["o1"] = new_order("o1", strategy_id="s2", cl_ord_id="c-1")
        answer = await desk.place(key="own", strategy_id="s1", client_order_id="c-1")
    assert (answer.status, answer.json["code"]) == (409, "CLIENT_ORDER_ID_REUSED")
    assert "order" not in answer.json


async def test_keys_change_without_a_restart() -> None:
    """A withdrawn key must stop at once, and a new one work."""
    async with Desk(PEOPLE[1]) as desk:
        assert (await desk.place("trader")).status == 201
        desk.people = (PEOPLE[3],)
        assert (await desk.place("trader")).status == 401
        assert (await desk.place("admin")).status == 201


async def test_losing_all_keys_opens_nothing_to_the_network() -> None:
    """A reload that empties principals.yaml leaves a server without keys; only this machine may then ask."""
    async with Desk(*PEOPLE) as desk:
        desk.people = ()
        assert (await desk.ask("GET", ORDERS, headers={"Host": "gateway.example"})).status == 403


async def test_health_is_open_and_says_little_to_strangers() -> None:
    """Probes carry no key; what config errors and warnings tell is not for everybody."""
    async with Desk(*PEOPLE) as desk:
        live = await desk.ask("GET", "/health/live")
        stranger = await desk.ask("GET", "/health/ready")
        known = await desk.ask("GET", "/health/ready", key="viewer")
    assert (live.status, live.json) == (200, {"status": "live"})
    assert (stranger.status, stranger.json["warnings"], stranger.json["config_error"]) == (200, None, None)
    assert known.json["warnings"] == ["market data is synthetic"]
    assert "nobody needs to know" in known.json["config_error"]


async def test_metrics_need_no_key_from_this_machine_only() -> None:
    """A local Prometheus scrapes without a key; metrics show positions' exposure, so others need one."""
    async with Desk(*PEOPLE) as desk:
        local = await desk.ask("GET", "/metrics")
        foreign = await desk.ask("GET", "/metrics", headers={"Host": "gateway.example"})
        keyed = await desk.ask("GET", "/metrics", headers={"Host": "gateway.example"}, key="viewer")
    assert (local.status, local.body, foreign.status, keyed.status) == (200, b"up 1\n", 401, 200)
    assert local.headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_principals_are_never_more_than_a_hash() -> None:
    """The type itself has no place for a key, so nothing can log one."""
    assert "key" not in set(Principal.__struct_fields__)
