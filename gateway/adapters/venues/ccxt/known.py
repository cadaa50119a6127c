"""What is known of single exchanges beyond ccxt's own tables: how they treat our ids, and what a missing order proves.

ccxt says which calls an exchange has. It does not say whether an exchange refuses an id that it has seen, whether an
order that cannot be found was never there, or which form an id must have. Where nothing is known the answer is the
careful one: nothing is refused twice, nothing missing proves anything, and doubt lasts until a person ends it.
"""

import msgspec

from gateway.domain.capabilities import IdReuse
from gateway.domain.enums import OrdType, Word


class IdForm(Word):
    """How our order id is written as the exchange's client order id."""

    UUID = "uuid"
    #: The same 32 hexadecimal digits without dashes.
    HEX = "hex"
    #: The same with ``0x`` before it.
    HEX0X = "0x"
    #: Our id as it is.
    TEXT = "text"
    #: None is sent: what happened to an unanswered order can then only be told by a person.
    NONE = "none"


class KnownExchange(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange. The defaults are what is assumed of any other.

    ``id_param`` is where ccxt takes our id, ``clientOrderId`` as a rule.
    ``finds_by_id``: it passes it on in ``fetchOrder``.
    ``absent_after_s``: how long a request that was cut off may still take effect (its signature's validity); an order
    that is looked for everywhere after that and not found was never there. None: that is not known, or its look-up
    does not reach everything. ``forgets_unfilled``: an order that ended without a fill is not found any more.
    ``has_symbolless_cancel``: a cancel must not name the market. ``has_stop_side``: a stop order must say in
    ``stop`` whether it is an entry or a loss. ``tells_trades_in_order``: executions, each with its id, are told
    with the order where there is no call for them. ``lacks``: order types that ccxt offers and the exchange does not.
    """

    id_form: IdForm = IdForm.HEX
    id_param: str = "clientOrderId"
    id_reuse: IdReuse = IdReuse.NEVER_REFUSED
    finds_by_id: bool = False
    absent_after_s: int | None = None
    forgets_unfilled: bool = False
    has_symbolless_cancel: bool = False
    has_stop_side: bool = False
    tells_trades_in_order: bool = False
    lacks: tuple[OrdType, ...] = ()


def _by_id(form: IdForm) -> KnownExchange:
    """Found by our id, but not known to prove anything by not finding it."""
    return KnownExchange(id_form=form, finds_by_id=True)


#: Binance: a signed request is valid for ccxt's ``recvWindow`` of 10 s; an id may be used again once its order is done.
_BINANCE = KnownExchange(
    id_form=IdForm.TEXT,
    id_reuse=IdReuse.REFUSED_WHILE_OPEN,
    finds_by_id=True,
    absent_after_s=12,
)
#: Coinbase Exchange: ``client_oid`` must be a UUID and is not compared with any other; a request is valid for 30 s; an
#: order that was canceled without a fill is purged. It takes no stop orders at market, only stop limit.
_COINBASE_EXCHANGE = KnownExchange(
    id_form=IdForm.UUID,
    finds_by_id=True,
    absent_after_s=32,
    forgets_unfilled=True,
    has_symbolless_cancel=True,
    has_stop_side=True,
    lacks=(OrdType.STOP,),
)
_EXCHANGES = {
    "binance": _BINANCE,
    "coinbaseexchange": _COINBASE_EXCHANGE,
    "bitget": _by_id(IdForm.HEX),
    "bitstamp": _by_id(IdForm.UUID),
    "bybit": KnownExchange(id_form=IdForm.UUID),
    "coinbase": KnownExchange(id_form=IdForm.UUID, id_param="client_order_id"),
    "cryptocom": KnownExchange(id_form=IdForm.UUID, id_param="client_oid"),
    "gate": KnownExchange(id_form=IdForm.TEXT),
    "gemini": KnownExchange(id_form=IdForm.TEXT),
    "htx": _by_id(IdForm.TEXT),
    "hyperliquid": _by_id(IdForm.HEX0X),
    "kraken": _by_id(IdForm.UUID),
    "kucoin": _by_id(IdForm.UUID),
    "mexc": _by_id(IdForm.HEX),
    "okx": _by_id(IdForm.HEX),
    "phemex": _by_id(IdForm.HEX),
    "upbit": KnownExchange(id_form=IdForm.TEXT, tells_trades_in_order=True),
}
_OTHER = KnownExchange()


#: The same exchange for other countries or markets.
_SAME_AS = {
    "binancecoinm": "binance",
    "binanceus": "binance",
    "binanceusdm": "binance",
    "bybiteu": "bybit",
    "bybitid": "bybit",
    "gateeu": "gate",
    "kucoinfutures": "kucoin",
    "myokx": "okx",
    "okxus": "okx",
}


def known_of(exchange: str) -> KnownExchange:
    return _EXCHANGES.get(_SAME_AS.get(exchange, exchange), _OTHER)
