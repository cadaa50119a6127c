"""An edit of the configuration, from what is asked of it to what decides the next order."""

from functools import partial

from gateway.domain.config import Limits
from gateway.domain.settings import Settings
from gateway.service.reload import Reloader
from gateway.service.venues import VenueManager
from tests.service.desk import Desk, desk
from tests.world import D, trading_config

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
