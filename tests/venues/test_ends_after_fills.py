"""An order that is over is told to be over after all that it filled, whichever way the one and the other are told."""

from pathlib import Path

import pytest

from gateway.domain.enums import ExecType
from tests.venues.contract.desk import Desk
from tests.venues.contract.registry import DRIVERS


@pytest.mark.parametrize(
    ("name", "kind"), [("alpaca", "hold"), ("alpaca", "lose"), ("binance", "hold"), ("ccxt", "hold"), ("ibkr", "hold")]
)
async def test_an_end_is_told_after_a_fill_that_the_stream_tells_late_or_never(
    name: str, kind: str, tmp_path: Path
) -> None:
    """Without this, a flatten would close what is already closed: the part of a canceled order whose fill is on its way
    counts neither as held by the order nor as filled, so as much as that of the position would be turned over."""
    driver = DRIVERS[name](tmp_path)
    await driver.open_peer()
    desk = Desk(driver)
    try:
        await desk.open()
        ticket = driver.ticket()
        await desk.submit(ticket)
        driver.trade(95, 2)
        await desk.heard.until_filled(ticket.order_id, 2 * driver.unit)
        driver.faults.add(kind, "fill", delay_s=0.1)
        driver.trade(95, 3)
        await desk.cancel(ticket)
        await desk.heard.until_kind(ticket.order_id, ExecType.CANCELED)
        first_end = next(i for i, one in enumerate(desk.heard.reports) if one.exec_type is ExecType.CANCELED)
        desk.heard.reports = desk.heard.reports[:first_end]
        assert desk.heard.cum_qty(ticket.order_id) == 5 * driver.unit
    finally:
        await desk.venue.close()
        await driver.close_peer()
