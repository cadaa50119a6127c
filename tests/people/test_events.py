"""What happened, a line each, as a person reads it in an order's story."""

from gateway.app.people.events import tell


def test_a_second_twin_is_not_told_as_the_same_fill_twice() -> None:
    """Without this, the story of every live order said twice that the simulator filled it."""
    step = {"type": "twin", "number": 1, "exec_type": "trade", "last_qty": "1", "last_px": "179.69"}
    assert tell(step) == "twin: the simulator filled 1 at 179.69"
    assert tell({**step, "number": 2}) == "second twin: the simulator filled 1 at 179.69"
    assert tell({**step, "number": 2, "exec_type": "new", "last_qty": "0"}) == "second twin new"
