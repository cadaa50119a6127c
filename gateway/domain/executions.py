"""Executions, and what a venue reports of an order."""

from decimal import Decimal

import msgspec

from gateway.domain.enums import ExecType
from gateway.domain.money import ZERO


class Fill(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One execution. ``fee`` is in ``fee_currency`` (empty: the instrument's currency). ``revised_ns`` is when the
    venue last corrected it (0: never); ``exec_id`` stays that of the original."""

    exec_id: str
    last_qty: Decimal
    last_px: Decimal
    transact_ns: int
    fee: Decimal = ZERO
    fee_currency: str = ""
    is_maker: bool = False
    revised_ns: int = 0


class RevisedFill(msgspec.Struct, frozen=True, gc=False):
    """One execution before and after the venue changed its mind; ``new`` is None when it was taken back."""

    old: Fill
    new: Fill | None


class ExecutionReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a venue (or the simulator) says of one order.

    ``exec_id`` identifies a TRADE across channels and redeliveries: the same id is the same fill, however often
    it arrives. Other kinds are idempotent by nature and need none. ``order_qty``, ``limit_px`` and ``stop_px``
    are the new terms on REPLACED. ``exec_ref_id`` names the execution that TRADE_CANCEL or TRADE_CORRECT is about, by
    its ``exec_id`` or by that of an earlier correction of it.
    """

    order_id: str
    exec_type: ExecType
    transact_ns: int
    exec_id: str = ""
    exec_ref_id: str = ""
    last_qty: Decimal = ZERO
    last_px: Decimal = ZERO
    fee: Decimal = ZERO
    fee_currency: str = ""
    is_maker: bool = False
    venue_order_id: str = ""
    text: str = ""
    order_qty: Decimal | None = None
    limit_px: Decimal | None = None
    stop_px: Decimal | None = None
    is_twin: bool = False
    is_second_twin: bool = False
