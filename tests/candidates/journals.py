"""Journals on disk, of orders that were decided by the repository's own configuration and policies."""

from collections.abc import Sequence
from pathlib import Path
from shutil import copytree, ignore_patterns

from msgspec.structs import replace

from gateway.adapters.config import load
from gateway.adapters.journal import SqliteJournal
from gateway.adapters.policy.embedded import EmbeddedPolicy
from gateway.adapters.policy.loader import PolicyLoader
from gateway.app.registry import declared
from gateway.domain.enums import Side
from gateway.domain.records import Checkpoint, Entry, Record
from tests.world import D, World

ROOT = Path(__file__).parents[2]


def copied_rules(tmp_path: Path) -> tuple[Path, Path]:
    """A configuration folder and a policy folder to edit; without the golden cases, which take long to run."""
    policies = copytree(ROOT / "policies", tmp_path / "policies", ignore=ignore_patterns("golden"))
    return copytree(ROOT / "config", tmp_path / "config"), policies


def traded_world(config_dir: Path, policies: Path) -> World:
    """A day of a small strategy: positions opened, added to, closed and turned over; one order too large."""
    settings = load(config_dir, {})
    world = World(replace(settings.trading, capabilities=declared(settings.venues)))
    world.prices["AAPL"] = D("180.00")
    engine = EmbeddedPolicy(PolicyLoader(policies).load())
    world.policy = engine.evaluate_now
    for side, qty in ((Side.BUY, 10), (Side.BUY, 60), (Side.SELL, 90), (Side.BUY, 1_000), (Side.BUY, 20)):
        order = world.place(side, qty)
        for leg in world.legs(order):
            if leg.is_admitted:
                world.fill(leg)
    world.mark("AAPL", D("200.00"))
    return world


async def write(records: Sequence[Record], folder: Path, checkpoints: Sequence[Checkpoint] = ()) -> None:
    journal = await SqliteJournal.open(folder)
    await journal.append([Entry(record=record) for record in records])
    for checkpoint in checkpoints:
        await journal.save_checkpoint(checkpoint)
    await journal.close()
