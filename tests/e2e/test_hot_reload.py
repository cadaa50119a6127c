"""People edit files while the gateway runs: what is right takes effect within two seconds, what is wrong is told."""

import asyncio
import hashlib
import json
import re
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.ledger import check_books
from tests.e2e.orders import market, resting
from tests.e2e.process import Api, Reply, Site, eventually, replace_file, run_gateway, running
from tests.patience import PATIENCE_S

#: An edit is in force in less than a second; a busy machine gets more.
#: A file, what stands in it, and what someone makes of it.
BROKEN = {
    "syntax": ("risk.yaml", "limits:\n", "limits: [\n"),
    "unknown key": ("risk.yaml", "  max_order_value: 50000", "  max_order_valu: 50000"),
    "wrong type": ("risk.yaml", "  max_order_value: 50000", "  max_order_value: lots"),
    "bad tick": ("instruments.yaml", "tick_size: 0.25", "tick_size: -1"),
    "bad mode": ("gateway.yaml", 'global: "SHADOW"', 'global: "LIFE"'),
}


async def warned(api: Api, *parts: str) -> None:
    """Wait until a warning of /health/ready holds all of these words."""
    reply: Reply = await api.get("/health/ready")

    async def is_told() -> bool:
        nonlocal reply
        reply = await api.get("/health/ready")
        assert reply.status == 200, reply
        return any(all(part in text for part in parts) for text in reply.body["warnings"])

    await eventually(is_told, PATIENCE_S, lambda: f"{parts} not in {reply.body}")


async def unwarned(api: Api) -> None:
    async def is_clear() -> bool:
        return not (await api.get("/health/ready")).body["warnings"]

    await eventually(is_clear, PATIENCE_S)


async def status_becomes(api: Api, status: int, fields: dict[str, Any], *, code: str = "") -> Reply:
    """Place the order, and cancel it where it rests, until it is answered so."""
    reply: Reply | None = None

    async def is_so() -> bool:
        nonlocal reply
        reply = await api.place(**fields)
        if reply.status == 201 != status:
            await api.cancel(reply.body["order_id"])
        return reply.status == status and (not code or reply.body.get("code") == code)

    await eventually(is_so, PATIENCE_S, lambda: f"{reply}")
    assert reply is not None
    return reply


async def hold(api: Api, quantity: int) -> None:
    """Buy AAPL, and wait until it is there."""
    bought = await api.place(**market(quantity=quantity))
    await api.until_order(bought.body["order_id"], lambda one: one["ord_status"] == "filled")


async def test_a_new_limit_bites(site: Site) -> None:
    """Without this, a limit lowered in a hurry would bind nothing until a restart."""
    async with running(site) as gateway:
        api = gateway.api()
        assert (await api.place(**resting(quantity=20))).status == 201
        site.change("risk.yaml", "max_order_value: 50000", "max_order_value: 1500")
        await status_becomes(api, 422, resting(quantity=20), code="MAX_ORDER_VALUE")
        site.change("risk.yaml", "max_order_value: 1500", "max_order_value: 2500")
        await status_becomes(api, 201, resting(quantity=20))


async def test_a_broken_edit_leaves_the_old_in_force_and_says_where(site: Site) -> None:
    """Without this, a slip of the hand could lift every limit, or be noticed by nobody (invariant 12)."""
    async with running(site) as gateway:
        api = gateway.api()
        before = (await api.fetch("/api/trading/modes"))["config_revision"]
        for how, (name, old, new) in BROKEN.items():
            line = site.read(name)[: site.read(name).index(old)].count("\n") + 1
            place = f"{name}:" if how == "syntax" else f"{name}:{line}:"
            site.change(name, old, new)
            await warned(api, "configuration", place)
            assert re.search(f"refused.*{re.escape(place)}", gateway.log), gateway.log
            assert "\ngateway_config_last_reload_successful 0" in (await api.get("/metrics")).body
            assert (await api.fetch("/api/trading/modes"))["config_revision"] == before
            assert (await api.place(**resting(quantity=1))).status == 201
            assert (await api.place(**resting(quantity=600))).status == 422  # max_order_value
            checked = await run_gateway("check-config", site.config)
            assert checked.status == 1
            assert place in checked.output, checked.output
            site.change(name, new, old)
            await unwarned(api)
            assert "\ngateway_config_last_reload_successful 1" in (await api.get("/metrics")).body
        assert (await run_gateway("check-config", site.config)).status == 0


async def test_a_broken_edit_and_a_restart(site: Site) -> None:
    """Without this, a crash while a file is broken would start with defaults, or not at all (invariant 12)."""
    name, old, new = BROKEN["wrong type"]
    async with running(site) as gateway:
        before = (await gateway.api().fetch("/api/trading/modes"))["config_revision"]
        site.change(name, old, new)
        gateway.kill()
        gateway.spawn()
        await gateway.ready()
        api = gateway.api()
        await warned(api, "configuration", name)
        assert (await api.fetch("/api/trading/modes"))["config_revision"] == before
        assert (await api.place(**resting(quantity=600))).status == 422
        site.change(name, new, old)
        await unwarned(api)


async def test_a_file_that_vanishes_changes_nothing(site: Site) -> None:
    """Without this, a deployment that swaps files one by one would for a moment mean: no limits, no keys."""
    async with running(site) as gateway:
        api = gateway.api()
        kept = site.read("risk.yaml")
        (site.config / "risk.yaml").unlink()
        await warned(api, "risk.yaml")
        assert (await api.place(**resting(quantity=600))).status == 422
        site.write("risk.yaml", kept)
        await unwarned(api)


async def test_an_edit_of_the_policy_data_takes_effect(site: Site) -> None:
    """Without this, a symbol taken off the approved list would go on trading until a restart."""
    async with running(site) as gateway:
        api = gateway.api()
        assert (await api.place(**market())).status == 201
        data = json.loads((site.policies / "data.json").read_text())
        replace_file(site.policies / "data.json", json.dumps({**data, "approved_symbols": ["TSLA"]}))
        denied = await status_becomes(api, 422, market(strategy="s2"))
        assert denied.body["code"] == "POLICY_DENIED", denied
        assert "SYMBOL_NOT_APPROVED" in denied.body["detail"]
        assert (await api.place(**market(symbol="TSLA"))).status == 201
        # What was bought when it was approved can always be sold.
        assert (await api.place(**market("sell"))).status == 201


async def test_an_edit_of_the_rego_takes_effect_and_a_broken_one_does_not(site: Site) -> None:
    """Without this, a typo in a policy would stop trading, or let everything pass."""
    rule = 'deny contains {"code": "NO_TUESDAYS", "text": "never"} if input.order.strategy == "tuesday"\n'
    rego = site.policies / "trading.rego"
    good = rego.read_text()
    site.lift_limits()
    async with running(site) as gateway:
        api = gateway.api()
        assert (await api.place(**market(strategy="tuesday"))).status == 201
        replace_file(rego, good + "\n" + rule)
        denied = await status_becomes(api, 422, market(strategy="tuesday"))
        assert "NO_TUESDAYS" in denied.body["detail"], denied
        revision = (await api.get("/health/ready")).body["policy_revision"]

        replace_file(rego, good + "\nallow if {\n")
        await warned(api, "policy", "trading.rego")
        assert (await api.get("/health/ready")).body["policy_revision"] == revision
        assert (await api.place(**market(strategy="tuesday"))).status == 422
        assert (await api.place(**market(strategy="wednesday"))).status == 201
        checked = await run_gateway("check-config", site.config)
        assert checked.status == 1
        assert "trading.rego" in checked.output

        gateway.kill()
        gateway.spawn()
        await gateway.ready()
        api = gateway.api()
        await warned(api, "policy", "trading.rego")
        assert (await api.get("/health/ready")).body["policy_revision"] == revision
        assert (await api.place(**market(strategy="tuesday"))).status == 422
        assert (await api.place(**market(strategy="wednesday"))).status == 201

        replace_file(rego, good)
        await status_becomes(api, 201, market(strategy="tuesday"))
        await unwarned(api)


async def test_policies_that_their_golden_cases_contradict_are_refused(tmp_path: Any) -> None:
    """Without this, an edit that breaks a rule which people rely on would take effect because it compiles."""
    site = Site(tmp_path / "gateway", golden=True)
    async with running(site) as gateway:
        api = gateway.api()
        rego = site.policies / "trading.rego"
        text = rego.read_text()
        assert "not input.market.is_open" in text
        replace_file(rego, text.replace("not input.market.is_open", "input.market.is_open == 7"))
        await warned(api, "policy", "golden")
        assert (await api.place(**market())).status == 201


async def test_a_key_is_needed_from_the_moment_it_is_configured(site: Site) -> None:
    """Without this, the first key in the file would protect nothing until a restart, and a withdrawn one works on."""
    key = "correct-horse-battery-staple-0123456789"
    digest = hashlib.sha256(key.encode()).hexdigest()
    async with running(site) as gateway:
        api = gateway.api()
        assert (await api.place(**resting())).status == 201
        entry = f"principals:\n  - {{name: alice, role: trader, key_sha256: {digest}, strategies: [s1]}}\n"
        site.write("principals.yaml", entry)
        refused = await status_becomes(api, 401, resting())
        assert refused.body["code"] == "KEY_MISSING"
        assert (await api.get("/api/trading/orders")).status == 401
        assert (await api.get("/health/live")).status == 200
        alice = gateway.api(key)
        assert (await alice.place(**resting())).status == 201
        assert (await alice.place(**resting("s2"))).status == 403
        assert (await alice.post("/api/trading/trading/disable", {})).status == 403
        assert (await gateway.api("another").place(**resting())).status == 401
        assert key not in gateway.log

        site.write("principals.yaml", "principals: []\n")
        # Taking the last key away opens the door again: refused or not, it must not happen unseen.
        await asyncio.sleep(1.5)
        reply = await gateway.api().get("/api/trading/orders")
        assert reply.status == 401 or "no API key" in gateway.log, gateway.log


async def test_a_new_instrument_can_be_traded_at_once(site: Site) -> None:
    """Without this, a symbol added while running would be admitted and then never fill: no market has it."""
    async with running(site) as gateway:
        api = gateway.api()
        unknown = await api.place(**market(symbol="MSFT"))
        assert (unknown.status, unknown.body["code"]) == (422, "INSTRUMENT_UNKNOWN"), unknown
        entry = "    - symbol: MSFT\n      currency: USD\n      enabled: true\n      reference_px: 420\n"
        site.change("instruments.yaml", "    - symbol: TSLA\n", entry + "    - symbol: TSLA\n")
        bought = await status_becomes(api, 201, market(symbol="MSFT"))
        await api.until_order(bought.body["order_id"], lambda one: one["ord_status"] == "filled")
        assert (await api.get("/api/trading/market-data/MSFT")).status == 200
        # With a position in it, it cannot be taken away; a disabled one can still be closed.
        site.change("instruments.yaml", entry, "")
        await warned(api, "MSFT")
        site.change("instruments.yaml", "    - symbol: TSLA\n", entry.replace("true", "false") + "    - symbol: TSLA\n")
        await unwarned(api)
        denied = await api.place(**market(strategy="s2", symbol="MSFT"))
        assert (denied.status, denied.body["code"]) == (422, "INSTRUMENT_DISABLED"), denied
        sold = await api.place(**market("sell", symbol="MSFT"))
        await api.until_order(sold.body["order_id"], lambda one: one["ord_status"] == "filled")


async def test_half_written_files_are_not_believed(site: Site) -> None:
    """Without this, an editor that truncates and then writes would, in between, mean a file without limits."""
    async with running(site) as gateway:
        api = gateway.api()
        text = site.read("risk.yaml").replace("max_order_value: 50000", "max_order_value: 40000")
        with (site.config / "risk.yaml").open("w") as file:
            for start in range(0, len(text), 200):
                file.write(text[start : start + 200])
                file.flush()
                await asyncio.sleep(0.01)
                assert (await api.place(**resting(quantity=600))).status == 422
        await status_becomes(api, 422, resting("s2", quantity=450), code="MAX_ORDER_VALUE")
        assert not (await api.get("/health/ready")).body["warnings"]


async def test_a_rate_that_moves_and_comes_back_leaves_the_books_as_they_were(site: Site) -> None:
    """Without this, a change of a currency's rate would count positions or open orders twice, or not at all."""
    site.lift_limits()
    async with running(site) as gateway:
        api = gateway.api()
        bought = await api.place(**market(symbol="BTC/USDT", quantity="0.01"))
        await api.until_order(bought.body["order_id"], lambda one: one["ord_status"] == "filled")
        assert (await api.place(**resting("s2", symbol="BTC/USDT", quantity="0.1", limit_price="30000"))).status == 201
        before = await api.portfolio()
        for rate in (2, 1):
            site.merge("gateway.yaml", {"rates": {"USDT": rate}})
            revision = (await api.get("/health/ready")).body["config_revision"]

            async def is_in_force(old: str = revision) -> bool:
                return bool((await api.get("/health/ready")).body["config_revision"] != old)

            await eventually(is_in_force, PATIENCE_S)
        for old, new in zip(before, await api.portfolio(), strict=True):
            for name in ("initial_cash", "cash", "held_exposure", "open_orders", "positions", "fees", "realized_pnl"):
                assert new[name] == old[name], (name, old, new)
        assert await gateway.stop() == 0
        gateway.spawn()
        await gateway.ready()
        assert "is not used" not in gateway.log, gateway.log
        await check_books(gateway.api(), initial_cash=Decimal(100_000), multipliers={})
    replayed = await run_gateway("replay", "--data", site.data)
    assert replayed.status == 0, replayed.output


async def test_a_limit_below_what_is_open_takes_effect_and_says_what_that_means(site: Site) -> None:
    """Without this, a limit that is passed already would look as if it held, or as if it would close positions."""
    async with running(site) as gateway:
        api = gateway.api()
        await hold(api, 20)
        site.change("risk.yaml", "max_position_size: 10000", "max_position_size: 10")
        await warned(api, "limits.max_position_size 10 is exceeded already: 20 in AAPL", "shadow", "no new risk")
        checked = await run_gateway("check-config", site.config, "--data", site.data)
        assert checked.status == 0
        assert "warning: limits.max_position_size 10 is exceeded already" in checked.output
        assert (await api.place(**market(quantity=1))).status == 422
        sold = await api.place(**market("sell", quantity=20))
        await api.until_order(sold.body["order_id"], lambda one: one["ord_status"] == "filled")
        await unwarned(api)
        site.change("risk.yaml", "max_position_size: 10", "max_position_size: -10")
        await warned(api, "configuration", "risk.yaml", "max_position_size", "-10")


async def test_check_config_says_what_the_reload_says(site: Site) -> None:
    """Without this, the command that people are sent to when an edit was refused would call the same edit good."""
    async with running(site) as gateway:
        api = gateway.api()
        await hold(api, 20)
        site.change("instruments.yaml", "AAPL", "AAPX")
        await warned(api, "AAPL has an open position")
        checked = await run_gateway("check-config", site.config, "--data", site.data)
        assert (checked.status, "AAPL has an open position" in checked.output) == (1, True), checked.output
        site.change("instruments.yaml", "AAPX", "AAPL")
        await unwarned(api)
        (site.config / "rollout.yaml").unlink()
        await warned(api, "rollout.yaml", "was there and is missing now")
        checked = await run_gateway("check-config", site.config, "--data", site.data)
        assert (checked.status, "was there and is missing now" in checked.output) == (1, True), checked.output


async def test_a_host_that_the_next_start_would_refuse_is_refused_at_once(site: Site) -> None:
    """Without this, the edit is taken with a warning, and the gateway is gone after the next restart."""
    async with running(site) as gateway:
        api, words = gateway.api(), "server.host is 0.0.0.0, but no API key is configured"
        site.change("gateway.yaml", 'server:\n  host: "127.0.0.1"', 'server:\n  host: "0.0.0.0"')
        await warned(api, words)
        checked = await run_gateway("check-config", site.config, "--data", site.data)
        assert (checked.status, words in checked.output) == (1, True), checked.output


@pytest.mark.parametrize("port", ["99999", "65536", "-1", "http"])
async def test_a_port_that_is_none_is_refused(site: Site, port: str) -> None:
    """Without this, a slip would have the gateway listen at another port than the one that it was told."""
    told = await run_gateway("serve", "--config", site.config, "--data", site.data, "--port", port)
    assert told.status == 2
    assert f"from 0 (any free port) to 65535, was {port!r}" in told.output
