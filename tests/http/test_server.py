"""Where the server listens and how it stops."""

import asyncio
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from gateway.adapters.http import ServerRefused
from gateway.adapters.http.operations import OPERATIONS, STREAMS
from gateway.domain.enums import Role
from gateway.domain.settings import ServerSettings
from tests.http.desk import Desk, principal
from tests.patience import PATIENCE_S

ADMIN = principal("admin", Role.ADMIN)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "gateway.example"])
async def test_without_keys_only_loopback_is_bound(host: str) -> None:
    """A gateway that anybody in the network can trade through, because one file was forgotten."""
    desk = Desk(settings=ServerSettings(host=host, port=0))
    with pytest.raises(ServerRefused, match=r"principals\.yaml"):
        await desk.server.start()


async def test_with_keys_any_address_is_bound() -> None:
    """In a container the server must listen beyond loopback."""
    async with Desk(ADMIN, settings=ServerSettings(host="0.0.0.0", port=0)) as desk:
        assert (await desk.ask("GET", "/api/trading/modes", key="admin")).status == 200


async def test_a_port_in_use_is_a_clear_error() -> None:
    """Two gateways on one machine is a common slip; the message must say which address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        desk = Desk(settings=ServerSettings(port=port))
        with pytest.raises(ServerRefused, match=f"127.0.0.1:{port}"):
            await desk.server.start()


async def test_unusable_tls_files_are_a_clear_error(tmp_path: Path) -> None:
    """Falling back to plain HTTP would send keys in the clear, and `No such file` alone does not say which."""
    for cert in (tmp_path / "absent.pem", Path(__file__)):
        desk = Desk(settings=ServerSettings(port=0, tls_cert=str(cert), tls_key=str(cert)))
        with pytest.raises(ServerRefused, match=f"server.tls_cert .*{cert.name}"):
            await desk.server.start()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
async def test_tls_is_spoken_when_configured(tmp_path: Path) -> None:
    """Keys travel in a header: beyond loopback they need TLS."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*make, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)  # noqa: ASYNC221
    settings = ServerSettings(port=0, tls_cert=str(cert), tls_key=str(key))
    trust = ssl.create_default_context(cafile=str(cert))
    async with Desk(settings=settings) as desk:
        url = f"https://127.0.0.1:{desk.server.port}/health/live"
        async with desk.client.get(url, ssl=trust) as reply:
            assert reply.status == 200
        with pytest.raises(aiohttp.ClientError):
            await desk.client.get(url.replace("https", "http"))
        assert await health_check_of_the_image(desk.server.port) == 0


async def test_the_image_looks_whether_it_is_live_without_tls_too() -> None:
    """Without this, a container that works is restarted for ever, or one that does not answer passes for healthy."""
    async with Desk() as desk:
        port = desk.server.port
        assert await health_check_of_the_image(port) == 0
    assert await health_check_of_the_image(port) == 1


async def health_check_of_the_image(port: int) -> int:
    """The exit status of what the Dockerfile has Docker run."""
    dockerfile = Path(__file__).parents[2] / "infrastructure/docker/Dockerfile"
    (command,) = re.findall(r"(?m)^HEALTHCHECK .*\\\n +CMD (.*)$", dockerfile.read_text(encoding="utf-8"))
    _, *arguments = json.loads(command.replace(":8000/", f":{port}/"))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=subprocess.DEVNULL)
    return await process.wait()


async def test_stopping_says_goodbye_to_streams_and_stops_listening() -> None:
    """A stop must not wait for clients that stay connected for days, nor leave them hanging."""
    async with Desk() as desk:
        async with desk.client.ws_connect(f"{desk.url}/api/trading/ws/events") as ws:
            await ws.receive()
            assert desk.server.open_streams() == {("events",): 1, ("market-data",): 0}
            stopping = asyncio.create_task(desk.server.close())
            message = await ws.receive()
            assert message.type is aiohttp.WSMsgType.CLOSE
            assert message.data == 1001
            await asyncio.wait_for(stopping, PATIENCE_S)
        with pytest.raises(aiohttp.ClientConnectorError):
            await desk.client.get(f"{desk.url}/health/live")
        assert desk.server.open_streams() == {("events",): 0, ("market-data",): 0}


async def test_a_client_that_does_not_answer_the_goodbye_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """One stuck client must not keep the process from ending."""
    monkeypatch.setattr("gateway.adapters.http.streams._CLOSE_WAIT_S", 0.1)
    async with Desk() as desk:
        reader, writer = await desk.connect()
        writer.write(
            b"GET /api/trading/ws/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.wait_for(desk.server.close(), PATIENCE_S)
        writer.close()


async def test_closing_twice_or_before_starting_is_harmless() -> None:
    """Shutdown code runs in every state the start left behind."""
    desk = Desk()
    await desk.server.close()
    async with desk:
        await desk.server.close()


def test_every_operation_is_named_once() -> None:
    """Names tie the table to the handlers; a repeated one would answer for another."""
    names = [operation.name for operation in OPERATIONS] + [stream.name for stream in STREAMS]
    assert len(names) == len(set(names))
    assert len({(operation.method, operation.path) for operation in OPERATIONS}) == len(OPERATIONS)
