"""Order adapters come and go with modes and settings: what is in use is what the configuration says."""

import threading

import pytest

from gateway.domain.enums import Mode
from gateway.domain.executions import ExecutionReport
from gateway.domain.settings import VenueSettings
from gateway.service.venue_table import VenueSlot, VenueTable
from gateway.service.venues import VenueManager, venue_problems
from tests.fakes.venue import FakeVenue
from tests.world import World, trading_config

OLD = VenueSettings(name="alpha", adapter="fake", host="one.example", port=1)
NEW = VenueSettings(name="alpha", adapter="fake", host="two.example", port=1)


class Listener:
    def on_reports(self, reports: tuple[ExecutionReport, ...]) -> None: ...

    def on_status(self, venue: str, is_connected: bool, text: str) -> None: ...


class Factory:
    """Makes fakes and keeps them with what they were made from; refuses a host that nobody has."""

    def __init__(self) -> None:
        self.made: list[tuple[VenueSettings, FakeVenue]] = []

    def __call__(self, settings: VenueSettings) -> FakeVenue:
        if settings.host == "nowhere.example":
            raise ValueError("there is no such host")
        self.made.append((settings, FakeVenue()))
        return self.made[-1][1]


@pytest.fixture
def factory() -> Factory:
    return Factory()


@pytest.fixture
def manager(factory: Factory) -> VenueManager:
    return VenueManager(VenueTable(VenueSlot(FakeVenue("sim"), None)), {"fake": factory}, Listener())


async def put(manager: VenueManager, world: World, settings: VenueSettings) -> tuple[str, ...]:
    return await manager.build_needed(world.state, world.state.config, {"alpha": settings})


async def test_an_adapter_is_made_anew_from_new_settings(manager: VenueManager, factory: Factory) -> None:
    """Without this, a corrected host would be in force by the configuration, and the old one be connected to."""
    world = World(trading_config(Mode.LIVE))
    assert await put(manager, world, OLD) == ()
    assert await put(manager, world, OLD) == ()
    assert await put(manager, world, NEW) == ()
    assert [(settings.host, venue.is_closed) for settings, venue in factory.made] == [
        ("one.example", True),
        ("two.example", False),
    ]


async def test_settings_that_cannot_be_used_leave_the_adapter_that_works(
    manager: VenueManager, factory: Factory
) -> None:
    """Without this, an edit that was refused would have cut the connection all the same."""
    world = World(trading_config(Mode.LIVE))
    await put(manager, world, OLD)
    wrong = VenueSettings(name="alpha", adapter="fake", host="nowhere.example")
    assert await put(manager, world, wrong) == (
        "gateway.yaml: venues.alpha: its order adapter fake cannot be built: there is no such host",
    )
    assert [venue.is_closed for _, venue in factory.made] == [False]


async def test_client_libraries_are_loaded_beside_the_orders(factory: Factory) -> None:
    """Without this, an edit that brings a venue live would hold up all orders for the second that its library takes."""
    loaded: list[tuple[str, bool]] = []

    def load(adapter: str) -> None:
        loaded.append((adapter, threading.current_thread() is threading.main_thread()))

    table = VenueTable(VenueSlot(FakeVenue("sim"), None))
    await put(VenueManager(table, {"fake": factory}, Listener(), load), World(trading_config(Mode.LIVE)), OLD)
    assert loaded == [("fake", False)]


def test_nothing_is_reconnected_under_an_order_that_works() -> None:
    """Without this, an edit would take the connection away from the one adapter that knows the open order."""
    world = World(trading_config(Mode.LIVE))
    assert venue_problems(world.state, world.state.config, {"alpha": NEW}, {"fake"}, {"alpha": OLD}) == (
        "gateway.yaml: venues.beta: venue beta is LIVE but is not configured under venues in gateway.yaml: keep it "
        "there until it is in SHADOW and nothing live is open there",
    )
    world.place()
    (problem, _) = venue_problems(world.state, world.state.config, {"alpha": NEW}, {"fake"}, {"alpha": OLD})
    assert problem == (
        "gateway.yaml: venues.alpha: venue alpha has something live open: close it before its settings change (host), "
        "or restart the gateway with the new ones"
    )
