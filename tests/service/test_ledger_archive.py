"""Closed positions reach the archive with the record that closed them, and a late bust takes them out again."""

from gateway.domain.enums import ExecType, Mode, OrdStatus, Side
from gateway.domain.executions import ExecutionReport
from gateway.ports.journal import ClosedPositionQuery
from tests.service.desk import desk
from tests.world import trading_config


async def test_a_bust_of_an_archived_order_corrects_position_order_and_history() -> None:
    """Without this, a bust that comes after its order left memory would be lost, or leave a result that never was."""
    config = trading_config(Mode.LIVE, retained_closed_orders=1)
    async with desk(config=config) as one:
        await one.place(Side.BUY, 10)
        out = one.order(await one.place(Side.SELL, 10))
        await one.until(lambda: out.ord_status is OrdStatus.FILLED)
        await one.engine.durable(one.engine.last_seq)
        (closed,) = await one.reads.closed_positions(ClosedPositionQuery())
        assert (closed.number, closed.executions) == (1, 2)
        await one.place(Side.BUY, 1, strategy="other")
        await one.until(lambda: out.order_id not in one.engine.state.orders)
        report = ExecutionReport(
            order_id=out.order_id,
            exec_type=ExecType.TRADE_CANCEL,
            transact_ns=1,
            exec_id="bust",
            exec_ref_id=out.fills[0].exec_id,
        )
        one.executor.on_reports((report,))
        book = one.engine.state.books[out.route]
        await one.until(lambda: book.positions[out.position_key].qty == 10)
        await one.engine.durable(one.engine.last_seq)
        assert await one.reads.closed_positions(ClosedPositionQuery()) == []
        archived = one.journal.archived[out.order_id]
        assert (archived.ord_status, archived.cum_qty, len(archived.busted)) == (OrdStatus.CANCELED, 0, 1)
