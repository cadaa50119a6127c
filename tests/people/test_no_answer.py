"""Commands where no gateway answers: what is said must help, and not make it worse."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from aiohttp import web

from gateway.app.order_check import check_orders
from gateway.app.people.operator import flatten, kill, resume


@pytest.fixture
async def proxy() -> AsyncIterator[str]:
    """Something that answers 502 to everything, as what stands before a gateway does while that restarts."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>bad gateway</html>")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("is_there", [True, False])
async def test_who_wants_to_go_on_is_not_told_to_stop_everything(
    proxy: str, is_there: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without this, `gateway resume` where nothing answers says that a file KILL does the same, and a `kill` that met a
    proxy says that the gateway answered, and not that it may go on trading."""
    environ = {"GATEWAY_URL": proxy if is_there else "http://127.0.0.1:9"}
    assert await asyncio.to_thread(resume, "gateway", "", "", environ) == 1
    assert "KILL" not in (said := capsys.readouterr().err)
    assert ("502, and not in a gateway's words" in said) is is_there
    assert await asyncio.to_thread(kill, "gateway", "", "", environ) == 1
    assert "A file KILL in its data directory" in capsys.readouterr().err
    assert await asyncio.to_thread(flatten, "gateway", "", "", "live", None, Decimal(1), environ) == 1
    assert "A file FLATTEN in its data directory" in capsys.readouterr().err


def test_a_closed_standard_input_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this, it is a traceback."""
    monkeypatch.setattr("sys.stdin", None)
    assert check_orders("-", None, None, (), {}, is_json=False) == 1
    assert capsys.readouterr().err == "cannot be checked: standard input is closed\n"
