"""What is sent to hundreds of clients at once is what each would be sent alone."""

import asyncio
from functools import partial

import pytest

from gateway.adapters.http.auth import LOCAL
from gateway.adapters.http.event_press import Audience, EventPress, identify
from gateway.adapters.http.streams import Pace, frame
from gateway.domain.facts import VenueStatusRecorded
from tests.fakes.gateway_samples import NOW_NS
from tests.http.desk import Desk
from tests.patience import PATIENCE_S


@pytest.mark.parametrize(("first", "last"), [(1, 100), (1, 32), (2, 33), (33, 64), (20, 90), (64, 65)])
async def test_a_batch_holds_each_message_once_and_in_order(first: int, last: int) -> None:
    """Without this, a client that joins in the middle of a block would miss its beginning, or hear it again."""
    async with Desk() as desk:
        for number in range(100):
            fact = VenueStatusRecorded(ts_ns=NOW_NS, venue="ibkr", is_connected=True, text=f"{number}")
            await desk.fake.record(fact)
        press, audience = EventPress(partial(identify, desk.fake)), Audience.of(frozenset({"venue"}), LOCAL)
        records = desk.fake.journal[first - 1 : last]
        alone = b"".join([(await press.messages(record))[0].frame for record in records])
        assert await press.frames(records, audience) == alone
        assert await press.frames(records, audience) == alone, "from what is kept"
        assert await press.frames(records, Audience.of(frozenset({"fill"}), LOCAL)) == b""


@pytest.mark.parametrize(
    ("size", "head"),
    [(125, "817d"), (126, "817e007e"), (65_535, "817effff"), (65_536, "817f0000000000010000")],
)
def test_a_frame_is_as_rfc_6455_has_it(size: int, head: str) -> None:
    """Without this, a message of an unusual length would end the connection of everybody who is sent it."""
    text = b"x" * size
    assert frame(text) == bytes.fromhex(head) + text


async def test_streams_leave_most_of_the_time_to_orders() -> None:
    """Without this, many clients could take the event loop for themselves."""
    loop, pace = asyncio.get_running_loop(), Pace(share=0.2)
    began_s, inside_s = loop.time(), 0.0
    for _ in range(4):
        async with pace:
            entered_s = loop.time()
            while loop.time() - entered_s < 0.01:
                pass
            inside_s += loop.time() - entered_s
    assert inside_s <= 0.4 * (loop.time() - began_s)


async def test_a_turn_that_is_called_off_is_given_back() -> None:
    """Without this, a client that leaves while it waits would silence all others."""
    pace = Pace(share=0.001)
    async with pace:
        await asyncio.sleep(0.005)

    async def enter() -> None:
        async with pace:
            raise AssertionError("it had to wait")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(enter(), 0.01)
    pace._free_s = 0.0
    async with asyncio.timeout(PATIENCE_S), pace:
        pass
