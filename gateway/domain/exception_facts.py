"""Facts about what people permit beyond the limits: overrides, and configurations that loosen them."""

from gateway.domain.fact import Recorded
from gateway.domain.orders import Actor
from gateway.domain.overrides import Override
from gateway.domain.sessions import Approval


class ConfigApproved(Recorded, frozen=True, kw_only=True):
    """The configuration with this revision may loosen limits, once."""

    revision: str
    approval: Approval


class OverrideGranted(Recorded, frozen=True, kw_only=True):
    override: Override


class OverrideUsed(Recorded, frozen=True, kw_only=True):
    """An order passed by it. It is given back when the order never becomes ours to send."""

    override_id: str
    order_id: str


class OverrideRevoked(Recorded, frozen=True, kw_only=True):
    override_id: str
    actor: Actor


class OverrideExpired(Recorded, frozen=True, kw_only=True):
    """Its time is over; ``uses`` orders passed by it."""

    override_id: str
    uses: int
