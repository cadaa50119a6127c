"""A connection that is kept: how long it waits, what it says of itself, and what does not end it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.shared import background as background_module
from gateway.adapters.venues.shared import link as link_module
from gateway.adapters.venues.shared.background import Background
from gateway.adapters.venues.shared.link import MAX_WAIT_S, Backoff, Link
from tests.patience import PATIENCE_S
from tests.venues.listening import Heard


def test_waits_grow_to_a_limit_and_differ_between_gateways() -> None:
    """Without this, a venue that comes back would be met by everybody at once, as often as they can."""
    waits = [[round(one.next_s(), 3) for _ in range(10)] for one in (Backoff(1), Backoff(2))]
    for mine in waits:
        for number, wait_s in enumerate(mine):
            full = min(0.5 * 2**number, MAX_WAIT_S)
            assert full / 2 <= wait_s <= full
    assert waits[0] != waits[1]


def test_a_year_of_failures_is_still_a_wait() -> None:
    """Without this, a long outage would end in an overflow, and nobody would come back."""
    backoff = Backoff(1)
    assert max(backoff.next_s() for _ in range(3_000)) <= MAX_WAIT_S


async def until(link: Link, heard: Heard, stay: Callable[[], Awaitable[None]], is_so: Callable[[], bool]) -> None:
    """Keep the connection until something is so of it."""
    link.listener = heard
    task = asyncio.create_task(link.keep(stay))
    await heard.until(is_so)
    task.cancel()
    await asyncio.wait([task])


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "FIRST_WAIT_S", 0.001)


@pytest.mark.usefixtures("fast")
async def test_a_connection_says_what_keeps_it_down_and_when_it_tries_again() -> None:
    """Without this, a person could only see that nothing works, not why nor for how long yet."""
    link, tries = Link("v", SystemClock()), []
    assert (link.state.is_connected, link.state.text) == (False, "not connected yet")

    async def stay() -> None:
        tries.append(link.state)
        if len(tries) < 4:
            raise ConnectionRefusedError(f"refused {len(tries)}")
        link.up("at last")
        await asyncio.Event().wait()

    heard = Heard()
    await until(link, heard, stay, lambda: heard.is_connected)
    assert [(one.failed_attempts, one.last_error) for one in tries] == [
        (0, ""),
        (1, "refused 1"),
        (2, "refused 2"),
        (3, "refused 3"),
    ]
    assert all(one.next_attempt_ns is None for one in tries), "while one is under way, none is waited for"
    stands = link.state
    assert (stands.is_connected, stands.text, stands.failed_attempts, stands.last_error) == (
        True,
        "at last",
        0,
        "refused 3",
    )
    assert stands.since_ns >= tries[0].since_ns


async def test_the_next_attempt_is_told() -> None:
    """Without this, nobody could tell a gateway that waits from one that gave up."""
    link = Link("v", SystemClock())

    async def stay() -> None:
        raise OSError("no route")

    heard = Heard()
    await until(link, heard, stay, lambda: link.state.next_attempt_ns is not None)
    assert link.state.next_attempt_ns is not None
    assert link.state.next_attempt_ns > link.state.since_ns


@pytest.mark.usefixtures("fast")
async def test_a_mistake_of_ours_does_not_end_the_trying(caplog: pytest.LogCaptureFixture) -> None:
    """Without this, one message that nobody expected would cut the gateway off from a venue until a restart."""
    link, tries = Link("v", SystemClock()), []

    async def stay() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise KeyError("transactTime")
        link.up()
        await asyncio.Event().wait()

    heard = Heard()
    await until(link, heard, stay, lambda: heard.is_connected)
    assert "in a way it should not" in caplog.text


@pytest.mark.usefixtures("fast")
async def test_a_connection_that_breaks_at_once_is_waited_for_longer_and_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without this, a venue that accepts and hangs up would be called many times a second, until it bans us."""
    waits: list[float] = []
    real = Backoff.next_s
    monkeypatch.setattr(Backoff, "next_s", lambda one: waits.append(real(one)) or 0.0)
    link = Link("v", SystemClock())

    async def stay() -> None:
        link.up()

    heard = Heard()
    await until(link, heard, stay, lambda: len(waits) >= 6)
    assert waits[5] > 8 * waits[0]
    assert link.state.failed_attempts == 0, "they came up, all of them"
    waits.clear()
    monkeypatch.setattr(link_module, "SOUND_S", 0.0)
    await until(link, heard, stay, lambda: len(waits) >= 6)
    assert max(waits) < 2 * min(waits), "one that stood is made again at once"


async def test_work_whose_library_swallows_a_cancel_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this, a gateway could not be stopped, nor a venue be built anew: a client library may take the cancel of
    a task for a broken connection, and whoever called it goes on."""
    monkeypatch.setattr(background_module, "_PATIENCE_S", 0.01)
    swallowed: list[int] = []

    async def watch() -> None:
        while True:
            try:
                await asyncio.sleep(3_600)
            except asyncio.CancelledError:
                if len(swallowed) == 2:
                    raise
                swallowed.append(1)

    background = Background("v")
    background.spawn(watch(), "stream")
    await asyncio.sleep(0)
    await asyncio.wait_for(background.close(), PATIENCE_S)
    assert len(swallowed) == 2
