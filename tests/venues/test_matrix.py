"""The matrix: every misbehaviour of each venue at every moment of an order's life. ``make matrix`` prints it whole."""

from pathlib import Path

import pytest

from tests.venues.contract.matrix import MISBEHAVIOURS, MOMENTS, VENUES, hurried, run, table

#: Two tests for each venue, so that they can run side by side.
HALVES = (MISBEHAVIOURS[::2], MISBEHAVIOURS[1::2])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("venue", VENUES)
async def test_no_misbehaviour_breaks_an_invariant_or_parts_the_books(venue: str, half: int, tmp_path: Path) -> None:
    """Without this, each fault would be handled where somebody thought of it, and nowhere else."""
    patch = hurried()
    try:
        cells = await run([venue], HALVES[half], MOMENTS, tmp_path)
    finally:
        patch.undo()
    text = table(cells)
    print(text)
    assert {cell.result for cell in cells} <= {".", "r"}, text
    assert sum(cell.result == "r" for cell in cells) <= 8, f"what needs a reconnect should be rare:\n{text}"
