"""What the journal tells of one step of a rollout: the part of a canary review that no aggregate holds."""

from decimal import Decimal

import msgspec

#: Incidents that are told one by one; of more, the newest.
MAX_INCIDENTS = 200


class Incident(msgspec.Struct, frozen=True):
    """Something out of the ordinary: ``kind`` in a word, ``text`` for a person."""

    ts_ns: int
    kind: str
    text: str


class ReasonCount(msgspec.Struct, kw_only=True):
    """Orders refused for one reason, by us (denied) or by the venue (rejected). ``example``: the first one's text."""

    stage: str
    code: str
    orders: int
    example: str


class AppliedEdit(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that came into force. ``looser`` are those of its changes that loosen a limit."""

    ts_ns: int
    revision: str
    by: str
    reason: str
    difference: tuple[str, ...]
    looser: tuple[str, ...]


class AskedPolicies(msgspec.Struct, frozen=True):
    """From when on orders were admitted by policies of this revision."""

    ts_ns: int
    revision: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The positions that were drawn in the step: how many went live, how many should have, and the bounds (95%, valid
    however often one looks) of the true share. All None without one."""

    cycles: int
    live: int
    expected: Decimal | None
    share: Decimal | None
    lower: Decimal | None
    upper: Decimal | None


class Samples(msgspec.Struct, frozen=True, kw_only=True):
    """How often each value was seen: pairs of value and count, rising. Slippages are tenths of a basis point (above
    zero: worse), times milliseconds since the order was sent."""

    slippage_live: tuple[tuple[int, int], ...] = ()
    slippage_twin: tuple[tuple[int, int], ...] = ()
    against_twin: tuple[tuple[int, int], ...] = ()
    fill_ms_live: tuple[tuple[int, int], ...] = ()
    fill_ms_twin: tuple[tuple[int, int], ...] = ()
    ack_ms_live: tuple[tuple[int, int], ...] = ()
    ack_ms_twin: tuple[tuple[int, int], ...] = ()


class StepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One venue from ``since_ns`` on, up to record ``seq``. ``pairs`` are the live orders that filled, and of which a
    twin did; of them are the samples. ``incident_counts`` counts all incidents, ``incidents`` lists the newest."""

    venue: str
    since_ns: int
    seq: int
    measured: Measured
    live_orders: int
    pairs: int
    samples: Samples
    incidents: tuple[Incident, ...]
    incident_counts: dict[str, int]
    denied: tuple[ReasonCount, ...]
    rejected: tuple[ReasonCount, ...]
    edits: tuple[AppliedEdit, ...]
    policies: tuple[AskedPolicies, ...]
