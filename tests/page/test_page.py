"""The page in a real browser against a real gateway: what a person sees, and what his clicks do."""

import os
import signal
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, Route, expect

from tests.e2e.orders import market, resting
from tests.e2e.process import GatewayProcess, Site, running
from tests.e2e.test_loosening import KEYS, give_keys
from tests.page.conftest import SHOTS, OpenPage
from tests.ports import lasting_port
from tests.rollouts.test_review_page import PAST, RICH, STRATUM, page_of

#: All in one event loop, that of their browser.
pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning"), pytest.mark.asyncio(loop_scope="package")]

PRICES = {"kind": "market_data", "is_connected": True, "is_paper": None, "text": "streams"}


async def is_live(page: Page) -> None:
    await expect(page.locator(".link-state")).to_have_text("Live")


async def test_an_order_appears_as_it_happens_and_tells_its_story(site: Site, open_page: OpenPage) -> None:
    """Without this, people would reload to see their orders, and ask a programmer why one was denied."""
    async with running(site) as gateway:
        page = await open_page(gateway.url)
        await is_live(page)
        await expect(page.locator(".venue[data-mode] .mode").first).to_have_text("SHADOW")
        await expect(page.get_by_label("ibkr: SHADOW")).to_contain_text("paper account")
        filled = await gateway.api().place(**market(strategy="momentum", quantity=3))
        row = page.get_by_role("row").filter(has_text="momentum").first
        await expect(row).to_contain_text("filled")
        await row.get_by_role("button").click()
        story = page.get_by_role("dialog", name="Order")
        await expect(story).to_contain_text("admitted")
        await expect(story).to_contain_text("mode SHADOW")
        await expect(story).to_contain_text("decided and made durable")
        assert filled.body["policy_revision"] in await story.inner_text()
        await story.get_by_role("button", name="Show every check").click()
        check = story.get_by_role("row").filter(has_text="max_position_size")
        await expect(check).to_contain_text("passed")
        await expect(check).to_contain_text("10 000")
        await page.keyboard.press("Escape")
        await expect(story).to_have_count(0)

        await gateway.api().place(**market(strategy="greedy", quantity=100_000))
        await page.get_by_role("row").filter(has_text="greedy").get_by_role("button").click()
        await expect(story).to_contain_text("MAX_ORDER_VALUE")
        await expect(story.get_by_role("row").filter(has_text="MAX_ORDER_VALUE")).to_contain_text("50 000")
        await page.keyboard.press("Escape")

        await page.get_by_role("searchbox").fill("greedy")
        await expect(page.get_by_role("row").filter(has_text="momentum")).to_have_count(1)  # its position stays
        await page.get_by_label("Status").select_option("filled")
        await expect(page.get_by_role("tabpanel")).to_contain_text("Nothing here yet")


async def test_the_kill_switch_is_one_click_and_one_confirmation_away(site: Site, open_page: OpenPage) -> None:
    """Without this, the worst day of the year would be spent looking for the button."""
    async with running(site) as gateway:
        api = gateway.api()
        rests = (await api.place(**resting())).body["order_id"]
        page = await open_page(gateway.url, 360, 800)
        await is_live(page)
        await page.get_by_role("button", name="Stop trading", exact=True).click()
        await page.get_by_role("button", name="Stop all trading now").click()
        await expect(page.locator(".trading")).to_contain_text("halted")
        await expect(page.get_by_role("region", name="Needs attention")).to_contain_text("stopped from the page")
        await api.until_order(rests, lambda order: order["ord_status"] == "canceled")
        assert (await api.place(**market())).body["code"] == "TRADING_HALTED"

        await page.get_by_role("button", name="Let trading go on").click()
        confirm = page.get_by_role("dialog").get_by_role("button", name="Let trading go on")
        await expect(confirm).to_be_disabled()
        await page.get_by_label("Type TRADE to confirm").fill("trade")
        await confirm.click()
        await expect(page.locator(".trading")).to_contain_text("active")
        assert (await api.place(**market())).status == 201


async def test_letting_trading_go_on_is_offered_where_it_lifts_something(site: Site, open_page: OpenPage) -> None:
    """Without this, the button is there while only a breaker halts, which it does not reset, and is missing where a
    person lets through closing orders alone."""
    async with running(site) as gateway:
        api = gateway.api()
        page = await open_page(gateway.url)
        await is_live(page)
        offer = page.get_by_role("button", name="Let trading go on")
        await api.post("/api/trading/trading/emergency-shutdown", {"reason": "fire"})
        await expect(page.locator(".trading")).to_contain_text("halted")
        await expect(offer).to_have_count(0)
        await api.post("/api/trading/trading/disable", {"reason": "circuit breaker emergency"})
        await expect(offer).to_be_visible()
        await api.post("/api/trading/trading/enable", {"reason": "over"})
        await expect(offer).to_have_count(0)
        await api.post("/api/trading/circuit-breakers/emergency_shutdown/reset", {"force": True, "reason": "over"})
        await api.post("/api/trading/trading/disable", {"reason": "x", "state": "reducing"})
        await expect(page.locator(".trading")).to_contain_text("reducing")
        await expect(offer).to_be_visible()


async def test_the_page_goes_on_by_itself_after_the_gateway_was_killed(site: Site, open_page: OpenPage) -> None:
    """Without this, a page left open would show an hour-old world as if it were now."""
    async with running(site, port=lasting_port()) as gateway:
        page = await open_page(gateway.url)
        await is_live(page)
        await gateway.api().place(**market(strategy="before"))
        await expect(page.get_by_role("row").filter(has_text="before").first).to_be_visible()
        gateway.kill()
        await expect(page.locator(".link-state")).to_contain_text("What stands below may be old")
        await expect(page.get_by_role("region", name="Needs attention")).to_contain_text("cannot be reached")
        gateway.spawn()
        await gateway.ready()
        await gateway.api().place(**market(strategy="while-away"))  # the page is not back yet
        await expect(page.get_by_role("row").filter(has_text="while-away").first).to_be_visible()
        await is_live(page)
        orders = page.get_by_role("tabpanel").get_by_role("row")
        await expect(orders.filter(has_text="before")).to_have_count(1)
        await expect(orders.filter(has_text="while-away")).to_have_count(1)


async def test_figures_of_a_gateway_that_hangs_are_not_shown_as_those_of_now(site: Site, open_page: OpenPage) -> None:
    """Without this, a page would go on showing positions of an hour ago under the word "Live": its stream is served by
    another process, and a question that is never answered was never given up."""
    async with running(site) as gateway:
        page = await open_page(gateway.url)
        await is_live(page)
        attention = page.get_by_role("region", name="Needs attention")
        os.kill(gateway.pid, signal.SIGSTOP)
        try:
            await expect(attention).to_contain_text("Figures are those of")
        finally:
            os.kill(gateway.pid, signal.SIGCONT)
        await expect(attention.get_by_text("Figures are those of")).to_have_count(0)


async def test_a_read_model_that_fails_is_told(site: Site, open_page: OpenPage) -> None:
    """Without this, figures that cannot be read any more would stand there as if nothing had happened."""
    async with running(site) as gateway:
        bought = (await gateway.api().place(**market(venue="ibkr"))).body["order_id"]
        await gateway.api().until_order(bought, lambda order: order["ord_status"] == "filled")
        page = await open_page(gateway.url)
        await is_live(page)
        await what_is_held_live_in_shadow_is_told(page)
        problem = {"code": "PAGE_BEHIND", "detail": "the journal cannot be read"}
        attention = page.get_by_role("region", name="Needs attention")
        await a_venue_that_is_away_is_told(page, attention)
        await prices_of_a_venue_are_not_its_orders(page)
        await page.route("**/api/trading/page*", lambda route: route.fulfill(status=503, json=problem))
        await expect(attention).to_contain_text("Figures are those of")
        await expect(attention).to_contain_text("the journal cannot be read")


async def a_venue_that_is_away_is_told(page: Page, attention: Locator) -> None:
    """Without this, nothing stood under "needs attention" after a live venue was cut off, until its alert came a
    quarter of a minute later."""

    async def cut_off(route: Route) -> None:
        told = await (await route.fetch()).json()
        venue = next(one for one in told["connections"]["connections"] if one["name"] == "ibkr")
        venue["last_error"] = "nothing listens"
        await route.fulfill(json=told)

    await page.route("**/api/trading/page*", cut_off)
    await expect(attention).to_contain_text("Venue ibkr is not connected")
    await expect(attention).to_contain_text("its orders are denied, cancels wait: nothing listens")
    await page.unroute("**/api/trading/page*")


async def prices_of_a_venue_are_not_its_orders(page: Page) -> None:
    """Without this, a venue that sends its own prices, as real ones do, loses "real money" from its card, and is called
    connected while its orders are cut off."""

    async def with_real_prices(route: Route) -> None:
        told = await (await route.fetch()).json()
        next(one for one in told["modes"]["venues"] if one["venue"] == "ibkr")["effective_mode"] = "LIVE"
        (venue,) = [one for one in told["connections"]["connections"] if one["name"] == "ibkr"]
        told["connections"]["connections"] = [{**venue, "is_paper": False}, {**venue, **PRICES}]
        await route.fulfill(json=told)

    await page.route("**/api/trading/page*", with_real_prices)
    card = page.get_by_role("article", name="ibkr: LIVE")
    await expect(card).to_contain_text("real money")
    await expect(card).to_contain_text("not connected")
    await expect(page.get_by_role("article", name="Market data")).to_contain_text("streams")
    await page.unroute("**/api/trading/page*")


async def what_is_held_live_in_shadow_is_told(page: Page) -> None:
    """Without this, the card of a venue that was demoted says that nothing is sent, above live positions that fall."""

    async def with_a_position(route: Route) -> None:
        told = await (await route.fetch()).json()
        (own,) = told["portfolio"]["positions"]
        told["portfolio"]["positions"] = [own, {**own, "book": "live", "quantity": "-5"}]
        await route.fulfill(json=told)

    card = page.get_by_role("article", name="ibkr: SHADOW")
    await expect(card).to_contain_text("nothing is sent")
    await page.route("**/api/trading/page*", with_a_position)
    await expect(card).to_contain_text("orders that close what is held go to the venue")
    await expect(card).to_contain_text("1 live position")
    await page.unroute("**/api/trading/page*")


async def test_who_may_not_act_is_told_so_and_nothing_happens(site: Site, open_page: OpenPage) -> None:
    """Without this, a viewer's click would seem to have stopped trading."""
    give_keys(site, "trader", "risk")
    async with running(site) as gateway:
        page = await open_page(gateway.url)
        await expect(page.locator(".link-state")).to_have_text("A key is needed")
        await page.get_by_label("API key").fill(KEYS["trader"])
        await page.get_by_role("button", name="Show").click()
        await is_live(page)
        await expect(page.locator(".who")).to_contain_text("trader")
        await page.get_by_role("button", name="Stop trading (not with this key)").click()
        await expect(page.get_by_role("alert")).to_contain_text("this takes a key with the role risk or admin")
        await expect(page.get_by_role("button", name="Stop all trading now")).to_be_disabled()
        await has_no_serious_finding(page)
        assert (await gateway.api(KEYS["trader"]).fetch("/api/trading/trading"))["trading_state"] == "active"
        assert KEYS["trader"] not in await page.content()


@pytest.mark.parametrize("width", [360, 1920])
async def test_everybody_can_read_it_at_every_width(site: Site, open_page: OpenPage, width: int) -> None:
    """Without this, it would be unreadable on a phone, at night, or with a screen reader."""
    async with running(site) as gateway:
        await _fill(gateway)
        SHOTS.mkdir(parents=True, exist_ok=True)
        for theme in ("light", "dark"):
            await _can_be_read(await open_page(gateway.url, width, 900, theme), f"{width}-{theme}", width)


async def _can_be_read(page: Page, name: str, width: int) -> None:
    await is_live(page)
    await expect(page.get_by_role("row").filter(has_text="greedy")).to_be_visible()
    await expect(page.locator(".bars li").first).to_be_visible()
    await page.screenshot(path=SHOTS / f"page-{name}.png", full_page=True)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await has_no_serious_finding(page)
    await page.get_by_role("row").filter(has_text="greedy").get_by_role("button").click()
    await expect(page.get_by_role("dialog", name="Order")).to_contain_text("MAX_ORDER_VALUE")
    await page.screenshot(path=SHOTS / f"story-{name}.png")
    await has_no_serious_finding(page)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Stop trading", exact=True).click()
    await expect(page.get_by_role("button", name="Stop all trading now")).to_be_visible()
    await page.screenshot(path=SHOTS / f"stop-{name}.png")
    await has_no_serious_finding(page)


async def _fill(gateway: GatewayProcess) -> None:
    api = gateway.api()
    await api.place(**market(quantity=5))
    await api.place(**resting())
    await api.place(**market(strategy="greedy", quantity=100_000))


async def has_no_serious_finding(page: Page) -> None:
    """By axe-core, the colours of both themes included."""
    found = await Axe().run(page)
    serious = [one for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
    told = [(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in serious]
    assert not told, told


async def test_the_review_that_people_hold_has_no_serious_finding(open_page: OpenPage, tmp_path: Path) -> None:
    """Without it somebody who reads with a screen reader could not decide on a promotion."""
    path = tmp_path / "review.html"
    path.write_text(page_of(RICH, past=(PAST,), strata=(STRATUM,))[0], encoding="utf-8")
    await has_no_serious_finding(await open_page(path.as_uri()))
