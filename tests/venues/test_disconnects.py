"""``cancel_on_disconnect``, through a whole gateway on a venue."""

from pathlib import Path

import pytest

from gateway.domain.enums import OrdStatus
from gateway.domain.settings import VenueSettings
from gateway.service.disconnects import DisconnectWatch
from tests.fakes.journal import MemoryJournal
from tests.venues.contract.drivers import Driver
from tests.venues.contract.house import House
from tests.venues.contract.ibkr import IbkrDriver
from tests.venues.contract.matrix import hurried


class WatchedHouse(House):
    """With the watch where the gateway has it: on every word of a connection, from the first."""

    def __init__(self, driver: Driver, journal: MemoryJournal, is_set: bool) -> None:
        super().__init__(driver, journal)
        self._venues = {driver.name: VenueSettings(name="ibkr", adapter="ibkr", cancel_on_disconnect=is_set)}
        self._watch: DisconnectWatch | None = None

    def on_connection(self, venue: str, is_connected: bool) -> None:
        if self._watch is None:
            self._watch = DisconnectWatch(self.engine, lambda: self._venues, self.clock)
        self._watch.on_connection(venue, is_connected)


@pytest.mark.parametrize("is_set", [True, False])
@pytest.mark.parametrize("is_killed", [False, True])
async def test_what_works_is_taken_back_once_the_venue_is_there_again(
    is_set: bool, is_killed: bool, tmp_path: Path
) -> None:
    """Without this, orders would work on at prices of before, while nobody could see or stop them; and where it is not
    wanted, a short loss of the network would take every order's place in its queue."""
    patch, driver, journal = hurried(), IbkrDriver(tmp_path), MemoryJournal()

    async def opened() -> House:
        house = WatchedHouse(driver, journal, is_set)
        await house.open()
        return house

    await driver.open_peer()
    house = await opened()
    try:
        order_id = (await house.buy()).order_id
        await house.until(lambda: house.engine.state.orders[order_id].ord_status is OrdStatus.NEW, 15)
        if is_killed:
            await house.kill()
            house = await opened()
        else:
            driver.hang_up()
            await house.until(lambda: not house.engine.state.venues["ibkr"].is_connected, 15)
        await house.until(lambda: house.venue.connection.is_connected, 15)  # type: ignore[attr-defined]
        later = await house.buy()
        await house.until(lambda: house.engine.state.orders[later.order_id].ord_status is OrdStatus.NEW, 15)
        if is_set:
            await house.until(lambda: house.engine.state.orders[order_id].ord_status is OrdStatus.CANCELED, 15)
        assert driver.truths()[order_id].is_open is not is_set
        assert driver.truths()[later.order_id].is_open
    finally:
        await house.kill()
        await driver.close_peer()
        patch.undo()
