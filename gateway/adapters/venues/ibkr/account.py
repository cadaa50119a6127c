"""What TWS says of the account: the orders of every client, the executions of the day, the positions.

Asked for on the connection of the orders, one round at a time. What the rounds tell of our own orders is reported on
the way, as after every connect.
"""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal

from ib_async import Contract, Execution, Order

from gateway.adapters.venues.ibkr.connection import TwsConnection
from gateway.adapters.venues.ibkr.contracts import ContractUnknown, contract_of
from gateway.adapters.venues.ibkr.fills import decimal_of
from gateway.adapters.venues.ibkr.wire import Tape, Wire
from gateway.domain.enums import Side
from gateway.domain.instruments import Instrument
from gateway.domain.money import ZERO
from gateway.domain.venue_account import AccountUnreadable, VenueExecution, VenueOrder, VenuePosition

_UNSET = 1e300


class IbkrAccount:
    """Implements ``ports.venue.VenueAccount`` for the account that is traded. ``venue`` is the configured name."""

    def __init__(self, connection: TwsConnection, instruments: Mapping[str, Instrument], venue: str) -> None:
        self._connection = connection
        self._instruments = instruments
        self._venue = venue

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        tape = await self._read(Wire.list_all_open_orders)
        names = self._names()
        found = {}
        for contract, order, status in tape.orders:
            if order.account in ("", self._connection.account):
                found[order.permId] = _order_of(
                    names.symbol(contract), order, tape.filled.get(order.permId, ZERO), status
                )
        return tuple(found.values())

    async def executions(self, since_ns: int) -> tuple[VenueExecution, ...]:
        """All of the day, whatever ``since_ns``: TWS lists no others."""
        tape = await self._read(Wire.list_executions)
        names = self._names()
        latest: dict[str, tuple[str, Contract, Execution]] = {}
        for contract, one in tape.executions:
            if one.acctNumber != self._connection.account:
                continue
            stem, _, version = one.execId.rpartition(".")
            stem = stem or one.execId
            if stem not in latest or latest[stem][0] < version:  # a correction repeats the id with a higher end
                latest[stem] = version, contract, one
        return tuple(
            _execution_of(stem, names.symbol(contract), one, tape)
            for stem, (_, contract, one) in latest.items()
            if one.shares
        )

    async def positions(self) -> tuple[VenuePosition, ...]:
        tape = await self._read(Wire.list_positions)
        names = self._names()
        return tuple(
            VenuePosition(symbol=names.symbol(contract), qty=decimal_of(qty))
            for account, contract, qty in tape.positions
            if account == self._connection.account and qty
        )

    async def _read(self, ask: Callable[[Wire], Awaitable[None]]) -> Tape:
        try:
            return await self._connection.record(ask)
        except (ConnectionError, TimeoutError) as error:
            raise AccountUnreadable(
                f"the account cannot be read from TWS: {str(error) or 'no answer in time'}"
            ) from None

    def _names(self) -> "_Names":
        return _Names([one for one in self._instruments.values() if one.venue == self._venue])


class _Names:
    """Which of our instruments a contract of TWS is."""

    def __init__(self, instruments: list[Instrument]) -> None:
        self._known: dict[tuple[str, str, str], list[tuple[Contract, str]]] = {}
        for instrument in instruments:
            try:
                contract = contract_of(instrument)
            except ContractUnknown:
                continue  # no order for it can be sent either
            self._known.setdefault(_key(contract), []).append((contract, instrument.symbol))

    def symbol(self, contract: Contract) -> str:
        """Our symbol, or what TWS calls it."""
        for ours, symbol in self._known.get(_key(contract), ()):
            if _fits(ours, contract):
                return symbol
        return " ".join(str(contract.localSymbol or contract.symbol).split())


def _key(contract: Contract) -> tuple[str, str, str]:
    return contract.secType, contract.symbol, contract.currency


def _fits(ours: Contract, theirs: Contract) -> bool:
    """What a future or option is told by besides; a month fits every day in it."""
    is_date = str(theirs.lastTradeDateOrContractMonth).startswith(ours.lastTradeDateOrContractMonth)
    if ours.secType != "OPT":
        return is_date
    return is_date and bool(ours.right[:1] == theirs.right[:1] and ours.strike == theirs.strike)


def _order_of(symbol: str, order: Order, filled: Decimal, status: str) -> VenueOrder:
    return VenueOrder(
        venue_order_id=str(order.permId),
        symbol=symbol,
        side=Side.BUY if order.action == "BUY" else Side.SELL,
        order_qty=_number(order.totalQuantity) or ZERO,
        cum_qty=filled,
        order_id=order.orderRef,
        limit_px=_number(order.lmtPrice),
        stop_px=_number(order.auxPrice),
        text=f"{order.orderType} {status} by client {order.clientId}",
    )


def _execution_of(exec_id: str, symbol: str, one: Execution, tape: Tape) -> VenueExecution:
    commission = tape.commissions.get(one.execId)
    has_fee = commission is not None and abs(commission.commission) < _UNSET
    return VenueExecution(
        exec_id=exec_id,
        symbol=symbol,
        side=Side.BUY if one.side == "BOT" else Side.SELL,
        last_qty=decimal_of(one.shares),
        last_px=decimal_of(one.price),
        transact_ns=int(one.time.timestamp() * 1_000) * 1_000_000,
        order_id=one.orderRef,
        venue_order_id=str(one.permId or ""),
        fee=decimal_of(commission.commission) if commission is not None and has_fee else ZERO,
        fee_currency=commission.currency if commission is not None and has_fee else "",
        is_maker=one.lastLiquidity == 1,
    )


def _number(value: float | Decimal) -> Decimal | None:
    if isinstance(value, Decimal):
        return value or None
    return None if abs(value) > _UNSET or not value else decimal_of(float(value))
