"""The peers as commands. Without it, they could only be used by those who write tests."""

import asyncio
import sys

import aiohttp
import pytest

from tests.patience import PATIENCE_S


async def test_tws_starts_by_hand_and_obeys() -> None:
    """Without this, nobody could play a TWS that loses its servers or rolls ids back in front of a gateway."""
    command = [sys.executable, "-m", "tests.venues.tws", "--port", "0", "--still"]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    said = ["quote AAPL 1 2", "lose", "find lost", "rollback 7 3", "set reject_next no such margin", "set late_s 0.5"]
    process.stdin.write("\n".join([*said, "set doubled yes", "hangup", "orders", "nonsense", "quit", ""]).encode())
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await process.communicate()
    assert "paper trading on 127.0.0.1:" in out.decode()
    assert [line for line in out.decode().splitlines() if "Error" in line] == [
        "ValueError('no such command: nonsense')"
    ]
    assert process.returncode == 0


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
        async with asyncio.timeout(PATIENCE_S):
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
