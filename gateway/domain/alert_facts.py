"""Facts about alerts: raised, taken on by a person, over."""

from gateway.domain.alerts import Acknowledgment, Alert
from gateway.domain.fact import Recorded


class AlertRaised(Recorded, frozen=True, kw_only=True):
    alert: Alert


class AlertAcknowledged(Recorded, frozen=True, kw_only=True):
    """``key`` names the active alert by kind and subject."""

    key: str
    acknowledged: Acknowledgment


class AlertResolved(Recorded, frozen=True, kw_only=True):
    """What was wrong is not any more."""

    key: str
