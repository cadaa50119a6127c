"""The peers as commands. Without it, they could only be used by those who write tests."""

import asyncio
import sys

import aiohttp
import pytest


@pytest.mark.parametrize(
    ("name", "path"), [("binance", "/api/v3/time"), ("alpaca", "/v2/clock"), ("exchange", "/time")]
)
async def test_a_peer_starts_by_hand_and_says_where(name: str, path: str) -> None:
    """Without this, the line to copy would rot: what is printed answers, and its switchboard too."""
    command = [sys.executable, "-m", f"tests.venues.{name}", "--port", "0"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        lines = []
        async with asyncio.timeout(20):
            while not lines or "fault:" not in lines[-1]:
                lines.append((await process.stdout.readline()).decode())
        url = lines[0].split("http://")[1].split(";")[0]
        keys = {"APCA-API-KEY-ID": "alpaca-key", "APCA-API-SECRET-KEY": "alpaca-secret"}
        async with aiohttp.ClientSession(f"http://{url}", headers=keys) as session:
            async with session.get(path) as answer:
                assert answer.status == 200
            async with session.get("/_control") as verbs:
                assert {"quote", "trade", "fault", "restart"} <= set(await verbs.json())
    finally:
        process.kill()
        await process.wait()
