"""docs/api.md says what the server does: paths, rights, statuses, fields, codes and message types."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from gateway.adapters.http.auth import RIGHTS, Right
from gateway.adapters.http.event_words import tell
from gateway.adapters.http.operations import OPERATIONS, STREAMS
from gateway.adapters.http.problem import PROBLEMS
from gateway.adapters.http.reading import field_specs
from gateway.adapters.http.shapes import EVENT_TYPES, ORDER_TYPE, TIME_IN_FORCE, OrdersQuery, PlaceOrder
from gateway.adapters.http.views import FillView, OrderView
from gateway.domain.alerts import AlertKind
from gateway.domain.facts import OrderHeld
from tests.fakes.alerts import an_alert
from tests.fakes.gateway_samples import NOW_NS, new_order
from tests.http.desk import Desk

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_operation_has_its_row(operation: object) -> None:
    """A status that is not documented is one that no client handles."""
    assert isinstance(operation, type(OPERATIONS[0]))
    statuses = ", ".join(str(status) for status in (*operation.replies, *operation.refusals))
    row = f"| `{operation.method} {operation.path}` | {operation.summary} | {operation.needs} | {statuses} |"
    assert row in TEXT


def test_every_stream_problem_and_message_type_is_named() -> None:
    """Codes and types are what programs match on: an undocumented one is matched by nobody."""
    for stream in STREAMS:
        assert f"| `GET {stream.path}` |" in TEXT
    for code in PROBLEMS:
        assert f"`{code}`" in TEXT
    table = TEXT.split("| type | what it tells |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)) == set(EVENT_TYPES)
    for kind in AlertKind:
        assert re.search(rf"^\|.*`{kind.value}`.* \|", TEXT, re.MULTILINE), kind


def test_every_field_is_named() -> None:
    """Fields in, fields out, filters: one that is not documented is used by nobody, or by guesswork."""
    for shape in (PlaceOrder, OrdersQuery):
        for spec in field_specs(shape):
            assert f"`{spec.name}`" in TEXT, spec.name
    for word in (*ORDER_TYPE.words, *TIME_IN_FORCE.words):
        assert f"`{word}`" in TEXT, word


def test_the_roles_are_as_documented() -> None:
    """The table an operator reads before giving out a key."""
    columns = (Right.READ, Right.TRADE, Right.CANCEL, Right.CONTROL, Right.SCRAPE)
    for role, rights in RIGHTS.items():
        cells = " | ".join("yes" if column in rights else "" for column in columns)
        assert f"| `{role}` | {cells} |".replace("  ", " ") in TEXT


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_json_examples_have_the_real_fields() -> None:
    """People copy examples into their code."""
    problem, order, quote, fill = (json.loads(text) for text in examples("json"))
    assert {"type", "title", "status", "detail", "code", "errors"} == set(problem)
    assert tuple(order) == OrderView.__struct_fields__
    assert tuple(order["fills"][0]) == FillView.__struct_fields__
    assert quote["type"] == "quote"
    told = tell(OrderHeld(ts_ns=NOW_NS, order=new_order()))
    assert told is not None
    assert {"seq", "index", "ts", "type", "order_id", "client_order_id", "exec_id"} <= set(fill)


async def test_the_curl_examples_are_answered() -> None:
    """A first call that fails is a newcomer's last."""
    commands = [line for text in examples("sh") for line in text.replace("\\\n", " ").split("curl ")[1:]]
    assert len(commands) >= 13
    async with Desk() as desk:
        desk.fake.stories["o18c0a5b2d3e-0-2f"] = new_order("o18c0a5b2d3e-0-2f")
        desk.market.tick("AAPL", "1", "2")
        desk.market.tick("BTC/USDT", "1", "2")
        desk.alerts.lasting = [msgspec.structs.replace(an_alert(), alert_id="venue_lost:venue:ibkr:19aa1c2d5f0")]
        for command in commands:
            path = re.search(r"\$GATEWAY_URL([^\s\"]+)", command)
            body = re.search(r"-d '(.*?)'", command, re.DOTALL)
            method = re.search(r"-X (\w+)", command)
            assert path is not None
            verb = method[1] if method else "POST" if body else "GET"
            answer = await desk.ask(verb, path[1], json.loads(body[1]) if body else None)
            assert answer.status < 300, (command, answer.body)
