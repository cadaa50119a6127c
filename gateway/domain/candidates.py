"""Words of candidates: policies and limits that run beside the enforced ones and change nothing.

A candidate is asked about every order on the inputs of the real decision; where the two would not have done the same,
that is a difference.
"""

from decimal import Decimal

import msgspec

from gateway.domain.enums import Side, Word


class DifferenceKind(Word):
    """What a candidate would have done otherwise with one order."""

    #: The order was admitted; the candidate denies it, or a part of it.
    DENIES = "denies"
    #: The order, or a part of it, was denied; the candidate admits it.
    ADMITS = "admits"
    #: Both admit the same quantity; the candidate sends it by another route.
    ROUTES = "routes"


class Subject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request that was decided: a new order or (``is_replace``) new terms for one."""

    seq: int
    ts_ns: int
    order_id: str
    account: str
    strategy_id: str
    venue: str
    symbol: str
    side: Side
    order_qty: Decimal
    is_replace: bool = False


class OrderDifference(Subject, frozen=True, kw_only=True):
    """A request that two sets of rules do not treat alike.

    ``rules`` are those by which the stricter side denies (or why the other route is taken), ``notional`` the value of
    the quantity that they differ in, base currency. ``enforced`` and ``candidate`` say in words what either does.
    """

    kind: DifferenceKind
    notional: Decimal
    rules: tuple[str, ...]
    enforced: str
    candidate: str


class CandidatePart(Word):
    """What a candidate can be of, and what of it can be put in force."""

    LIMITS = "limits"
    POLICIES = "policies"


class RuleTally(msgspec.Struct, kw_only=True):
    """How often one rule made the difference, and for how much. An order that breaks two rules counts in both."""

    kind: DifferenceKind
    rule: str
    orders: int = 0
    notional: Decimal = Decimal(0)


class KindTotal(msgspec.Struct, kw_only=True):
    """Orders of one kind of difference, and the value that they differ in, base currency."""

    orders: int = 0
    notional: Decimal = Decimal(0)


class StepTally(msgspec.Struct, kw_only=True):
    """What a candidate came to at one venue, during one step of the venue's rollout or what of it the candidate saw.
    ``position`` is the step's place on the plan: -1 in SHADOW, past the last one in LIVE."""

    position: int
    since_seq: int
    since_ns: int
    orders: int = 0
    totals: dict[DifferenceKind, KindTotal] = {}
    rules: tuple[RuleTally, ...] = ()

    @property
    def differences(self) -> int:
        return sum(total.orders for total in self.totals.values())


class CandidateReport(msgspec.Struct, kw_only=True):
    """What a candidate came to so far. What is said here survives a restart of the candidate and of the gateway.

    ``revision`` is a hash of its limits and policies: other content begins a new count, at ``since_seq``. ``seq`` is
    the last record that it followed, of ``head_seq`` that the journal had. ``orders`` are those judged, ``examples``
    the last that differ. ``errors`` are requests that its rules failed on (a policy without an answer included, which
    in force would be a denial), ``skipped`` those that were not judged because it was too far behind, ``undecided``
    those that left before the enforced policy answered, ``waiting`` those that wait for it, ``assumed`` the answers of
    policies that nobody could ask and that were taken as yes. ``days`` are the gateway's trading days with judged
    orders, up to ``last_day``. ``steps`` is what it came to at each venue by the steps of its rollout, the newest last.
    ``trouble`` says why its process ended before it had judged what was on record; empty once it has.
    """

    revision: str
    since_seq: int
    since_ns: int
    seq: int = 0
    head_seq: int = 0
    orders: int = 0
    totals: dict[DifferenceKind, KindTotal] = {}
    rules: tuple[RuleTally, ...] = ()
    examples: tuple[OrderDifference, ...] = ()
    errors: int = 0
    skipped: int = 0
    undecided: int = 0
    waiting: int = 0
    assumed: int = 0
    last_error: str = ""
    days: int = 0
    last_day: int = 0
    steps: dict[str, tuple[StepTally, ...]] = {}
    trouble: str = ""

    @property
    def differences(self) -> int:
        return sum(total.orders for total in self.totals.values())


class CandidateGates(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate must have shown before it counts as proven: so many orders judged on so many trading days, its
    rules failing on less than ``max_errors`` of the orders, and differing on less than ``max_differences`` (None:
    however many). Shares, proven at ``confidence``."""

    min_orders: int = 1_000
    min_days: int = 0
    max_errors: Decimal = Decimal("0.005")
    max_differences: Decimal | None = None
    confidence: Decimal = Decimal("0.95")

    def or_stricter(self, other: "CandidateGates") -> "CandidateGates":
        """What asks for as much as both."""
        bounds = [one for one in (self.max_differences, other.max_differences) if one is not None]
        return CandidateGates(
            min_orders=max(self.min_orders, other.min_orders),
            min_days=max(self.min_days, other.min_days),
            max_errors=min(self.max_errors, other.max_errors),
            max_differences=min(bounds, default=None),
            confidence=max(self.confidence, other.confidence),
        )


class CandidateTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Which edits need a candidate that has shown as much as ``gates`` ask for, whatever its own gates say: those that
    loosen limits, those of policies. None of them: candidates inform."""

    needed: tuple[CandidatePart, ...] = ()
    gates: CandidateGates = CandidateGates()

    def gates_of(self, own: CandidateGates) -> CandidateGates:
        """What a candidate with gates of its own is measured by."""
        return own.or_stricter(self.gates) if self.needed else own
