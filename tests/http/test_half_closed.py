"""A client that says no more and still listens: ``nc -N`` and some proxies end each request so."""

import asyncio

import pytest
import uvloop

from gateway.domain.settings import ServerSettings
from tests.http.desk import Desk
from tests.http.test_fast_lane import DESK, READ, order
from tests.patience import PATIENCE_S

HEAD_ONLY = READ[:30]
SLOWLY = order(client_order_id="a")[:60], order(client_order_id="a")[60:]
AT_ONCE = (order(client_order_id="a"),)


async def heard(desk: Desk, *parts: bytes) -> bytes:
    """All that is answered to who sends this and closes his half."""
    reader, writer = await desk.connect()
    for part in parts[:-1]:
        writer.write(part)
        await asyncio.sleep(0.01)
    writer.write(parts[-1])
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    return answer


@pytest.mark.parametrize("parts", [(READ,), SLOWLY, AT_ONCE, (READ, *AT_ONCE)])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_what_was_asked_whole_is_answered_and_the_connection_closed(parts: tuple[bytes, ...], run: object) -> None:
    """Without this, an order would be taken and its answer dropped: the client could only guess what became of it."""

    async def ask() -> bytes:
        async with Desk(DESK) as desk:
            return await heard(desk, *parts)

    answer = run(ask())  # type: ignore[operator]
    assert answer.count(b"HTTP/1.1 20") == 1 + (parts == (READ, *AT_ONCE))
    assert (b'"ord_status"' in answer) == (parts != (READ,))


async def test_an_order_that_still_waits_is_answered() -> None:
    """Without this, the answer would be dropped exactly when the disk is slow."""
    async with Desk(DESK) as desk:
        for parts in (SLOWLY, AT_ONCE):
            desk.fake.gate = asyncio.Event()
            answer = asyncio.create_task(heard(desk, READ, *parts))
            await asyncio.sleep(0.2)
            desk.fake.gate.set()
            assert (await answer).count(b"HTTP/1.1 20") == 2


async def test_all_that_was_asked_in_a_row_is_answered() -> None:
    """Without this, of several orders sent in a row only the first would be answered, or taken."""
    said = b"".join(order(client_order_id=name) for name in "abc")
    async with Desk(DESK) as desk:
        answer = await heard(desk, said)
        assert len(desk.fake.stories) == 3
    assert answer.count(b"HTTP/1.1 201") == 3
    assert [part.split(b'"')[0] for part in answer.split(b'"client_order_id":"')[1:]] == [b"a", b"b", b"c"]


@pytest.mark.parametrize("said", [HEAD_ONLY, order()[:-5], READ + HEAD_ONLY, b""])
async def test_half_a_request_is_not_waited_for(said: bytes) -> None:
    """Without this, whoever leaves in the middle would hold a connection, or a handler, until a timeout."""
    settings = ServerSettings(port=0, head_timeout_s=3_600)
    async with Desk(DESK, settings=settings) as desk:
        answer = await heard(desk, said)
        assert not desk.fake.stories
    assert answer.count(b"HTTP/1.1 200") == said.startswith(READ)


async def test_who_says_no_more_gives_way_where_there_is_no_room() -> None:
    """Who has left for good looks the same. Without this, clients that give up and come again while the disk hangs
    would keep everybody out, the kill switch too."""
    async with Desk(DESK, settings=ServerSettings(port=0, max_connections=4)) as desk:
        desk.fake.gate = asyncio.Event()
        waiting = [asyncio.create_task(heard(desk, *SLOWLY)) for _ in range(4)]
        await asyncio.sleep(1.3)
        assert (await heard(desk, READ)).startswith(b"HTTP/1.1 200 ")
        desk.fake.gate.set()
        await asyncio.wait(waiting)
        assert sum(one.result().startswith(b"HTTP/1.1 20") for one in waiting) == 3
