"""A headless Chromium of the system, and the page as a person has it open."""

import os
import shutil
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.e2e.process import Site
from tests.patience import PATIENCE_S

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
#: Pictures of the page, for people.
SHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
)

OpenPage = Callable[..., Coroutine[Any, Any, Page]]
expect.set_options(timeout=PATIENCE_S * 1_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if _CHROMIUM is not None or os.environ.get("CI") == "true":
        return
    warnings.warn("NO CHROMIUM: the tests of the page are skipped (Debian: apt-get install chromium)", stacklevel=1)
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="there is no chromium on the PATH"))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "gateway")


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    """One for all: each page has a context of its own, which shares nothing with the others but the process."""
    assert _CHROMIUM is not None, "CI=true: nothing may be skipped, and there is no chromium on the PATH"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_CHROMIUM, args=list(_QUIET))
        try:
            yield browser
        finally:
            await browser.close()


@pytest_asyncio.fixture(loop_scope="package")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens the page of a gateway. Every error of a script, every request to elsewhere fails the test in the end."""
    wrongs: list[str] = []
    async with AsyncExitStack() as stack:

        async def open_at(url: str, width: int = 1920, height: int = 1080, theme: str = "light") -> Page:
            context = await browser.new_context(
                viewport={"width": width, "height": height}, color_scheme="dark" if theme == "dark" else "light"
            )
            stack.push_async_callback(context.close)
            page = await context.new_page()
            page.on("pageerror", lambda error: wrongs.append(f"script error: {error}"))
            page.on("console", lambda told: wrongs.append(told.text) if "Content Security" in told.text else None)
            page.on("request", lambda asked: wrongs.append(asked.url) if not asked.url.startswith(url) else None)
            await page.goto(url)
            return page

        yield open_at
    assert not wrongs, wrongs
