"""The page in a headless Chromium: how soon it shows something, and what it holds after an hour of a busy day.

The hour is an hour's orders sent as fast as the gateway takes them: what the page keeps depends on how many messages it
heard, not on how long that took.
"""

import shutil
import time

from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench.figures import Report, duration, median
from tests.bench.load_result import LoadOrder
from tests.bench.sizes import Sizes
from tests.bench.stage import BenchError, Server, Stage

TARGET_PAINT_US = 300_000
TARGET_HEAP_MB = 60
_CAUGHT_UP_WITHIN_S = 120.0
_CONNECTIONS = 4
_QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
_IS_PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length > 0"
_IS_UP_TO_DATE = """async () => {
  const { state } = await import("/page/store.js");
  const { orders } = await (await fetch("/api/trading/orders?limit=1&status=filled")).json();
  return state.orders.get(orders[0].order_id)?.status === "filled";
}"""
_KEPT = (
    "async () => { const { state } = await import('/page/store.js'); return [state.orders.size, state.fills.length]; }"
)


def run(stage: Stage, sizes: Sizes) -> Report:
    report = Report()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        report.notes.append("page: NOT MEASURED, there is no chromium on the PATH (Debian: apt-get install chromium)")
        return report
    gateway = stage.gateway(stage.config("page"), stage.data("page"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_QUIET)
        try:
            _measure_paint(report, browser, gateway, sizes)
            _measure_heap(report, browser, gateway, stage, sizes)
        finally:
            browser.close()
    stage.stop(gateway)
    return report


def _measure_paint(report: Report, browser: Browser, gateway: Server, sizes: Sizes) -> None:
    """Nothing is cached: every run is a context of its own."""
    found = []
    for _ in range(sizes.page_opens):
        context = browser.new_context(viewport={"width": 1920, "height": 1080})
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{gateway.port}/")
        page.wait_for_function(_IS_PAINTED)
        found.append(page.evaluate(_PAINT) * 1e3)
        context.close()
    reached = median(found)
    report.add("page, first paint", "<= 300 ms", duration(reached), reached <= TARGET_PAINT_US)
    report.notes.append(f"page: first paint of {len(found)}: {', '.join(duration(one) for one in sorted(found))}")


def _measure_heap(report: Report, browser: Browser, gateway: Server, stage: Stage, sizes: Sizes) -> None:
    page = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
    page.goto(f"http://127.0.0.1:{gateway.port}/")
    page.wait_for_selector(".link-state[data-state=live]")
    before = _heap_mb(page)
    order = LoadOrder(kind="closed", port=gateway.port, tag="p", connections=_CONNECTIONS, count=sizes.page_orders)
    result = stage.load(order)
    until = time.monotonic() + _CAUGHT_UP_WITHIN_S
    while not page.evaluate(_IS_UP_TO_DATE):
        if time.monotonic() > until:
            raise BenchError("the page does not catch up")
        time.sleep(0.5)
    after = _heap_mb(page)
    orders, fills = page.evaluate(_KEPT)
    name = f"page, heap after {result.count():,} orders"
    report.add(name, f"<= {TARGET_HEAP_MB} MB", f"{after:.1f} MB (at first {before:.1f})", after <= TARGET_HEAP_MB)
    report.notes.append(
        f"  {result.total} orders in {result.elapsed_s:.0f} s; it keeps {orders} orders and {fills} fills"
    )


def _heap_mb(page: Page) -> float:
    """What is alive after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return float(used) / 1e6
