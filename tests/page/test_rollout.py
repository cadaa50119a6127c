"""A canary on the page, in a real browser: how it stands, and the words of people that hold it and let it go on."""

import pytest
from playwright.async_api import Page, expect

from tests.e2e.api import Api, eventually
from tests.e2e.orders import market
from tests.e2e.process import Site, run_gateway
from tests.e2e.test_modes import filled, live_site, until_mode
from tests.e2e.test_rollout import by_evidence
from tests.page.conftest import SHOTS, OpenPage
from tests.page.test_page import has_no_serious_finding, is_live
from tests.patience import PATIENCE_S

#: All in one event loop, that of their browser.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.asyncio(loop_scope="package")]


async def test_a_canary_is_seen_held_and_let_go_on(site: Site, open_page: OpenPage) -> None:
    """Without it the page would show an empty rollout, and nobody could hold a venue without a terminal."""
    by_evidence(site)
    async with live_site(site) as (_, gateway):
        api = gateway.api()
        site.set_modes("LIVE", ibkr=("CANARY", 99))
        await until_mode(api, "CANARY")
        orders = [await filled(api, **market("buy", f"s{n}")) for n in range(5)]
        live = sum(one["route"] == "live" for one in orders) + 2
        page = await open_page(gateway.url)
        await is_live(page)
        strategy = next(one["strategy_id"] for one in orders if one["route"] == "live")
        await the_second_twin_counts_for_nothing(page, api, strategy)
        panel = page.locator("article.rollout").filter(has_text="ibkr")
        await expect(panel).to_contain_text(f"CANARY 99%, step 1 of 2, 0 trading days, 1 left, {live} live orders")
        await expect(panel).to_contain_text("weight 99 %measured")
        await expect(panel.get_by_role("listitem").filter(has_text="error rate")).to_contain_text(f"0 errors in {live}")
        await panel.get_by_text("missing for CANARY 99.5%").click()
        await expect(panel).to_contain_text("days not_enough_evidence: 0 of 1 trading days")
        evidence = await panel.locator("code").first.inner_text()
        assert evidence == (await api.fetch("/api/trading/rollouts/ibkr"))["evidence_hash"]

        await command(page, "Pause", "looking into fills")
        await expect(page.get_by_role("region", name="Needs attention")).to_contain_text("Rollout of ibkr is paused")
        await command(page, "Resume", "was the network")
        await expect(page.get_by_role("button", name="Pause ibkr")).to_be_visible()
        await panel.get_by_role("button", name="Approve ibkr").click()
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_contain_text("missing: days not_enough_evidence")
        await dialog.get_by_label("Revision").fill("0123abcd")
        await dialog.get_by_label("Reason").fill("reviewed")
        await dialog.get_by_label("confirm").fill("approve")
        await dialog.get_by_role("button", name="Approve").click()
        await expect(panel).to_contain_text("Approved: configuration 0123abcd")
        await command(page, "Abort", "wrong prices")
        await expect(page.get_by_role("region", name="Needs attention")).to_contain_text("Rollout of ibkr is demoted")
        await expect(page.get_by_label("ibkr: SHADOW")).to_contain_text("held or overridden by its rollout")
        for width in (1920, 360):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            await has_no_serious_finding(page)
            SHOTS.mkdir(parents=True, exist_ok=True)
            await page.screenshot(path=SHOTS / f"rollout-{width}.png", full_page=True)
        await the_review_opens_by_itself(page, gateway.url, site)


async def the_second_twin_counts_for_nothing(page: Page, api: Api, strategy: str) -> None:
    """Without this, the page held a live order against the mean of two simulations, and after a reload against one."""
    order = await filled(api, **market("buy", strategy))

    async def both_are_filled() -> bool:
        steps = (await api.fetch(f"/api/trading/orders/{order['order_id']}/story"))["steps"]
        return {one["number"] for one in steps if one["type"] == "twin" and one["last_qty"] != "0"} == {1, 2}

    await eventually(both_are_filled, PATIENCE_S, lambda: "a twin never filled")
    later = await filled(api, **market("buy", strategy))  # what comes on the stream comes in order
    store = await page.evaluate_handle("import('/page/store.js')")  # before it waits, which it does for no promise
    known = "([{state: {orders}}, id, later]) => orders.has(later) && orders.get(id)"
    shown = await page.wait_for_function(known, arg=[store, order["order_id"], later["order_id"]])
    assert await shown.evaluate("one => Number(one.twin_qty)") == float(order["order_qty"])


async def command(page: Page, name: str, reason: str) -> None:
    """Typed in full, as people must."""
    await page.get_by_role("button", name=f"{name} ibkr").click()
    dialog = page.get_by_role("dialog")
    confirm = dialog.get_by_role("button", name=name, exact=True)
    await expect(confirm).to_be_disabled()
    await dialog.get_by_label("Reason").fill(reason)
    await dialog.get_by_label("confirm").fill(name)
    await confirm.click()
    await expect(dialog).to_have_count(0)


async def the_review_opens_by_itself(page: Page, url: str, site: Site) -> None:
    """From the disk, in a browser, at the width of a phone: it asks for nothing else and everybody can read it."""
    path = site.root / "review.html"
    made = await run_gateway("rollout", "review", "ibkr", "--out", path, environ={"GATEWAY_URL": url})
    assert made.status == 0, made.output
    asked: list[str] = []
    told: list[str] = []
    held = await page.context.new_page()
    held.on("request", lambda request: asked.append(request.url))
    held.on("console", lambda line: told.append(line.text))
    await held.goto(path.as_uri())
    await expect(held.get_by_role("heading", name="Canary review of ibkr")).to_be_visible()
    await expect(held.get_by_text("demoted").first).to_be_visible()
    await expect(held.locator("svg").first).to_be_visible()
    await held.screenshot(path=SHOTS / "review.png", full_page=True)
    assert (asked, told) == ([path.as_uri()], [])
