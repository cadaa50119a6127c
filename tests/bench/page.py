"""The page in a headless Chromium: how soon it shows something, and what it holds after an hour of a busy day.

The hour is recorded and played again: an hour's orders are sent to a gateway as fast as it takes them, and its journal
is then played to a page, a few seconds at a time, with the page's own clock running along (``replayed_day``).
"""

import shutil
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.bench.figures import Report, duration, median
from tests.bench.load_result import LoadOrder
from tests.bench.sizes import Sizes
from tests.bench.stage import BenchError, Server, Stage

TARGET_PAINT_US = 300_000
TARGET_HEAP_MB = 60
_CAUGHT_UP_WITHIN_S = 120.0
_CONNECTIONS = 4
_STEP_S = 5
_QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"
_IS_PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length > 0"
_STATE = "(await import('/page/store.js')).state"
_IS_FOLDED = f"async (seq) => {_STATE}.answers.seq >= seq"
_IS_HEARD = f"async (seq) => {_STATE}.answers.seq >= seq && {_STATE}.link.lastSeq >= seq"
_KEPT = f"""async () => {{
  const state = {_STATE};
  return [state.orders.size, state.fills.length, [...state.equity.values()].reduce((sum, one) => sum + one.length, 0)];
}}"""


def run(stage: Stage, sizes: Sizes) -> Report:
    report = Report()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        report.notes.append("page: NOT MEASURED, there is no chromium on the PATH (Debian: apt-get install chromium)")
        return report
    data = stage.data("page")
    gateway = stage.gateway(stage.config("page"), data)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_QUIET)
        try:
            _measure_paint(report, browser, gateway, sizes)
            orders = _record(gateway, stage, sizes)
            _measure_heap(report, browser, data, stage, sizes, orders)
        finally:
            browser.close()
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


def _record(gateway: Server, stage: Stage, sizes: Sizes) -> int:
    """An hour's orders, taken as fast as the gateway takes them; how many it answered 201."""
    order = LoadOrder(kind="closed", port=gateway.port, tag="p", connections=_CONNECTIONS, count=sizes.page_orders)
    result = stage.load(order)
    stage.stop(gateway)
    return result.count()


def _measure_heap(report: Report, browser: Browser, data: Path, stage: Stage, sizes: Sizes, orders: int) -> None:
    """The hour is played again to a page that is open throughout: its clock runs as long as the hour, so it asks,
    samples and redraws as often as it would."""
    with stage.player(data) as player:
        page = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
        page.clock.install()
        player.play_to(1)
        page.goto(f"http://127.0.0.1:{player.port}/")
        page.wait_for_function(_IS_FOLDED, arg=1)
        before = _heap_mb(page)
        began_s = time.monotonic()
        for second in range(_STEP_S, sizes.page_seconds + 1, _STEP_S):
            player.play_to(max(player.records * second // sizes.page_seconds, 1))
            page.clock.run_for(_STEP_S * 1_000)
        until_s = time.monotonic() + _CAUGHT_UP_WITHIN_S
        while not page.evaluate(_IS_HEARD, player.records):
            page.clock.run_for(1000)
            if time.monotonic() > until_s:
                raise BenchError("the page does not catch up")
        took_s = time.monotonic() - began_s
        after = _heap_mb(page)
        kept = page.evaluate(_KEPT)
    name = f"page, heap after an hour of {orders:,} orders"
    report.add(name, f"<= {TARGET_HEAP_MB} MB", f"{after:.1f} MB (at first {before:.1f})", after <= TARGET_HEAP_MB)
    report.notes.append(
        f"  {player.records:,} records, {sizes.page_seconds} s of the page's clock, replayed in {took_s:.0f} s; "
        f"it keeps {kept[0]} orders, {kept[1]} fills and {kept[2]} points of equity"
    )


def _heap_mb(page: Page) -> float:
    """What is alive after a collection."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    used = session.send("Runtime.getHeapUsage")["usedSize"]
    session.detach()
    return float(used) / 1e6
