"""What a person is told of limits that are in order, and yet not what he meant."""

from decimal import Decimal

import msgspec
import pytest

from gateway.core.limit_advice import exceeded, expired, ineffective, shut_in
from gateway.domain.config import AccountConfig, Limits, LimitTable
from gateway.domain.enums import Mode
from tests.world import INSTRUMENTS, D, World, trading_config


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            LimitTable(gateway=Limits(max_order_size=D(10)), symbols={"AAPL": Limits(max_order_size=D(20))}),
            ["symbols.AAPL.max_order_size 20 has no effect: limits.max_order_size is 10"],
        ),
        (
            LimitTable(gateway=Limits(max_position_size=D(10)), symbols={"AAPL": Limits(max_position_size=D(10))}),
            ["symbols.AAPL.max_position_size 10 has no effect"],
        ),
        (
            LimitTable(gateway=Limits(min_displayed_qty=D(10)), accounts={"default": Limits(min_displayed_qty=D(5))}),
            ["accounts.default.min_displayed_qty 5 has no effect"],
        ),
        # Stricter ones decide; positions of one account may be larger than those of all, which net.
        (LimitTable(gateway=Limits(max_order_size=D(10)), symbols={"AAPL": Limits(max_order_size=D(5))}), []),
        (
            LimitTable(gateway=Limits(max_position_size=D(10)), accounts={"default": Limits(max_position_size=D(20))}),
            [],
        ),
        (LimitTable(gateway=Limits(daily_loss_limit=D(10)), accounts={"default": Limits(daily_loss_limit=D(20))}), []),
        # A share of equity: the gateway holds each account to it by itself, a symbol all of them together.
        (
            LimitTable(gateway=Limits(max_concentration=D("0.2")), symbols={"AAPL": Limits(max_concentration=D(1))}),
            [],
        ),
    ],
)
def test_a_limit_that_never_decides_is_told(table: LimitTable, words: list[str]) -> None:
    """Without this, somebody would rely on a limit that another one makes meaningless."""
    found = ineffective(trading_config(table=table))
    assert len(found) == len(words)
    assert all(text.startswith(start) for text, start in zip(found, words, strict=True))


def test_with_one_account_a_share_of_a_symbol_is_that_of_the_gateway() -> None:
    """Without this, the advice would go silent where the two limits do measure the same."""
    table = LimitTable(gateway=Limits(max_concentration=D("0.2")), symbols={"AAPL": Limits(max_concentration=D("0.3"))})
    (text,) = ineffective(trading_config(table=table, accounts={"default": AccountConfig()}))
    assert text.startswith("symbols.AAPL.max_concentration 0.3 has no effect: limits.max_concentration is 0.2")


def test_a_limit_below_what_is_open_is_told_and_closes_nothing() -> None:
    """Without this, a desk would find out by a refusal that its own limit is already passed, or expect a close."""
    world = World(trading_config(Mode.LIVE))
    world.fill(world.place(qty=30))
    world.fill(world.place(qty=5, symbol="TSLA"))
    assert exceeded(world.state, world.now_ns) == ()
    table = LimitTable(
        gateway=Limits(max_position_size=D(20), blocked_symbols=("TSLA",)),
        accounts={"default": Limits(max_gross_exposure=D(1_000))},
    )
    world.load(trading_config(Mode.LIVE, table=table, revision="lower"))
    size, exposure, blocked = exceeded(world.state, world.now_ns)
    assert size.startswith("limits.max_position_size 20 is exceeded already: 30 in AAPL in the live book")
    assert exposure.startswith("accounts.default.max_gross_exposure 1000 is exceeded already: 6650 in the live book")
    assert "no new risk is taken" in size
    assert blocked.startswith("blocked_symbols (gateway gateway) stands against TSLA, of which default holds 5")
    assert len(world.state.open_orders()) == 0


@pytest.mark.parametrize(
    ("expiry", "is_over"),
    [("", False), ("202611", False), ("202612", False), ("202610", True), ("20261121", False), ("20261120", True)],
)
def test_a_contract_that_is_over_is_told(expiry: str, is_over: bool) -> None:
    """Without this, a future that nobody rolled would go on trading in SHADOW, as if it could be had."""
    config = trading_config(Mode.SHADOW)
    one = msgspec.structs.replace(config.instruments["AAPL"], expiry=expiry)
    config = msgspec.structs.replace(config, instruments=config.instruments | {"AAPL": one})
    assert [text.split(":")[0] for text in expired(config, "20261121")] == (["instruments.yaml"] if is_over else [])


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ({"lot_size": D(7)}, "AAPL lot_size is 7, and default holds 30 in the live book"),
        ({"min_qty": D(31)}, "AAPL min_qty is 31, and default holds 30"),
        ({"lot_size": D(5), "min_qty": D(30)}, ""),
    ],
)
def test_a_position_whose_size_no_order_may_have_any_more_is_told(sizes: dict[str, Decimal], words: str) -> None:
    """Without this, a slip in `lot_size` is found out when the strategy's own exits are denied."""
    world = World(trading_config(Mode.LIVE))
    world.fill(world.place(qty=30))
    new = trading_config(
        Mode.LIVE, instruments=INSTRUMENTS | {"AAPL": msgspec.structs.replace(INSTRUMENTS["AAPL"], **sizes)}
    )
    told = shut_in(world.state, new)
    assert [words in text for text in told] == [True] * bool(words)
    world.state.config = new
    assert shut_in(world.state, new) == ()  # what could not be closed before is not told of every other edit
