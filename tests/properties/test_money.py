"""Invariant 11: money is exact decimals everywhere, and what is no number is refused with a clear error."""

import ast
from decimal import Decimal
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.checkpoint import encode_snapshot
from gateway.core.validation import shape_problems
from gateway.domain.enums import Mode, OrdType, Route, Side
from gateway.domain.money import amount_problem, plain, share_of
from gateway.domain.orders import NewOrderSingle
from tests.naive import assert_books_add_up
from tests.properties.streams import Step, live_through, operations
from tests.world import World, trading_config

D = Decimal
GATEWAY = Path(__file__).parents[2] / "gateway"
AMOUNTS = st.decimals(min_value="0.000000000000000001", max_value="999999999999999", places=18)


def test_no_float_in_the_pure_floors() -> None:
    """Without this, one literal 0.1 would make limits and P&L wrong in the last digits."""
    for path in (*(GATEWAY / "core").rglob("*.py"), *(GATEWAY / "domain").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), f"{path}:{node.lineno}"
            assert not (isinstance(node, ast.Name) and node.id == "float"), f"{path}:{node.lineno}"


@given(steps=operations(30))
def test_no_float_in_anything_that_is_remembered(steps: list[Step]) -> None:
    """Without this, a float could slip in through a report or a config value and be journaled."""
    world = World(trading_config(Mode.CANARY))
    live_through(world, steps)
    for data in (encode_snapshot(world.state), msgspec.json.encode(world.records)):
        assert not _floats(msgspec.json.decode(data))


def _floats(value: object) -> bool:
    if isinstance(value, dict):
        return any(_floats(item) for item in value.values())
    if isinstance(value, list):
        return any(_floats(item) for item in value)
    return isinstance(value, float)


@given(qty=AMOUNTS, px=AMOUNTS, multiplier=st.integers(1, 1_000_000))
def test_the_longest_amounts_multiply_exactly(qty: Decimal, px: Decimal, multiplier: int) -> None:
    """Without this, the value of a long crypto amount would be rounded before it meets a limit."""
    value = qty * px * multiplier
    exact = int(qty.scaleb(18)) * int(px.scaleb(18)) * multiplier
    assert int(value.scaleb(36)) == exact


@given(cost=AMOUNTS, part=st.integers(1, 1000), rest=st.integers(0, 1000))
def test_what_rounding_takes_from_a_share_stays_in_the_rest(cost: Decimal, part: int, rest: int) -> None:
    """Without this, closing a position in parts would create or destroy money."""
    whole = D(part + rest)
    share = share_of(cost, D(part), whole)
    assert share + (cost - share) == cost
    assert abs(share - cost * part / whole) <= D("1e-18")


@given(
    value=st.one_of(
        st.sampled_from([D("NaN"), D("sNaN"), D("Infinity"), D("-Infinity"), D(0), D("-0"), D("1e400"), D("1e-400")]),
        st.decimals(max_value=0, allow_nan=False, allow_infinity=False),
        st.decimals(min_value=D("1e15"), allow_nan=False, allow_infinity=False),
    ),
    field=st.sampled_from(["quantity", "limit_price"]),
)
def test_what_is_no_amount_is_named_with_its_field(value: Decimal, field: str) -> None:
    """Without this, NaN or an absurd number would reach arithmetic, where every comparison with it is false."""
    request = NewOrderSingle(
        symbol="AAPL",
        side=Side.BUY,
        ord_type=OrdType.LIMIT,
        order_qty=value if field == "quantity" else D(1),
        limit_px=value if field == "limit_price" else D(1),
    )
    problems = shape_problems(request, 0)
    assert [problem.field for problem in problems] == [field]
    assert problems[0].rule
    assert len(problems[0].value) <= 64


@given(value=AMOUNTS)
def test_plain_text_reads_back_as_the_same_number(value: Decimal) -> None:
    """Without this, a reply could show another figure than the one that was booked."""
    assert D(plain(value)) == value
    assert amount_problem(D(plain(value))) is None
    assert "E" not in plain(value)


def test_profit_and_loss_is_exact_over_a_day_of_awkward_fills() -> None:
    """Without this, thirds and sevenths of a cost would leave residue after the position is flat."""
    world = World(trading_config(Mode.SHADOW))
    for n in range(1, 50):
        order = world.place(Side.BUY, D(n) / 100000, "BTC/USDT", limit=D("61800.07"))
        if order.is_open:
            world.fill(order, px=D("61800.07") + D(n) / 7 // D("0.01") * D("0.01"))
    held = world.position(Route.SHADOW, "BTC/USDT")
    for _ in range(6):
        world.fill(world.place(Side.SELL, held / 7 // D("0.00001") * D("0.00001"), "BTC/USDT"))
    world.fill(world.place(Side.SELL, world.position(Route.SHADOW, "BTC/USDT"), "BTC/USDT"))
    (position,) = world.state.books[Route.SHADOW].positions.values()
    assert position.qty == position.cost == 0
    assert_books_add_up(world.state, list(world.state.orders.values()))
