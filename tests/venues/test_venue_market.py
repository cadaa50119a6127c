"""What all sources of prices share: subscriptions that follow edits and losses, whatever comes between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.shared import link
from gateway.adapters.venues.shared.market import VenueMarket
from gateway.domain.instruments import Instrument
from gateway.domain.market import DepthUpdate, PriceLevel, Quote
from tests.venues.prices import Watched, crypto

D = Decimal
A, B, C = crypto("A/USD"), crypto("B/USD"), crypto("C/USD")


class FakeVenue(VenueMarket):
    """A venue that a test plays: ``gate`` holds subscriptions back, ``lose`` ends the connection."""

    def __init__(self) -> None:
        super().__init__("fake", SystemClock())
        self.gate = asyncio.Event()
        self.gate.set()
        self.subscribed: list[str] = []
        self.asked: list[tuple[list[str], list[str]]] = []
        self.failure: Exception | None = None
        self._over = asyncio.Event()

    async def _stay(self) -> None:
        self._over = asyncio.Event()
        self.subscribed = []
        await self._opened("here")
        await self._over.wait()
        raise ConnectionResetError("it hung up")

    async def _change(self, added: Sequence[Instrument], removed: Sequence[Instrument]) -> None:
        self.asked.append(([one.symbol for one in added], [one.symbol for one in removed]))
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        for one in added:
            await self.gate.wait()
            self.subscribed.append(one.symbol)
        for one in removed:
            self.subscribed.remove(one.symbol)

    def lose(self) -> None:
        self._over.set()

    def forget_all(self) -> None:
        """The other side has lost what it was to bring."""
        self.subscribed = []
        self._subscribe_again("again")

    def say(self, symbol: str, px: str) -> None:
        self._tell(Quote(symbol, D(px), D(1), D(px) + 1, D(1), None, None, 0, self._clock.now_ns()))
        self._tell(DepthUpdate(symbol, (PriceLevel(D(px), D(1)),), (), 0, 0, is_snapshot=True))


@pytest.fixture
async def venue(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeVenue]:
    monkeypatch.setattr(link, "FIRST_WAIT_S", 0.01)
    made = FakeVenue()
    made.follow([A, B])
    await made.start()
    yield made
    await made.close()


async def settled(venue: FakeVenue, *symbols: str) -> None:
    watched = Watched(venue)
    try:
        await watched.until(lambda: sorted(venue.subscribed) == sorted(symbols), 2)
    except TimeoutError:
        raise AssertionError(f"{venue.subscribed}, asked {venue.asked}") from None


async def test_edits_that_come_while_it_subscribes_are_made_in_turn(venue: FakeVenue) -> None:
    """Without this, the last edit of several could be lost, or two go on at once."""
    await settled(venue, "A/USD", "B/USD")
    venue.gate.clear()
    venue.follow([A, B, C])
    await asyncio.sleep(0)
    venue.follow([B, C])
    venue.follow([C])
    venue.gate.set()
    await settled(venue, "C/USD")
    assert venue.state().reconnects == 0


async def test_a_loss_while_it_subscribes_has_all_asked_for_once(venue: FakeVenue) -> None:
    """Without this, the rest of an old round would be asked for on the new connection too: each trade twice."""
    await settled(venue, "A/USD", "B/USD")
    venue.gate.clear()
    venue.follow([A, B, C])
    await asyncio.sleep(0.01)
    venue.lose()
    await asyncio.sleep(0.05)
    venue.gate.set()
    await settled(venue, "A/USD", "B/USD", "C/USD")
    assert venue.state().reconnects == 1


async def test_what_the_other_side_forgot_is_asked_for_again(venue: FakeVenue) -> None:
    """Without this, a venue that lost its subscriptions would be silent for ever on a sound connection."""
    await settled(venue, "A/USD", "B/USD")
    venue.forget_all()
    await settled(venue, "A/USD", "B/USD")
    assert venue.state().connection.text == "again"


async def test_a_subscription_that_fails_ends_the_connection_and_is_tried_on_the_next(venue: FakeVenue) -> None:
    """Without this, new symbols would have no prices until somebody restarts the gateway."""
    await settled(venue, "A/USD", "B/USD")
    venue.failure = ConnectionResetError("it broke while we asked")
    venue.follow([A, B, C])
    await settled(venue, "A/USD", "B/USD", "C/USD")
    assert venue.state().connection.last_error == "it broke while we asked"


async def test_a_loss_leaves_the_quote_and_forgets_the_depth(venue: FakeVenue) -> None:
    """Without this, the simulator would fill from a book that nobody keeps any more."""
    await settled(venue, "A/USD", "B/USD")
    watched = Watched(venue)
    venue.say("A/USD", "5")
    assert watched.books["A/USD"] == ({D(5): D(1)}, {})
    venue.gate.clear()
    venue.lose()
    await watched.until(lambda: watched.books["A/USD"] == ({}, {}))
    assert watched.prices("A/USD") == (D(5), D(6))
    venue.say("C/USD", "9")
    assert venue.quote("C/USD") is None, "nobody asked for it"
