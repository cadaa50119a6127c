"""What the server says: one function per message, giving its fields in the order of the wire.

The layouts are those of the TWS API at server versions 176 to 178; what an order of ours never uses is sent as it is
when nothing is set there.
"""

from decimal import Decimal

from tests.venues.tws.frames import UNSET_DOUBLE
from tests.venues.tws.orders import Holding, Listing, TwsExecution, TwsOrder

Fields = list[object]
#: A number that is not set, where the wire says so in full.
UNSET = UNSET_DOUBLE


def error(version: int, request_id: int, code: int, text: str, advanced: str = "") -> Fields:
    return [4, 2, request_id, code, text, *([advanced] if version >= 166 else [])]


def next_valid_id(order_id: int) -> Fields:
    return [9, 1, order_id]


def managed_accounts(accounts: list[str]) -> Fields:
    return [15, 1, ",".join(accounts)]


def current_time(epoch_s: int) -> Fields:
    return [49, 1, epoch_s]


def order_status(order: TwsOrder) -> Fields:
    return [
        3,
        order.order_id,
        order.status,
        order.cum_qty,
        max(order.leaves_qty, Decimal(0)),
        order.avg_px,
        order.perm_id,
        order.terms.parent_id,
        order.last_px,
        order.client_id,
        order.why_held,
        0,
    ]


def open_order(version: int, order: TwsOrder) -> Fields:
    """openOrder, message 5."""
    terms = order.terms
    fields: Fields = [5, order.order_id, *order.listing.contract(terms.contract.exchange)]
    fields += [terms.action, terms.qty, terms.order_type, terms.limit_px or 0, terms.aux_px or 0, terms.tif]
    fields += [terms.oca_group, order.account, "", 0, terms.order_ref, order.client_id, order.perm_id]
    fields += [terms.outside_rth, False, 0, terms.good_after, "", "", "", ""]
    fields += _profile(version)
    fields += ["", terms.good_till, "", "", "", 0, "", -1]  # modelCode ... exemptCode
    fields += [0, "", "", "", "", "", terms.display_size]  # auctionStrategy ... displaySize
    fields += [False, False, False, "", 3, False, False, ""]  # blockOrder ... nbboPriceCap
    fields += [terms.parent_id, 0, "", 0, "None", ""]  # parentId ... deltaNeutralAuxPrice
    fields += [0, "", "", "", "", 0, "", ""]  # the eight of a delta-neutral type: TWS says "None", which counts
    fields += [0, "", terms.trail_stop_px or UNSET, terms.trailing_percent, "", "", ""]  # ... comboLegsDescrip
    fields += [0, 0, 0, "", "", UNSET, ""]  # legs, order legs, params, scale, hedgeType
    fields += [False, "", "", False, False]  # optOutSmartRouting ... deltaNeutralContract
    fields += _algorithm(order)
    fields += [False, False, order.status, *[UNSET] * 9, UNSET, UNSET, UNSET, "", ""]  # margins, commission
    fields += [False, False, 0]  # randomizeSize, randomizePrice, conditions
    fields += ["None", UNSET, terms.trail_stop_px or UNSET, UNSET, UNSET, UNSET, UNSET, 0]  # adjusted order
    fields += ["", "", "", 0, False, False, False, False]  # softDollarTier ... usePriceMgmtAlgo
    return [*fields, *_newer(version)]


def completed_order(version: int, order: TwsOrder) -> Fields:
    """completedOrder, message 101: no order id, no client id, no parent."""
    terms = order.terms
    fields: Fields = [101, *order.listing.contract(terms.contract.exchange)]
    fields += [terms.action, terms.qty, terms.order_type, terms.limit_px or 0, terms.aux_px or 0, terms.tif]
    fields += [terms.oca_group, order.account, "", 0, terms.order_ref, order.perm_id]
    fields += [terms.outside_rth, False, 0, terms.good_after, "", "", ""]
    fields += _profile(version)
    fields += ["", terms.good_till, "", "", "", 0, "", -1]  # modelCode ... exemptCode
    fields += ["", "", "", "", "", terms.display_size]  # startingPrice ... displaySize
    fields += [False, False, "", 3, 0, "", 0, "None", ""]  # sweepToFill ... deltaNeutralAuxPrice
    fields += [0, 0, "", ""]  # the four of a delta-neutral type
    fields += [0, "", terms.trail_stop_px or UNSET, terms.trailing_percent, ""]  # ... comboLegsDescrip
    fields += [0, 0, 0, "", "", UNSET, ""]  # legs, order legs, params, scale, hedgeType
    fields += ["", "", False, False]  # clearingAccount ... deltaNeutralContract
    fields += _algorithm(order)
    fields += [False, order.status, False, False, 0]  # solicited, status, randomize, conditions
    fields += [terms.trail_stop_px or UNSET, UNSET, 0, False, False, "", order.cum_qty]  # ... filledQuantity
    fields += [0, False, "", False, False, 0]  # refFuturesConId ... parentPermId
    fields += [order.completed_time, order.completed_status]
    return [*fields, *(["", "", "", "", ""] if version >= 170 else [])]


def _profile(version: int) -> Fields:
    return [""] if version < 177 else []


def _algorithm(order: TwsOrder) -> Fields:
    if not order.terms.algo:
        return [""]
    params = order.terms.algo_params
    return [order.terms.algo, len(params), *(part for pair in params.items() for part in pair)]


def _newer(version: int) -> Fields:
    fields: Fields = []
    fields += [""] if version >= 159 else []  # duration
    fields += [""] if version >= 160 else []  # postToAts
    fields += [False] if version >= 162 else []  # autoCancelParent
    return fields + (["", "", "", "", ""] if version >= 170 else [])


def execution(version: int, request_id: int, one: TwsExecution) -> Fields:
    """execDetails, message 11; ``request_id`` is -1 for a fill that happens now."""
    fields: Fields = [11, request_id, one.order_id, *one.listing.contract(one.exchange)]
    fields += [one.exec_id, one.time, one.account, one.exchange, "BOT" if one.side == "buy" else "SLD"]
    fields += [one.qty, one.px, one.perm_id, one.client_id, 0, one.cum_qty, one.avg_px, one.order_ref]
    fields += ["", "", "", 1 if one.is_maker else 2]
    return [*fields, *([False] if version >= 178 else [])]


def execution_end(request_id: int) -> Fields:
    return [55, 1, request_id]


def commission(one: TwsExecution) -> Fields:
    return [59, 1, one.exec_id, one.commission, "USD", UNSET, UNSET, 0]


def position(account: str, holding: Holding) -> Fields:
    return [61, 3, account, *holding.listing.contract(), holding.qty, holding.avg_cost]


def account_value(account: str, tag: str, value: object, currency: str = "USD") -> Fields:
    return [6, 2, tag, value, currency, account]


def account_value_multi(request_id: int, account: str, tag: str, value: object) -> Fields:
    return [73, 1, request_id, account, "", tag, value, "USD"]


def contract_details(request_id: int, one: Listing) -> Fields:
    """contractDetails, message 10, as from version 164 on."""
    fields: Fields = [10, request_id, one.symbol, one.sec_type, one.expiry, one.strike, one.right, one.exchange]
    fields += [one.currency, one.local_symbol or one.symbol, one.symbol, one.trading_class or one.symbol]
    fields += [one.con_id, one.min_tick, one.multiplier, "LMT,MKT,STP,STPLMT,TRAIL,MOC,LOC", one.exchange, 1, 0]
    fields += [one.symbol, one.primary_exchange, "", "", "", "", "US/Eastern", "", "", "", 0, 0]
    fields += [1, "", "", "26", "", "COMMON", 1, 1, 100]
    return fields


def tick_price(request_id: int, tick_type: int, px: Decimal, size: Decimal) -> Fields:
    """A price with its size; types 1 bid, 2 ask, 4 last."""
    return [1, 6, request_id, tick_type, px, size, 0]
