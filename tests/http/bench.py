"""``python -m tests.http.bench``: what this adapter adds to a bare aiohttp handler, in the same run.

Both servers live in one process on uvloop, one core; ``wrk`` (Debian package) in another asks them in turn. The
gateway behind the adapter answers at once, so the difference is authentication, decoding, checking, encoding.
"""

import asyncio
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

import uvloop
from aiohttp import web

from gateway.domain.enums import Role
from gateway.domain.orders import Actor, NewOrderSingle
from gateway.ports.intake import OrderStory, Outcome, Reply
from tests.fakes.gateway import FakeGateway
from tests.fakes.gateway_samples import new_order
from tests.http.desk import LIMIT_ORDER, PLACE, Desk, principal

_ROUNDS = 5
_SECONDS = 3
_CONNECTIONS = 16
_REPLY = Reply(Outcome.CREATED, OrderStory(new_order("o18c0a5b2d3e-2f", cl_ord_id="c-000001")))
_SCRIPT = """
wrk.method = "POST"
wrk.body = '%s'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer key-admin"
"""


class InstantGateway(FakeGateway):
    """Answers every order at once with the same one: nothing of the time is the gateway's."""

    async def place(self, request: NewOrderSingle, actor: Actor, received_ns: int) -> Reply:
        return _REPLY


async def echo(request: web.Request) -> web.Response:
    """The yardstick: parse JSON, write JSON."""
    return web.json_response(json.loads(await request.read()), status=201)


async def measure(url: str, script: Path) -> float:
    """Requests per second."""
    wrk = await asyncio.create_subprocess_exec(
        *("wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{_SECONDS}s", "-s", str(script), url), stdout=asyncio.subprocess.PIPE
    )
    output = (await wrk.communicate())[0].decode()
    if "Non-2xx" in output:
        raise SystemExit(output)
    found = re.search(r"Requests/sec:\s+([\d.]+)", output)
    assert found is not None, output
    return float(found[1])


async def main() -> None:
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk")
    script = Path(tempfile.mkdtemp()) / "place.lua"
    script.write_text(_SCRIPT % json.dumps({**LIMIT_ORDER, "client_order_id": "c-000001"}))
    desk = Desk(principal("admin", Role.ADMIN))
    desk.fake.place = InstantGateway(desk.clock).place  # type: ignore[method-assign]
    app = web.Application()
    app.router.add_post(PLACE, echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with desk:
        bare_url = f"http://127.0.0.1:{runner.addresses[0][1]}{PLACE}"
        rates: dict[str, list[float]] = {"echo": [], "gateway": []}
        for _ in range(_ROUNDS):
            rates["echo"].append(await measure(bare_url, script))
            rates["gateway"].append(await measure(desk.url + PLACE, script))
    await runner.cleanup()
    bare, ours = max(rates["echo"]), max(rates["gateway"])
    print(f"bare echo {bare:,.0f}/s, orders/place {ours:,.0f}/s: {ours / bare:.0%}")
    print(f"overhead {1e6 / ours - 1e6 / bare:.1f} us a request (echo {1e6 / bare:.1f} us); best of {_ROUNDS} rounds")


if __name__ == "__main__":
    uvloop.run(main())
