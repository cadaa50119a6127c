"""What a person should know of at once: a condition that was observed, and the alert that it became."""

import msgspec

from gateway.domain.enums import Word
from gateway.domain.orders import Actor


class Severity(Word):
    """How loud: ``critical`` is now, ``warning`` is today, ``info`` is worth a line."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class AlertKind(Word):
    """What is wrong. Together with its subject it names an alert: the same is never told twice while it lasts."""

    BREAKER_TRIPPED = "breaker_tripped"
    TRADING_STOPPED = "trading_stopped"
    STRATEGY_LOCKED = "strategy_locked"
    ORDERS_IN_DOUBT = "orders_in_doubt"
    DAILY_LOSS_LIMIT = "daily_loss_limit"
    DRIFT = "drift"
    ROLLOUT_HELD = "rollout_held"
    UNKNOWN_ORDERS = "unknown_orders"
    EXECUTIONS_DIFFER = "executions_differ"
    VENUE_LOST = "venue_lost"
    MARKET_DATA_STALE = "market_data_stale"
    JOURNAL_TROUBLE = "journal_trouble"
    DISK_LOW = "disk_low"
    AUDIT_BROKEN = "audit_broken"
    CONFIG_REFUSED = "config_refused"
    CONFIG_WAITING = "config_waiting"
    POLICY_REFUSED = "policy_refused"
    CHANNEL_DEAD = "channel_dead"


#: Kinds that name no account, strategy or limit: a key that is bound to some may read them.
PUBLIC_KINDS = frozenset({AlertKind.VENUE_LOST, AlertKind.MARKET_DATA_STALE, AlertKind.JOURNAL_TROUBLE})


#: Kinds that the state does not know: what is wrong outside it.
OUTSIDE_KINDS = frozenset(
    {
        AlertKind.DAILY_LOSS_LIMIT,
        AlertKind.VENUE_LOST,
        AlertKind.MARKET_DATA_STALE,
        AlertKind.JOURNAL_TROUBLE,
        AlertKind.DISK_LOW,
        AlertKind.AUDIT_BROKEN,
        AlertKind.CONFIG_REFUSED,
        AlertKind.CONFIG_WAITING,
        AlertKind.POLICY_REFUSED,
        AlertKind.CHANNEL_DEAD,
    }
)


class AlertCondition(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong now. ``subject`` says where (a venue, a symbol, a trip), in words that do not change
    while it lasts; ``text`` says what, for a person who may be asleep."""

    kind: AlertKind
    subject: str
    severity: Severity
    text: str

    @property
    def key(self) -> str:
        return f"{self.kind.value}:{self.subject}"


class Acknowledgment(msgspec.Struct, frozen=True):
    """Who has taken it on, when and why."""

    actor: Actor
    reason: str
    at_ns: int


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert: since when, until when (0: it lasts), and who has taken it on."""

    alert_id: str
    condition: AlertCondition
    raised_ns: int
    resolved_ns: int = 0
    acknowledged: Acknowledgment | None = None

    @property
    def is_active(self) -> bool:
        return self.resolved_ns == 0
