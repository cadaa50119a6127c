"""The page's own figures: what it makes of the stream is what the API says, and amounts are shown as they are."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from playwright.async_api import Browser, Route

from gateway.adapters.dashboard import page_files
from gateway.adapters.http.event_words import tell
from gateway.adapters.http.times import rfc3339
from gateway.adapters.http.views import story_view
from gateway.app.people import figures
from gateway.domain.enums import ExecType, Mode, OrderClass, Side
from gateway.service.views import story_of
from tests.world import D, World, trading_config

pytestmark = pytest.mark.asyncio(loop_scope="package")
SITE = "http://page.test/"
#: Each start: what the read model has, and what is told from then on. Every message is told twice.
HEAR = """async ({starts, last}) => {
  const { HEARD, moved, takeAgain, takePast } = await import("./hearing.js");
  const { state } = await import("./store.js");
  return starts.map(({views, messages}) => {
    takePast(views);
    for (const message of messages) for (const _ of [1, 2]) HEARD[message.type]?.(message);
    for (const view of last) if (moved.has(view.order_id)) takeAgain(view);
    return { orders: [...state.orders.values()], fills: state.fills };
  });
}"""
FIGURES = ("order_qty", "limit_price", "stop_price", "cum_qty", "avg_px", "route", "is_in_doubt", "parent_id")


async def evaluated(browser: Browser, script: str, argument: Any) -> Any:
    """What a script of the page's own modules makes of ``argument``, without any gateway."""
    files = page_files()

    async def answer(route: Route) -> None:
        file = files.get(route.request.url.removeprefix(SITE))
        body, kind = ("", "text/html") if file is None else (file.body, file.content_type)
        await route.fulfill(body=body, content_type=kind)

    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.route("**/*", answer)
        await page.goto(SITE)
        return await page.evaluate(script, argument)
    finally:
        await context.close()


def views_of(world: World) -> Any:
    """The orders as the API lists them."""
    parents = [order for order in world.state.orders.values() if not order.parent_id]
    newest = sorted(parents, key=lambda order: (order.created_ns, order.order_id), reverse=True)
    return msgspec.to_builtins([story_view(story_of(order, world.state.legs_of(order))) for order in newest])


def messages_of(world: World, after: int) -> list[dict[str, Any]]:
    """What ws/events tells of the records behind ``after``."""
    found = []
    for record in world.records[after:]:
        for index, fact in enumerate(record.facts):
            told = tell(fact)
            order = world.state.orders.get(told.order_id or "") if told is not None else None
            if told is not None and order is not None:
                about = {
                    name: getattr(order, name) for name in ("order_id", "account", "strategy_id", "venue", "symbol")
                }
                head = {"seq": record.seq, "index": index, "ts": rfc3339(fact.ts_ns), "type": told.type}
                named = {"client_order_id": order.cl_ord_id, "side": order.side}
                found.append(msgspec.to_builtins({**head, **about, **named, **told.fields}))
    return found


def story(world: World) -> Iterator[None]:
    """A split order, a bracket, changes that are refused, twins, a bust and a correction. Looked at where it yields."""
    yield
    bought = world.open_live(4)
    world.load(trading_config(Mode.SHADOW, revision="down"))
    for leg in world.legs(world.place(Side.SELL, 10)):
        world.fill(leg, 3)
    yield
    world.load(trading_config(Mode.LIVE, revision="up"))
    entry, *_ = world.legs(world.place_class(OrderClass.BRACKET, symbol="TSLA"))
    world.report(entry, ExecType.NEW)
    world.cancel(entry)
    world.report(entry, ExecType.CANCEL_REJECTED)
    world.fill(entry)
    working = world.place(qty=10, limit=D(170), strategy="s2")
    world.report(working, ExecType.NEW)
    for is_second in (False, True):
        fields = {"exec_id": "t", "last_qty": D(4), "last_px": D(170 + is_second), "is_second_twin": is_second}
        world.report(working, ExecType.TRADE, is_twin=True, **fields)
    world.fill(working, 5)
    world.replace(working, order_qty=D(20))
    world.report(working, ExecType.REPLACE_REJECTED)
    yield
    world.cancel(working)
    busted, corrected = bought.fills[0].exec_id, working.fills[0].exec_id
    world.report(bought, ExecType.TRADE_CANCEL, exec_id="bust", exec_ref_id=busted)
    terms = {"last_qty": D(4), "last_px": D("169.5")}
    world.report(working, ExecType.TRADE_CORRECT, exec_id="correct", exec_ref_id=corrected, **terms)


async def test_the_page_says_of_every_order_what_the_api_says(browser: Browser) -> None:
    """Without this, a split order would stand at pending for as long as the page is open, a refused replace and a
    busted fill would stay on it, twins and the fills of legs would count twice, and a reload would show otherwise."""
    world = World(trading_config(Mode.LIVE))
    seen = [(len(world.records), views_of(world)) for _ in story(world)]
    last = views_of(world)
    starts = [{"views": views, "messages": messages_of(world, after)} for after, views in seen]
    every = [one for view in last for one in (view, *view["legs"])]
    fills = [(one["order_id"], fill) for one in every if not one["legs"] for fill in one["fills"]]
    assert {one["ord_status"] for one in every} >= {"partially_filled", "filled", "pending_cancel", "canceled"}
    for heard in await evaluated(browser, HEAR, {"starts": starts, "last": last}):
        rows = {row["order_id"]: row for row in heard["orders"]}
        assert rows.keys() == {one["order_id"] for one in every}
        for one in every:
            row = rows[one["order_id"]]
            assert row["status"] == one["ord_status"]
            assert {name: row.get(name) for name in FIGURES} == {name: one[name] for name in FIGURES}
            twin = one["twin"] or {"cum_qty": "0", "avg_px": None}
            assert (row["twin_qty"] or "0", row["twin_px"]) == (twin["cum_qty"], twin["avg_px"])
        shown = {(row["order_id"], row["exec_id"]): (row["last_qty"], row["last_px"]) for row in heard["fills"]}
        assert shown == {(order_id, fill["exec_id"]): (fill["last_qty"], fill["last_px"]) for order_id, fill in fills}
        assert len(heard["fills"]) == len(fills)


async def test_amounts_are_rounded_as_the_commands_round_them(browser: Browser) -> None:
    """Without this, 1.999 would be 1.99 on the page and 2.00 in a terminal, a loss of less than a cent would be "-0",
    and everything about a coin at 0.00001234 would cost 0."""
    cents = ("0.999", "1.999", "-1.999", "1234567.125", "1234567.135", "0.004", "-0.004", "0", "12", "-0.995")
    prices = ("0.00001234", "0.00123456789", "61800.12345", "0.5", "-0.00002")
    script = """async ([cents, prices]) => {
      const { money, price } = await import("./format.js");
      return [cents.map(money), prices.map((one) => price(one))];
    }"""
    shown, priced = await evaluated(browser, script, [cents, prices])
    assert [Decimal(text.replace(" ", "")) for text in shown] == [
        Decimal(figures.money(text).replace(",", "")) for text in cents
    ]
    assert priced == ["0.00001234", "0.00123457", "61 800.1234", "0.5", "-0.00002"]
