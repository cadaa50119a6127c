"""What a client can ask for: the fields of its messages by name, where they are read by this server."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from tests.venues.tws.frames import ProtocolError

PLACE_ORDER, CANCEL_ORDER = 3, 4


@dataclass(frozen=True)
class Contract:
    """The twelve fields with which a contract is named."""

    con_id: str
    symbol: str
    sec_type: str
    expiry: str
    strike: str
    right: str
    multiplier: str
    exchange: str
    primary_exchange: str
    currency: str
    local_symbol: str
    trading_class: str


def contract_of(con_id: int) -> Contract:
    """A contract named by its id alone."""
    return Contract(str(con_id), *[""] * 11)


@dataclass
class PlaceOrder:
    """A new order, or new terms for one that works. Numbers that are not set are None."""

    order_id: int
    contract: Contract
    action: str
    qty: Decimal
    order_type: str
    limit_px: Decimal | None
    aux_px: Decimal | None
    tif: str
    account: str
    order_ref: str
    oca_group: str = ""
    transmit: bool = True
    parent_id: int = 0
    display_size: Decimal | None = None
    outside_rth: bool = False
    good_after: str = ""
    good_till: str = ""
    trail_stop_px: Decimal | None = None
    trailing_percent: Decimal | None = None
    algo: str = ""
    algo_params: dict[str, str] = field(default_factory=dict)
    what_if: bool = False


def number(text: str) -> Decimal | None:
    """A number of the wire; None for one that is not set."""
    if text in ("", "Infinite"):
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ProtocolError(f"not a number: {text!r}") from None
    return None if value > Decimal("1e300") else value


def integer(text: str) -> int:
    return int(text or 0)


def read_contract(fields: Iterator[str]) -> Contract:
    return Contract(*(next(fields) for _ in range(12)))


def read_place_order(given: list[str], version: int) -> PlaceOrder:
    """The layout of placeOrder: see the reference of the TWS API; legs, scales and conditions are not served."""
    fields = iter(given[1:])
    order_id = integer(next(fields))
    contract = read_contract(fields)
    _skip(fields, 2)  # secIdType, secId
    order = PlaceOrder(
        order_id=order_id,
        contract=contract,
        action=next(fields),
        qty=number(next(fields)) or Decimal(0),
        order_type=next(fields),
        limit_px=number(next(fields)),
        aux_px=number(next(fields)),
        tif=next(fields),
        oca_group=next(fields),
        account=next(fields),
        order_ref=_after(fields, 2),  # openClose, origin
    )
    order.transmit = next(fields) == "1"
    order.parent_id = integer(next(fields))
    _skip(fields, 2)  # blockOrder, sweepToFill
    order.display_size = number(next(fields))
    _skip(fields, 1)  # triggerMethod
    order.outside_rth = next(fields) == "1"
    _skip(fields, 1)  # hidden
    if contract.sec_type == "BAG":
        raise ProtocolError("combination orders are not served")
    _skip(fields, 2)  # (shares allocation), discretionaryAmt
    order.good_after, order.good_till = next(fields), next(fields)
    _skip(fields, 3 if version >= 177 else 4)  # faGroup, faMethod, faPercentage, [faProfile]
    _read_middle(order, fields)
    _read_end(order, fields)
    return order


def _read_middle(order: PlaceOrder, fields: Iterator[str]) -> None:
    """From modelCode to the delta-neutral contract."""
    _skip(fields, 22)  # modelCode ... volatilityType
    if _after(fields, 0):  # deltaNeutralOrderType
        _skip(fields, 9)
    else:
        _skip(fields, 1)  # deltaNeutralAuxPrice
    _skip(fields, 2)  # continuousUpdate, referencePriceType
    order.trail_stop_px, order.trailing_percent = number(next(fields)), number(next(fields))
    _skip(fields, 2)  # scale sizes
    if (number(next(fields)) or 0) > 0:  # scalePriceIncrement
        _skip(fields, 7)
    _skip(fields, 3)  # scaleTable, activeStartTime, activeStopTime
    if next(fields):  # hedgeType
        _skip(fields, 1)
    _skip(fields, 4)  # optOutSmartRouting, clearingAccount, clearingIntent, notHeld
    if next(fields) == "1":  # deltaNeutralContract
        _skip(fields, 3)


def _read_end(order: PlaceOrder, fields: Iterator[str]) -> None:
    """From the algorithm to the end; what follows ``whatIf`` is not read."""
    order.algo = next(fields)
    if order.algo:
        order.algo_params = {next(fields): next(fields) for _ in range(integer(next(fields)))}
    _skip(fields, 1)  # algoId
    order.what_if = next(fields) == "1"


def _skip(fields: Iterator[str], count: int) -> None:
    for _ in range(count):
        next(fields)


def _after(fields: Iterator[str], count: int) -> str:
    _skip(fields, count)
    return next(fields)
