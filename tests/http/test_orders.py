"""Orders over a real socket: every status of the contract, and the exact shape of what comes back."""

import asyncio
from typing import Any

import pytest

from gateway.domain.enums import OrdStatus, Route
from gateway.ports.intake import NotAccepting
from gateway.ports.journal import JournalBroken, JournalUnavailable
from tests.fakes.gateway import D
from tests.fakes.gateway_samples import new_order
from tests.http.desk import ORDERS, PLACE, Desk

CONTRACT_FIELDS = (
    "order_id client_order_id ord_status route mode venue account strategy_id symbol side order_qty cum_qty "
    "leaves_qty avg_px reject fills created_at updated_at"
).split()


async def test_a_new_order_is_created_with_all_fields_of_the_contract() -> None:
    """Clients are written against these field names, string decimals and moments; a rename would break them."""
    async with Desk() as desk:
        answer = await desk.place(client_order_id="c-1")
        order = answer.json
    assert answer.status == 201
    assert answer.headers["Location"] == f"{ORDERS}/{order['order_id']}"
    assert set(CONTRACT_FIELDS) <= set(order)
    assert (order["order_qty"], order["cum_qty"], order["leaves_qty"], order["avg_px"]) == ("100", "0", "100", None)
    assert (order["limit_price"], order["side"], order["time_in_force"]) == ("150.25", "buy", "day")
    assert order["created_at"] == "2023-11-14T22:13:20.000000Z"
    assert order["reject"] is None


async def test_the_seed_documents_own_example_is_accepted() -> None:
    """The user's strategies send exactly this; a gateway that refuses it is no replacement."""
    async with Desk() as desk:
        answer = await desk.place(limit_price=150.00, execution_algorithm="vwap")
    assert answer.status == 201
    assert answer.json["execution_algorithm"] == "vwap"


async def test_the_same_client_order_id_is_answered_by_its_content() -> None:
    """A client that repeats after a timeout must get its order (200), one that errs a conflict (409)."""
    async with Desk() as desk:
        first = await desk.place(client_order_id="c-1", quantity="100")
        again = await desk.place(client_order_id="c-1", quantity=100)
        other = await desk.place(client_order_id="c-1", quantity=101)
    assert (first.status, again.status, other.status) == (201, 200, 409)
    assert again.json["order_id"] == first.json["order_id"]
    assert other.headers["Content-Type"] == "application/problem+json"
    assert other.json["code"] == "CLIENT_ORDER_ID_REUSED"
    assert other.json["order"]["order_id"] == first.json["order_id"]


async def test_a_denied_order_comes_back_with_its_reason() -> None:
    """422 must carry both the recorded order and the stable code, or the client cannot tell why."""
    async with Desk() as desk:
        desk.fake.deny_above = D(10)
        answer = await desk.place()
    problem = answer.json
    assert answer.status == 422
    assert (problem["code"], problem["stage"]) == ("MAX_ORDER_SIZE", "risk")
    assert problem["order"]["ord_status"] == "denied"
    assert problem["order"]["reject"]["context"] == {"limit": "10"}
    assert problem["order"]["reject"]["breaches"][0]["value"] == "100"
    assert problem["order"]["leaves_qty"] == "0"


async def test_a_shape_rule_of_the_service_is_a_400_with_its_field() -> None:
    """The service finds what decoding cannot; its words must reach the client the same way."""
    async with Desk() as desk:
        answer = await desk.place(limit_price=...)
    assert answer.status == 400
    assert answer.json["code"] == "REQUEST_INVALID"
    assert answer.json["errors"][0]["field"] == "limit_price"


async def test_a_fill_shows_in_the_order() -> None:
    """avg_px, cum_qty and fills are what a strategy books from."""
    async with Desk() as desk:
        order_id = (await desk.place()).json["order_id"]
        await desk.fake.fill(order_id, D(40), D("150.10"))
        await desk.fake.fill(order_id, D(20), D("150.25"))
        order = (await desk.ask("GET", f"{ORDERS}/{order_id}")).json
    assert (order["ord_status"], order["cum_qty"], order["leaves_qty"]) == ("partially_filled", "60", "40")
    assert order["avg_px"] == "150.15"
    assert order["fills"][0] == {
        "exec_id": "x1",
        "last_qty": "40",
        "last_px": "150.1",
        "transact_time": "2023-11-14T22:13:20.000000Z",
        "fee": "0.35",
        "fee_currency": "USD",
        "is_maker": False,
    }


async def test_cancel_and_replace_are_taken_and_shown_as_pending() -> None:
    """202 means asked, not done: the status must say pending until the venue answers."""
    async with Desk() as desk:
        order_id = (await desk.place()).json["order_id"]
        replaced = await desk.ask("PUT", f"{ORDERS}/{order_id}", {"quantity": "150"})
        canceled = await desk.ask("DELETE", f"{ORDERS}/{order_id}")
    assert (replaced.status, replaced.json["ord_status"]) == (202, "pending_replace")
    assert (canceled.status, canceled.json["ord_status"]) == (202, "pending_cancel")


async def test_a_finished_order_refuses_cancel_and_replace() -> None:
    """409 with the order tells the client that there is nothing left to cancel, and what became of it."""
    async with Desk() as desk:
        order_id = (await desk.place()).json["order_id"]
        await desk.fake.fill(order_id, D(100), D(150))
        canceled = await desk.ask("DELETE", f"{ORDERS}/{order_id}")
        replaced = await desk.ask("PUT", f"{ORDERS}/{order_id}", {"limit_price": 1})
    for answer in (canceled, replaced):
        assert answer.status == 409
        assert answer.json["code"] == "ORDER_NOT_OPEN"
        assert answer.json["order"]["ord_status"] == "filled"


async def test_a_replace_can_be_denied() -> None:
    """Without this, a client would take new terms for working that a limit refused."""
    async with Desk() as desk:
        order_id = (await desk.place()).json["order_id"]
        desk.fake.deny_above = D(120)
        answer = await desk.ask("PUT", f"{ORDERS}/{order_id}", {"quantity": 121})
    assert (answer.status, answer.json["code"]) == (422, "MAX_ORDER_SIZE")


async def test_a_replace_must_change_something() -> None:
    """An empty replace is a client's mistake, not a request to the venue."""
    async with Desk() as desk:
        order_id = (await desk.place()).json["order_id"]
        for body in ({}, {"quantity": None}):
            answer = await desk.ask("PUT", f"{ORDERS}/{order_id}", body)
            assert (answer.status, answer.json["errors"][0]["rule"]) == (400, "must change something")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_an_unknown_order_is_404(method: str) -> None:
    """An order that never was must not look like one that failed."""
    async with Desk() as desk:
        answer = await desk.ask(method, f"{ORDERS}/nope", {"quantity": 1} if method == "PUT" else None)
    assert (answer.status, answer.json["code"]) == (404, "ORDER_NOT_FOUND")


async def test_not_accepting_is_503_with_reason_and_retry_after() -> None:
    """Clients decide by this whether to wait or to go elsewhere."""
    async with Desk() as desk:
        desk.fake.failure = NotAccepting("journal_unavailable", "disk full")
        for method, path in (("POST", PLACE), ("DELETE", f"{ORDERS}/o1")):
            answer = await desk.ask(method, path, {**_body()} if method == "POST" else None)
            assert answer.status == 503
            assert (answer.json["code"], answer.json["reason"]) == ("NOT_ACCEPTING", "journal_unavailable")
            assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("error", [JournalUnavailable("the disk reports an error"), JournalBroken("it is malformed")])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{ORDERS}/o1"),
        ("GET", f"{ORDERS}/o1/story"),
        ("GET", ORDERS),
        ("GET", "/api/trading/positions/closed"),
        ("DELETE", f"{ORDERS}/o1"),
        ("PUT", f"{ORDERS}/o1"),
    ],
)
async def test_an_archive_that_cannot_be_read_is_an_outage(
    method: str, path: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Without this, who asks for an order that left memory hears of a fault of the gateway, 500, while the disk cannot
    be read, and not whether to ask again."""

    async def ask(*_: Any) -> None:
        raise error

    async with Desk() as desk:
        for name in ("order", "orders", "recorded", "closed_positions", "cancel", "replace"):
            setattr(desk.fake, name, ask)
        answer = await desk.ask(method, path, {"quantity": 1} if method == "PUT" else None)
    assert (answer.status, answer.headers.get("Retry-After")) == (503, "1")
    assert (answer.json["code"], answer.json["reason"]) == ("NOT_ACCEPTING", "journal_unavailable")
    assert answer.json["detail"] == f"what is on record cannot be looked up now: {error}"
    [told] = [one for one in caplog.records if str(error) in one.getMessage()]
    assert told.exc_info is None


async def test_an_unexpected_failure_leaks_nothing_but_an_incident(caplog: pytest.LogCaptureFixture) -> None:
    """Internals in a reply help attackers; an incident without its log entry helps nobody."""
    async with Desk() as desk:
        desk.fake.failure = RuntimeError("secret path /srv/keys")
        answer = await desk.place()
    assert answer.status == 500
    assert answer.json["code"] == "INTERNAL_ERROR"
    assert b"secret" not in answer.body
    assert answer.json["incident"] in caplog.text
    assert "secret path" in caplog.text


async def test_split_orders_show_their_legs() -> None:
    """A reducing order larger than its position becomes two; the client must be able to see both."""
    async with Desk() as desk:
        parent, leg = new_order("p1", symbol="SPLIT"), new_order("l1", symbol="SPLIT")
        parent.route, leg.parent_id = Route.SPLIT, "p1"
        desk.fake.stories["p1"] = parent
        desk.fake.legs["SPLIT"] = (leg,)
        order = (await desk.ask("GET", f"{ORDERS}/p1")).json
    assert order["route"] == "split"
    assert [(leg["order_id"], leg["parent_id"]) for leg in order["legs"]] == [("l1", "p1")]


async def test_pending_words_only_show_on_working_orders() -> None:
    """A canceled order whose cancel was once requested is canceled, not pending."""
    async with Desk() as desk:
        order = new_order("o1")
        order.is_cancel_requested = True
        order.ord_status = OrdStatus.CANCELED
        desk.fake.stories["o1"] = order
        assert (await desk.ask("GET", f"{ORDERS}/o1")).json["ord_status"] == "canceled"


async def test_requests_under_way_are_answered_when_the_server_stops() -> None:
    """A stop between fact and reply would leave the client with an order it does not know of."""
    async with Desk() as desk:
        desk.fake.gate = asyncio.Event()
        placing = asyncio.create_task(desk.place())
        await desk.fake.entered.wait()
        closing = asyncio.create_task(desk.server.close())
        await asyncio.sleep(0.05)
        desk.fake.gate.set()
        assert (await placing).status == 201
        await closing


def _body() -> dict[str, object]:
    return {"symbol": "AAPL", "quantity": 1, "side": "buy", "order_type": "market"}
