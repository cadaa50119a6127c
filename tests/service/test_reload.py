"""An edit of the configuration, from what is asked of it to what decides the next order."""

import asyncio
from functools import partial

import msgspec

from gateway.core.candidates.proof import Proof
from gateway.domain.config import Limits
from gateway.domain.enums import Mode, OrdStatus
from gateway.domain.sessions import Approval
from gateway.domain.settings import Settings, VenueSettings
from gateway.service.reload import Reloader
from gateway.service.venues import VenueManager
from tests.fakes.venue import FakeVenue
from tests.service.desk import Desk, desk
from tests.world import ADMIN, D, trading_config

SMALL = trading_config(limits=Limits(max_order_size=D(5)), revision="small")
SMALLER = trading_config(limits=Limits(max_order_size=D(4)), revision="smaller")


def reloader_of(one: Desk) -> Reloader:
    venues = VenueManager(one.table, {}, one.executor)
    return Reloader(Settings(trading=SMALL), one.engine, venues, one.telemetry, one.clock)


def _note_revision(one: Desk, seen: list[str]) -> None:
    seen.append(one.engine.state.config.revision)


async def test_an_edit_is_kept_for_the_next_start_before_it_decides() -> None:
    """Without this, a gateway killed just after a limit was tightened would fall back to the looser one when the
    files cannot be used at the next start."""
    in_force_when_kept: list[str] = []
    async with desk(config=SMALL) as one:
        note = partial(_note_revision, one, in_force_when_kept)
        assert await reloader_of(one).apply(Settings(trading=SMALLER), (), keep=note) == ()
        assert one.engine.state.config.revision == "smaller"
    assert in_force_when_kept == ["small"]


async def test_an_edit_that_is_refused_is_not_kept() -> None:
    """Without this, the next start could fall back to what nobody approved."""
    kept: list[bool] = []
    looser = trading_config(limits=Limits(max_order_size=D(6)), revision="looser")
    async with desk(config=SMALL) as one:
        reloader = reloader_of(one)
        found = await reloader.apply(Settings(trading=looser), (), needs_approval=True, keep=lambda: kept.append(True))
        assert "nobody approved it" in found[0]
        assert one.engine.state.config.revision == "small"
    assert kept == []


async def test_what_was_opened_while_an_edit_was_made_ready_is_not_taken_away() -> None:
    """Without this, a position could be in a symbol that no order can name any more, and no start would be possible."""
    fewer = {name: one for name, one in SMALL.instruments.items() if name != "AAPL"}
    async with desk(config=SMALL) as one:
        reloader = reloader_of(one)

        async def prepare(settings: Settings) -> tuple[str, ...]:
            prepared.append(settings.trading.revision)
            if settings.trading.revision == "without":  # a thread, and the network: orders come meanwhile
                reply = await one.place(symbol="AAPL", qty=1)
                await one.until(lambda: one.order(reply).ord_status is OrdStatus.FILLED)
            return ()

        prepared: list[str] = []
        reloader.prepare_market = prepare
        without = msgspec.structs.replace(SMALL, instruments=fewer, revision="without")
        (problem,) = await reloader.apply(Settings(trading=without), ())
        assert "AAPL has an open position" in problem
        assert one.engine.state.config.revision == "small"
        assert prepared == ["without", "small"], "the prices of before are wanted again"


async def test_an_approval_that_runs_out_while_an_edit_was_made_ready_is_none() -> None:
    """Without this, the gateway would say that limits are in force which it does not keep."""
    looser = trading_config(limits=Limits(max_order_size=D(6)), revision="looser")
    kept: list[bool] = []
    async with desk(config=SMALL) as one:
        reloader = reloader_of(one)
        one.engine.state.approvals["looser"] = Approval(ADMIN, "ok", one.clock.now_ns() + 20_000_000)

        async def prepare(settings: Settings) -> tuple[str, ...]:
            await asyncio.sleep(0.05)
            return ()

        reloader.prepare_market = prepare
        edit = Settings(trading=looser)
        found = await reloader.apply(edit, (), needs_approval=True, keep=lambda: kept.append(True))
        assert "nobody approved it" in found[0]
        assert (reloader.settings.trading.revision, one.engine.state.config.revision, kept) == ("small", "small", [])


class PortVenue(FakeVenue):
    """A venue that knows what it was made from."""

    def __init__(self, settings: VenueSettings) -> None:
        super().__init__()
        self.port = settings.port

    async def close(self) -> None:
        await asyncio.sleep(0)  # as with a real connection, others run meanwhile
        await super().close()


async def test_an_edit_that_is_refused_late_leaves_the_adapter_that_works() -> None:
    """Without this, orders would go to an account that only the refused edit names."""
    config = trading_config(Mode.LIVE)
    paper = VenueSettings(name="alpha", adapter="fake", port=7497)
    other = msgspec.structs.replace(paper, port=7496)
    beta = VenueSettings(name="beta", adapter="fake", port=1)
    async with desk(Mode.LIVE, config=config) as one:
        venues = VenueManager(one.table, {"fake": PortVenue}, one.executor)
        before = Settings(trading=config, venues={"alpha": paper, "beta": beta})
        assert await venues.build_needed(one.engine.state, config, before.venues) == ()
        reloader = Reloader(before, one.engine, venues, one.telemetry, one.clock)
        works = one.table.names()["alpha"].venue
        answers = iter((Proof(), Proof(missing=("the candidate failed meanwhile",)), Proof(), Proof()))
        reloader.prove_limits = lambda old, new: next(answers)
        edit = msgspec.structs.replace(config, revision="edited")
        edited = Settings(trading=edit, venues={"alpha": other, "beta": beta})
        assert await reloader.apply(edited, ()) == ("the candidate failed meanwhile",)
        assert one.table.names()["alpha"].venue is works
        assert await reloader.apply(edited, ()) == ()
        taken = one.table.names()["alpha"].venue
        assert isinstance(taken, PortVenue)
        assert taken.port == 7496


async def test_no_order_goes_by_settings_that_are_not_in_force() -> None:
    """Without this, an order decided under the paper account would be sent to the other one."""
    config = trading_config(Mode.LIVE)
    paper = VenueSettings(name="alpha", adapter="fake", port=7497)
    beta = VenueSettings(name="beta", adapter="fake", port=1)
    seen: list[tuple[str, int]] = []
    async with desk(Mode.LIVE, config=config) as one:
        venues = VenueManager(one.table, {"fake": PortVenue}, one.executor)
        before = Settings(trading=config, venues={"alpha": paper, "beta": beta})
        await venues.build_needed(one.engine.state, config, before.venues)
        reloader = Reloader(before, one.engine, venues, one.telemetry, one.clock)

        async def watch() -> None:
            while True:
                slot = one.table.names().get("alpha")
                port = slot.venue.port if slot is not None and isinstance(slot.venue, PortVenue) else 0
                seen.append((one.engine.state.config.revision, port))
                await asyncio.sleep(0)

        watching = asyncio.ensure_future(watch())
        await asyncio.sleep(0)
        edit = msgspec.structs.replace(config, revision="edited")
        other = msgspec.structs.replace(paper, port=7496)
        assert await reloader.apply(Settings(trading=edit, venues={"alpha": other, "beta": beta}), ()) == ()
        watching.cancel()
    assert set(seen) <= {(config.revision, 7497), ("edited", 7496)}
    assert seen[-1] == ("edited", 7496)
