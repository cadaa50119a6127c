"""``gateway rollout record``: what the journal tells of a venue since a moment. Reads only, takes no lock, and may run
beside the gateway, which asks it for its reviews."""

import asyncio
import sys
from pathlib import Path

import msgspec

from gateway.adapters.journal.outside import from_outside
from gateway.app.unread import unread
from gateway.domain.review import StepRecord
from gateway.ports.journal import JournalBroken, JournalUnavailable
from gateway.service.step_record import StepFold


def print_record(venue: str, since_ns: int, data_dir: Path) -> int:
    """0 only when all of it could be read."""
    try:
        found = asyncio.run(step_record(venue.lower(), since_ns, data_dir))
    except (JournalBroken, JournalUnavailable) as error:
        print(unread(error), file=sys.stderr)
        return 1
    print(msgspec.json.encode(found).decode())
    return 0


async def step_record(venue: str, since_ns: int, data_dir: Path) -> StepRecord:
    """Raises JournalBroken, JournalUnavailable."""
    fold = StepFold(venue, since_ns)
    async with from_outside(data_dir) as journal:
        async for record in journal.read(await journal.seq_before(since_ns)):
            fold.note(record)
    return fold.result()
