"""The market's average price on its way from the trades that are seen to the evidence of a rollout."""

from decimal import Decimal

from gateway.core.apply import apply_record
from gateway.core.decide import decide
from gateway.core.state import GatewayState
from gateway.domain.enums import ExecType, Mode
from gateway.domain.executions import ExecutionReport
from gateway.domain.market import Quote, TradeTick
from gateway.domain.money import plain
from gateway.service.rollouts import RolloutDesk
from gateway.service.traded_average import TradedAverage
from tests.fakes.venue import FakeVenue
from tests.service.desk import Desk, desk

D = Decimal


def shown(one: Desk) -> dict[str, str | None]:
    """What is shown of each stratum."""
    states = RolloutDesk(one.engine, one.clock, lambda: "").states()
    (state,) = (state for state in states if state.venue == "alpha")
    return {stratum.stratum: stratum.vwap_bps for stratum in state.strata}


def print_trade(one: Desk, px: str, qty: int) -> None:
    now_ns = one.clock.now_ns()
    one.executor.traded.on_update(TradeTick("AAPL", D(px), D(qty), now_ns, now_ns, is_buyer_maker=False))


async def test_the_average_of_the_market_is_recorded_with_what_was_executed() -> None:
    """Without it the evidence could not be told again from the journal: the market of that minute is gone."""
    async with desk(Mode.LIVE, venue=FakeVenue(fills=False)) as one:
        print_trade(one, "170", 100)  # before the order: no market of its own
        order = one.order(await one.place(qty=10))
        await one.until(lambda: bool(one.venue.sends))
        print_trade(one, "179", 3)
        for part, px in (("a", "180.09"), ("b", "180.27")):
            print_trade(one, "180.5" if part == "a" else "180", 4 if part == "a" else 1)
            report = ExecutionReport(
                order_id=order.order_id,
                exec_type=ExecType.TRADE,
                transact_ns=one.clock.now_ns(),
                exec_id=part,
                last_qty=D(5),
                last_px=D(px),
            )
            one.executor.on_reports((report,))
            if part == "a":
                assert set(shown(one).values()) == {None}
        vwap = (D("179") * 3 + D("180.5") * 4 + D(180)) / 8
        bps = plain(D(round((D("180.18") - vwap) / vwap * 100_000)) / 10)
        assert shown(one) == {"": bps, "market|buy|AAPL": bps}
        assert one.executor.traded.vwap_since_sent(order.order_id, "AAPL") is None  # let go of, being done
        await one.engine.durable(one.engine.last_seq)

        again = GatewayState()
        for record in one.journal.records:
            assert decide(again, record.event).facts == record.facts, record
            apply_record(again, record.facts)
        assert again.rollouts["alpha"].evidence == one.engine.state.rollouts["alpha"].evidence


def test_trades_of_a_source_that_went_are_not_averaged_with_those_of_another() -> None:
    """Without it, executions at real prices would be held against invented trades for five minutes."""
    traded = TradedAverage()
    traded.on_update(TradeTick("AAPL", D(50), D(9), 0, 0, is_buyer_maker=False))
    traded.on_update(Quote("AAPL", None, None, None, None, None, None, 0, 0))
    assert traded.vwap("AAPL", 0) is None
    traded.on_update(TradeTick("AAPL", D(100), D(1), 0, 0, is_buyer_maker=False))
    assert traded.vwap("AAPL", 0) == 100
