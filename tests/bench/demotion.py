"""Figure 9: from an alert to the last live order that opens, at a venue that was LIVE under a fixed rate of orders.

The venue is one of the tests, across a socket, in this process: what counts is when an order arrives there, from the
moment before the alert is sent. Every order of the load opens or adds, so none may go live once the venue is demoted;
half of them rest there, and are canceled meanwhile.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from decimal import Decimal

from tests.bench.figures import Report, duration
from tests.bench.load_result import LoadOrder, LoadResult
from tests.bench.sizes import Sizes
from tests.bench.stage import BenchError, Stage, environment, read_result
from tests.crash.socket_venue import VenueServer, launcher, venue_server
from tests.e2e.process import Api, Site, eventually, running

TARGET_US = 1_000_000
_PRICES = {"AAPL": Decimal(180), "TSLA": Decimal(250)}
_QUIET_S = 2.0
_CANCELED_WITHIN_S = 60.0


class _Demotion:
    """One gateway, one load, one alert."""

    def __init__(self, stage: Stage, sizes: Sizes, number: int) -> None:
        folder = stage.folder / f"demotion-{number}"
        folder.mkdir()
        self._site = Site(folder)
        self._stage = stage
        self._sizes = sizes
        self.answered_us = 0.0
        self.last_us = 0.0
        self.canceled_us = 0.0
        self.live = 0
        self.late = 0
        self.load: LoadResult

    async def run(self) -> None:
        self._site.lift_limits()
        self._site.merge("gateway.yaml", {"venues": {"ibkr": {"timeout": 5}}})
        async with venue_server(_PRICES) as venue, running(self._site, launcher(venue, self._site.root)) as gateway:
            api = gateway.api()
            for mode in ("CANARY", "LIVE"):
                self._site.set_modes("LIVE", ibkr=(mode, 100))
                await _until_mode(api, mode)
            await self._measure(venue, api, int(gateway.url.rpartition(":")[2]))

    async def _measure(self, venue: VenueServer, api: Api, port: int) -> None:
        rate, seconds = self._sizes.open_rate, self._sizes.demotion_s
        order = LoadOrder(kind="opening", port=port, tag="d", only=("AAPL", "TSLA"), rate=rate, count=rate * seconds)
        command, out = self._stage.load_command(order)
        generator = await asyncio.create_subprocess_exec(*command, env=environment(), cwd=self._stage.folder)
        try:
            await _until(lambda: len(venue.sends) >= rate * seconds // 2, 30, "the load does not reach the venue")
            alerted_ns = time.monotonic_ns()
            await _alert(api)
            self.answered_us = (time.monotonic_ns() - alerted_ns) / 1e3
            if await generator.wait():
                raise BenchError("the load generator failed")
        finally:
            with contextlib.suppress(ProcessLookupError):
                generator.kill()
        self.load = read_result(out)
        await _until(lambda: not _rests(venue), _CANCELED_WITHIN_S, "resting orders are not canceled")
        await asyncio.sleep(_QUIET_S)  # whatever comes late, comes now
        self.live = len(venue.sends)
        self.late = sum(sent_ns > alerted_ns for sent_ns in venue.sent_ns.values())
        self.last_us = max(max(venue.sent_ns.values()) - alerted_ns, 0) / 1e3
        self.canceled_us = max(venue.cancel_ns - alerted_ns, 0) / 1e3
        if self.live == self.load.count():
            raise BenchError("the load was over before the alert: nothing was measured")


async def _alert(api: Api) -> None:
    labels = {"gateway_action": "demote", "venue": "ibkr", "alertname": "Bench"}
    alert = {"status": "firing", "fingerprint": "f", "labels": labels, "startsAt": "2026-11-21T08:00:00Z"}
    reply = await api.post("/api/trading/alertmanager", {"version": "4", "alerts": [alert]})
    if reply.body != {"heard": 1}:
        raise BenchError(f"the alert was not heard: {reply}")


async def _until_mode(api: Api, mode: str) -> None:
    async def is_so() -> bool:
        views = (await api.fetch("/api/trading/modes"))["venues"]
        return any(view["venue"] == "ibkr" and view["effective_mode"] == mode for view in views)

    await eventually(is_so, 5, lambda: f"the mode does not become {mode}")


async def _until(condition: Callable[[], bool], within_s: float, otherwise: str) -> None:
    async def is_so() -> bool:
        return condition()

    await eventually(is_so, within_s, lambda: otherwise)


def _rests(venue: VenueServer) -> bool:
    return any(order.is_resting for order in venue.orders.values())


def run(stage: Stage, sizes: Sizes) -> Report:
    runs = [_Demotion(stage, sizes, number) for number in range(sizes.demotions)]
    load = [os.getloadavg()[0]]
    for one in runs:
        asyncio.run(one.run())
    load.append(os.getloadavg()[0])
    worst, canceled = max(one.last_us for one in runs), max(one.canceled_us for one in runs)
    report = Report()
    report.add("alert to the last live opening order", "< 1 s", duration(worst), worst < TARGET_US)
    report.add("alert to the last cancel of what rested", "", duration(canceled))
    report.notes.append(
        f"demotion: {sizes.open_rate} opening orders/s for {sizes.demotion_s} s, LIVE; {len(runs)} alerts halfway; "
        f"load of the machine {load[0]:.1f} before, {load[1]:.1f} after"
    )
    for one in runs:
        report.notes += [
            f"  answered after {duration(one.answered_us)}, last live order after {duration(one.last_us)} "
            f"({one.late} since, {one.live} in all), last cancel after {duration(one.canceled_us)}; "
            f"{one.load.count()} of {one.load.total} answered 201 in {one.load.elapsed_s:.1f} s",
            *(f"  unexpected: {sample}" for sample in one.load.samples[:1]),
        ]
    return report
