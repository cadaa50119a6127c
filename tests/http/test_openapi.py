"""The published description and the server say the same, under thousands of odd requests."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.http.operations import OPERATIONS, STREAMS
from gateway.domain.enums import Role
from tests.fakes.gateway_samples import D
from tests.http.desk import PLACE, Desk, principal
from tests.patience import PATIENCE_S

HERE = Path(__file__).parent
RUN = "from schemathesis.cli import schemathesis; schemathesis()"


async def document(desk: Desk) -> Any:
    return (await desk.ask("GET", "/openapi.json")).json


@pytest.mark.slow
async def test_the_server_keeps_what_its_description_promises(tmp_path: Path) -> None:
    """Generated clients trust the description: undeclared statuses, wrong shapes or lax checks break them."""
    async with Desk(principal("admin", Role.ADMIN)) as desk:
        desk.fake.deny_above = D(1_000)
        desk.market.tick("AAPL", "1", "2")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", RUN, "--config-file", str(HERE / "schemathesis.toml")),
            *("run", f"{desk.url}/openapi.json", "--header", "Authorization: Bearer key-admin"),
            # A canceled order is not deleted: reading it must go on working.
            *("--checks", "all", "--exclude-checks", "use_after_free"),
            *("--max-examples", "5", "--seed", "1", "--warnings", "off"),
            cwd=tmp_path,
            # And no more: its client library reads the whole environment for every request.
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_COLOR": "1", "NO_PROXY": "*"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), 10 * PATIENCE_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
    assert process.returncode == 0, output.decode()[-6_000:]
    assert b"failures" not in output


async def test_every_path_of_the_server_is_described() -> None:
    """A path that is missing from the description does not exist for generated clients."""
    async with Desk() as desk:
        found = await document(desk)
    described = {(method.upper(), path) for path, item in found["paths"].items() for method in item}
    assert described == {(operation.method, operation.path) for operation in OPERATIONS}
    assert {stream["path"] for stream in found["x-websockets"]} == {stream.path for stream in STREAMS}


async def test_security_is_declared_when_keys_exist() -> None:
    """A client generator must know that a key is needed; a server without keys needs none."""
    async with Desk() as desk:
        without = (await document(desk))["paths"][PLACE]["post"]["security"]
        desk.people = (principal("admin", Role.ADMIN),)
        having = (await document(desk))["paths"][PLACE]["post"]["security"]
    assert (without, having) == ([], [{"key": []}])


async def test_the_order_fields_are_described_as_they_are_read() -> None:
    """One annotation makes both, so the description cannot lag behind the reader."""
    async with Desk() as desk:
        schema = (await document(desk))["components"]["schemas"]["PlaceOrder"]
    assert schema["required"] == ["symbol", "quantity", "side", "order_type"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["side"]["enum"] == ["buy", "sell"]
    assert "clo" in str(schema["properties"]["time_in_force"])
