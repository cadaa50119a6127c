"""The exits of an order with a class (bracket, OCO, OTO): their terms, and under which ids they are kept."""

from decimal import Decimal

import msgspec


class TakeProfit(msgspec.Struct, frozen=True, gc=False):
    """The exit that takes a profit: a limit order."""

    limit_px: Decimal


class StopLoss(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The exit that stops a loss: a stop order, with a limit a stop-limit one."""

    stop_px: Decimal
    limit_px: Decimal | None = None


def leg_id_of(parent_id: str, number: int) -> str:
    """The id of one leg of an order, from 1 on. Of an order with a class, 1 is what is sent, and 2 and 3 are the exits
    that go with it, the profit before the loss."""
    return f"{parent_id}-{number}"


def exit_id_of(entry_id: str, number: int) -> str:
    """The id of an exit (1 or 2) that goes with the order ``entry_id``."""
    parent_id, _, _ = entry_id.rpartition("-")
    return leg_id_of(parent_id, number + 1)
