"""The closed vocabularies, FIX terms first. Values are the lower-case words of the HTTP contract."""

from enum import StrEnum


class Word(StrEnum):
    """A word of one of the vocabularies. Hashed as the text it is: ``Enum`` hashes in Python, on every look-up."""

    __hash__ = str.__hash__


class Side(Word):
    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for what adds to a position, -1 for what takes from it."""
        return 1 if self is _BUY else -1


_BUY = Side.BUY


class OrdType(Word):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"
    MARKET_ON_CLOSE = "moc"
    LIMIT_ON_CLOSE = "loc"


class TimeInForce(Word):
    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"
    AT_THE_OPENING = "opg"
    AT_THE_CLOSE = "cls"


class OrderClass(Word):
    """What goes with an order: nothing, or exits that wait at the venue."""

    SIMPLE = "simple"
    #: An entry with two exits, one for profit and one for loss: they wake when it has filled whole, one ends the other.
    BRACKET = "bracket"
    #: Two exits of a position that is there already: one cancels the other.
    OCO = "oco"
    #: An entry with one exit: one triggers the other.
    OTO = "oto"


class OrdStatus(Word):
    """FIX OrdStatus (39), with DENIED for what the gateway itself refused (FIX would say rejected for both)."""

    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    DENIED = "denied"


#: Sent or about to be sent, not yet acknowledged by the venue.
PENDING_STATUSES = frozenset({OrdStatus.PENDING_NEW})
#: Acknowledged by the venue and able to trade.
WORKING_STATUSES = frozenset({OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED})
#: Done: nothing more is expected, though a late fill may still be booked.
TERMINAL_STATUSES = frozenset(
    {OrdStatus.FILLED, OrdStatus.CANCELED, OrdStatus.EXPIRED, OrdStatus.REJECTED, OrdStatus.DENIED}
)
#: Every order that still holds exposure.
OPEN_STATUSES = PENDING_STATUSES | WORKING_STATUSES


class ExecType(Word):
    """FIX ExecType (150): what one execution report says happened."""

    NEW = "new"
    TRADE = "trade"
    #: The venue takes an execution back (a bust), or alters its quantity or price. ExecRefID (19) says which.
    TRADE_CANCEL = "trade_cancel"
    TRADE_CORRECT = "trade_correct"
    CANCELED = "canceled"
    REPLACED = "replaced"
    REJECTED = "rejected"
    EXPIRED = "expired"
    #: The venue refused a cancel or a replace; the order itself is unchanged (FIX OrderCancelReject).
    CANCEL_REJECTED = "cancel_rejected"
    REPLACE_REJECTED = "replace_rejected"


class Mode(Word):
    """What may happen to an admitted order of a venue. Ordered: SHADOW < CANARY < LIVE."""

    SHADOW = "SHADOW"
    CANARY = "CANARY"
    LIVE = "LIVE"

    @property
    def rank(self) -> int:
        return _MODE_RANK[self]


_MODE_RANK = {Mode.SHADOW: 0, Mode.CANARY: 1, Mode.LIVE: 2}


class Route(Word):
    """Where one order goes, and therefore which book it belongs to."""

    SHADOW = "shadow"
    LIVE = "live"
    #: Only on a parent order that was divided into legs; the parent itself is never sent.
    SPLIT = "split"


class CanaryUnit(Word):
    """What the canary share is drawn over."""

    POSITION = "position"
    STRATEGY = "strategy"
    ACCOUNT = "account"


class CostMethod(Word):
    """Which lots a closing execution closes: all of them at their average, or the oldest first."""

    AVERAGE = "average"
    FIFO = "fifo"


class TradingState(Word):
    """What is taken of new orders. Ordered: ACTIVE < REDUCING < HALTED, and the strictest of an order's scopes wins."""

    ACTIVE = "active"
    #: Only orders that reduce a position.
    REDUCING = "reducing"
    #: No orders at all; cancels pass.
    HALTED = "halted"

    @property
    def strictness(self) -> int:
        return _STRICTNESS[self]


_STRICTNESS = {TradingState.ACTIVE: 0, TradingState.REDUCING: 1, TradingState.HALTED: 2}


class ShortSale(Word):
    """Whether more of a share or coin may be sold than the account holds."""

    ALLOW = "allow"
    DENY = "deny"


class Role(Word):
    """What a key may do. Each role includes the ones before it, but TRADER and RISK do not include each other."""

    VIEWER = "viewer"
    TRADER = "trader"
    RISK = "risk"
    ADMIN = "admin"


class SubmitStatus(Word):
    """The outcomes of asking a venue for something, and that it was not asked."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    #: Timed out or cut off: the venue may or may not have it. Never treated as a rejection, never resent.
    UNKNOWN = "unknown"
    #: Ours, never a venue's: nothing was sent, because it was not wanted any more when its turn came.
    WITHHELD = "withheld"
    #: Of a cancel only: not sent, or not taken, for want of room in a budget of messages. Nothing happened, and it is
    #: asked for again: a cancel always passes.
    THROTTLED = "throttled"


class ScopeKind(Word):
    """What a limit is measured over, and what trading can be stopped for."""

    GATEWAY = "gateway"
    ACCOUNT = "account"
    STRATEGY = "strategy"
    VENUE = "venue"
    SYMBOL = "symbol"
    SECTOR = "sector"
    ASSET_CLASS = "asset_class"


#: What trading can be stopped for, the widest first.
STOP_SCOPES = (ScopeKind.GATEWAY, ScopeKind.VENUE, ScopeKind.ACCOUNT, ScopeKind.STRATEGY, ScopeKind.SYMBOL)


class SelfMatchPrevention(Word):
    """What gives way when an order could trade with an open one of our own."""

    OFF = "off"
    CANCEL_NEWEST = "cancel_newest"
    CANCEL_OLDEST = "cancel_oldest"
    CANCEL_BOTH = "cancel_both"


class SelfMatchScope(Word):
    """Whose orders may not trade with each other: those of one strategy in one account, of one account, of all."""

    STRATEGY = "strategy"
    ACCOUNT = "account"
    GATEWAY = "gateway"


class RejectStage(Word):
    """Which part of the path refused."""

    INTAKE = "intake"
    INSTRUMENT = "instrument"
    TRADING_STATE = "trading_state"
    ROUTER = "router"
    RISK = "risk"
    POLICY = "policy"
    JOURNAL = "journal"
    VENUE = "venue"
