"""Stopping and starting: what works goes on working, and a gateway says why it does not start."""

import asyncio
import random
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.crash.test_shadow_crash import settled
from tests.crash.traffic import MULTIPLIERS, Traffic
from tests.e2e.ledger import check_books
from tests.e2e.orders import market, resting
from tests.e2e.process import GatewayProcess, Site, run_gateway, running


async def test_a_clean_stop_ends_with_0_and_the_next_start_goes_on(site: Site) -> None:
    """Without this, an operator's stop could hang or fail, and a restart could forget orders or positions."""
    async with running(site) as gateway:
        api = gateway.api()
        rests = (await api.place(**resting())).body["order_id"]
        bought = (await api.place(**market())).body["order_id"]
        before = await api.until_order(bought, lambda one: one["ord_status"] == "filled")
        assert await gateway.stop() == 0
        assert "Traceback" not in gateway.log
    assert (await run_gateway("audit", "verify", "--data", site.data)).status == 0
    async with running(site) as gateway:
        api = gateway.api()
        assert await api.fetch(f"/api/trading/orders/{bought}") == before
        assert [p["quantity"] for p in await api.positions()] == ["1"]
        assert "Traceback" not in gateway.log
        assert "is not used" not in gateway.log
        # The simulator works the order again: it can fill, and it can be canceled.
        assert (await api.replace(rests, limit_price="500")).status in (202, 422)
        other = (await api.place(**resting("s2"))).body["order_id"]
        assert (await api.cancel(other)).status == 202
        await api.until_order(other, lambda one: one["ord_status"] == "canceled")


@pytest.mark.parametrize(
    ("tampering", "words"),
    [
        ("DELETE FROM orders WHERE order_id = ?", "order {} is missing from the archive"),
        (
            "UPDATE orders SET body = replace(body, '\"s1\"', '\"s9\"') WHERE order_id = ?",
            "order {} in the archive is not as",
        ),
        ("UPDATE orders SET order_id = 'other' || ?", "order {} is missing from the archive"),
    ],
)
async def test_a_replay_names_a_finished_order_that_was_taken_out_or_rewritten(
    site: Site, tampering: str, words: str
) -> None:
    """Without this, an order could be taken out of the records that people read, and every check would be content."""
    async with running(site) as gateway:
        api = gateway.api()
        order_id = (await api.place(**market())).body["order_id"]
        await api.until_order(order_id, lambda one: one["ord_status"] == "filled")
        assert await gateway.stop() == 0
    replayed = await run_gateway("replay", "--data", site.data)
    assert (replayed.status, "1 finished orders, 0 differences" in replayed.output) == (0, True), replayed.output
    with closing(sqlite3.connect(site.data / "journal.sqlite3")) as connection, connection:
        assert connection.execute(tampering, (order_id,)).rowcount == 1
    replayed = await run_gateway("replay", "--data", site.data)
    assert replayed.status == 1
    assert words.format(order_id) in replayed.output, replayed.output


async def test_a_stop_under_load_answers_for_all_that_it_took(site: Site) -> None:
    """Without this, a deployment in trading hours could cut answers off, hang, or leave orders behind that their
    clients were told were not taken."""
    site.lift_limits()
    site.merge("gateway.yaml", {"accounts": {"second": {"initial_cash": 100_000}}})
    traffic = Traffic(random.Random(11), "stopped")
    async with running(site) as gateway:
        for number in range(3):
            load = asyncio.create_task(traffic.run(gateway.api(), 8))
            await asyncio.sleep(0.3)
            assert await gateway.stop() == 0
            await load
            assert "Traceback" not in gateway.log, gateway.log
            gateway.spawn(fresh=number == 1)
            await gateway.ready()
            api = gateway.api()
            assert "is not used" not in gateway.log, gateway.log
            made = {order["client_order_id"] for order in await api.orders()}
            for wish in traffic.wishes:
                if wish.is_turned_away:
                    assert wish.client_order_id not in made, wish
                elif wish.seen is not None:
                    await traffic.look(api, wish)
                else:
                    await traffic.place(api, wish)
            await settled(api)
            await check_books(api, initial_cash=Decimal(100_000), multipliers=MULTIPLIERS)


async def test_a_resting_order_fills_after_a_crash(site: Site) -> None:
    """Without this, an order that rested when the gateway was killed would look open and never trade again."""
    async with running(site) as gateway:
        order_id = (await gateway.api().place(**resting())).body["order_id"]
        await gateway.api().until_order(order_id, lambda one: one["ord_status"] == "new")
        gateway.kill()
    async with running(site) as gateway:
        api = gateway.api()
        assert (await api.replace(order_id, limit_price="200")).status == 202
        await api.until_order(order_id, lambda one: one["ord_status"] == "filled")


async def test_an_edit_while_it_was_down_that_cannot_be_followed_changes_nothing(site: Site) -> None:
    """Without this, a start would take the tradable symbols from a refused file: an order that rests on a symbol which
    that file dropped would be rejected by the simulator, and a position in it could not be closed."""
    async with running(site) as gateway:
        api = gateway.api()
        order_id = (await api.place(**resting())).body["order_id"]
        await api.until_order(order_id, lambda one: one["ord_status"] == "new")
        bought = (await api.place(**market("buy", "s2"))).body["order_id"]
        await api.until_order(bought, lambda one: one["ord_status"] == "filled")
        assert await gateway.stop() == 0
    text = site.read("instruments.yaml")
    site.write("instruments.yaml", text[: text.index("    - symbol: AAPL")] + text[text.index("    - symbol: TSLA") :])
    stranger = f"principals:\n  - {{name: stranger, role: admin, key_sha256: {'a' * 64}}}"
    site.change("principals.yaml", "principals: []", stranger)
    async with running(site) as gateway:
        api = gateway.api()
        ready = await api.get("/health/ready")
        assert any("AAPL" in text and "instruments.yaml" in text for text in ready.body["warnings"]), ready
        # Nothing of the refused files is in force, the key that they demand included.
        assert (await api.get("/api/trading/modes")).status == 200
        await api.until_order(order_id, lambda one: one["ord_status"] == "new")
        assert (await api.get("/api/trading/market-data/AAPL")).status == 200
        sold = await api.place(**market("sell", "s2"))
        assert sold.status == 201, sold
        await api.until_order(sold.body["order_id"], lambda one: one["ord_status"] == "filled")
        order = (await api.order(order_id)).body
        assert order["ord_status"] == "new", order


async def test_one_data_directory_has_one_gateway(site: Site) -> None:
    """Without this, two gateways could write one journal and send for one account."""
    async with running(site):
        second = GatewayProcess(site)
        try:
            second.spawn()
            assert await second.ended() == 1
            assert "in use by process" in second.log
            assert "Traceback" not in second.log
        finally:
            await second.close()


async def test_a_port_in_use_is_one_readable_line(site: Site, tmp_path: Path) -> None:
    """Without this, a second gateway on a port would end in a stack trace, or hang."""
    async with running(site) as gateway:
        other = Site(tmp_path / "other")
        second = GatewayProcess(other)
        second._command[-1] = gateway.url.rpartition(":")[2]
        try:
            second.spawn()
            assert await second.ended() == 1
            assert "cannot listen on" in second.log
            assert "Traceback" not in second.log
        finally:
            await second.close()


@pytest.mark.parametrize("what", ["config", "data", "journal"])
async def test_a_start_that_cannot_be_says_why(site: Site, what: str) -> None:
    """Without this, a first start with a slip in it would end in a stack trace, or run on defaults."""
    words = {"config": "risk.yaml:", "data": "cannot be used", "journal": "not an SQLite database"}
    if what == "config":
        site.change("risk.yaml", "limits:\n", "limits: [\n")
    elif what == "data":
        site.data.write_text("a file where the folder should be")
    else:
        site.data.mkdir()
        (site.data / "journal.sqlite3").write_bytes(bytes(range(256)) * 20)
    gateway = GatewayProcess(site)
    try:
        gateway.spawn()
        assert await gateway.ended() != 0
        assert words[what] in gateway.log
        assert "Traceback" not in gateway.log
    finally:
        await gateway.close()
