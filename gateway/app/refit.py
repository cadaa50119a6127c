"""``gateway simulator refit``: the simulator fitted to the journal, printed to be pasted, written where asked to."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gateway.adapters.config import ConfigInvalid, load
from gateway.adapters.config.rewriting import NotRewritable, rewrite
from gateway.adapters.journal.outside import from_outside
from gateway.app.unread import unread
from gateway.domain.money import plain
from gateway.ports.journal import JournalBroken, JournalUnavailable
from gateway.service.refit import Fitted, refit
from gateway.service.step_record import StepFold

#: What gateway.yaml knows.
_KEYS = (
    "order_latency_ms",
    "report_latency_ms",
    "latency_jitter",
    "maker_fee_bps",
    "taker_fee_bps",
    "queue_position",
)


def print_refit(
    venue: str, config_dir: Path, data_dir: Path, environ: Mapping[str, str], *, is_written: bool = False
) -> int:
    """0 when the journal could be read, whether or not anything was fitted, and what was to be written is."""
    try:
        settings = load(config_dir, environ)
        fold = asyncio.run(_fold(venue.lower(), data_dir))
    except ConfigInvalid as refused:
        print("\n".join(map(str, refused.problems)), file=sys.stderr)
        return 1
    except (JournalBroken, JournalUnavailable) as error:
        print(unread(error), file=sys.stderr)
        return 1
    if venue.lower() not in settings.trading.venues:
        print(f"{venue} is no venue of the configuration: {', '.join(settings.trading.venues)}", file=sys.stderr)
        return 1
    found = refit(list(fold.orders), settings.simulator, settings.trading.instruments)
    print(as_text(found))
    return write_fitted(config_dir / "gateway.yaml", found) if is_written else 0


def write_fitted(path: Path, found: Sequence[Fitted]) -> int:
    """Into the file, if it says the same otherwise. A running gateway takes it at its next start."""
    values = {one.name: plain(one.new) for one in changed(found)}
    if not values:
        return 0
    try:
        rewrite(path, "simulator", values)
    except (NotRewritable, OSError) as error:
        print(f"{path} was not written: {error}", file=sys.stderr)
        return 1
    print(f"# written to {path}")
    return 0


def changed(found: Sequence[Fitted]) -> list[Fitted]:
    """What would be another figure in gateway.yaml."""
    return [one for one in found if one.name in _KEYS and one.new != one.old]


async def _fold(venue: str, data_dir: Path) -> StepFold:
    fold = StepFold(venue, 0)
    async with from_outside(data_dir) as journal:
        async for record in journal.read(0):
            fold.note(record)
    return fold


def as_text(found: Sequence[Fitted]) -> str:
    """A line each, and what to put into gateway.yaml."""
    lines = []
    for one in found:
        errors = ""
        if one.error_before is not None and one.error_after is not None:
            errors = (
                f" (median error {plain(one.error_before)} -> {plain(one.error_after)} {one.error_unit or one.unit}"
            )
            errors += ")" if one.noise is None else f", two simulations differ by {plain(one.noise)})"
        lines.append(
            f"{one.name}: {plain(one.old)} -> {plain(one.new)} {one.unit}, {one.orders} orders{errors}: {one.text}"
        )
    if not changed(found):
        return "\n".join([*lines, "nothing to change"])
    yaml = ["simulator:", *(f"  {one.name}: {plain(one.new)}" for one in changed(found))]
    return "\n".join([*lines, "", "# to gateway.yaml (or --write), after looking at it; it is read at a start:", *yaml])
