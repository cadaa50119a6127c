"""``python -m tests.bench.bare BYTES``: the yardstick of throughput, an aiohttp handler that does nothing.

It reads the same request and answers 201 with a JSON body of that many bytes, on uvloop, with the server settings
of the gateway. What is between it and the gateway is all that the gateway does.
"""

import argparse
import asyncio
import signal

import uvloop
from aiohttp import web

_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store", "Server": "order-gateway"}


async def serve(reply_bytes: int) -> None:
    body = b'"' + b"x" * (reply_bytes - 2) + b'"'

    async def place(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=body, status=201, headers=_HEADERS)

    app = web.Application()
    app.router.add_post("/api/trading/orders/place", place)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print(f"ready on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await stop.wait()
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reply_bytes", type=int)
    uvloop.run(serve(parser.parse_args().reply_bytes))


if __name__ == "__main__":
    main()
