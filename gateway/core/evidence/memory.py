"""What is remembered of the rollout of each venue. Written by ``core.apply`` only; part of the checkpoint."""

from decimal import Decimal

import msgspec

from gateway.core.evidence.histogram import Histogram
from gateway.core.evidence.ranks import RankLook
from gateway.domain.money import ZERO
from gateway.domain.rollout import Hold, PromotionApproval, RolloutOverride, Verdict

#: Order type, side and symbol are told apart for so many combinations; the rest goes together.
MAX_STRATA = 500
MAX_PAST = 20
MAX_PAST_STRATA = 50
OTHERS = "others"


class Tally(msgspec.Struct):
    """Counts of live orders. ``orders`` are those whose sending has ended, well (acknowledged) or not; ``errors`` are
    the ones rejected, lost or left without an answer, each once; ``ended`` those that are done.

    ``pairs`` are the orders that filled live or in a twin, both being done, ``hits`` those of them that filled live
    as far as in the lesser twin. Slippages are sums in tenths of a basis point, times sums in milliseconds.

    ``vwap`` is the sum of what orders were worse than the market's average price during their lives, and
    ``vwap_orders`` how many orders that is known of.
    """

    orders: int = 0
    errors: int = 0
    rejects: int = 0
    acks: int = 0
    ack_ms: int = 0
    ended: int = 0
    filled: int = 0
    partial: int = 0
    fill_ratio: Decimal = ZERO
    first_fills: int = 0
    fill_ms: int = 0
    replaced: int = 0
    canceled: int = 0
    pairs: int = 0
    hits: int = 0
    slippages: int = 0
    slippage: int = 0
    twin_slippages: int = 0
    twin_slippage: int = 0
    vwap_orders: Decimal = ZERO
    vwap: Decimal = ZERO


class StepEvidence(msgspec.Struct):
    """What was seen in one step. Histograms of slippage are in tenths of a basis point, of times in milliseconds.

    ``noise`` is what a second twin of the same orders differs from the first: the simulator against itself.
    ``opened`` and ``live_opened`` are the value of the orders that opened or added, of both routes and of the live
    one. ``lost`` orders were cut off by an outage: they say nothing of the venue's quality.
    ``holds`` is how often the rollout was held in it. ``vwap`` is of the average price of an order against that of the
    market during its life; ``looks`` are the last looks at what gates compare, by gate.
    """

    position: int = -1
    entered_ns: int = 0
    days: int = 0
    is_day_spoiled: bool = False
    day_orders: int = 0
    shadow_orders: int = 0
    total: Tally = msgspec.field(default_factory=Tally)
    strata: dict[str, Tally] = {}
    slippage: Histogram = msgspec.field(default_factory=Histogram)
    twin_slippage: Histogram = msgspec.field(default_factory=Histogram)
    noise: Histogram = msgspec.field(default_factory=Histogram)
    noise_fills: int = 0
    vwap: Histogram = msgspec.field(default_factory=Histogram)
    ack_ms: Histogram = msgspec.field(default_factory=Histogram)
    ack_delay_ms: Histogram = msgspec.field(default_factory=Histogram)
    looks: dict[str, RankLook] = {}
    breaches: int = 0
    lost: int = 0
    holds: int = 0
    opened: Decimal = ZERO
    live_opened: Decimal = ZERO

    def tallies(self, stratum: str) -> tuple[Tally, Tally]:
        """The counts of all orders and those of one stratum."""
        found = self.strata.get(stratum)
        if found is None:
            stratum = stratum if len(self.strata) < MAX_STRATA else OTHERS
            found = self.strata.setdefault(stratum, Tally())
        return self.total, found


class PastStep(msgspec.Struct, frozen=True):
    """A step that was left. Of its strata the busiest are kept."""

    position: int
    entered_ns: int
    left_ns: int
    days: int
    tally: Tally
    strata: dict[str, Tally] = {}
    opened: Decimal = ZERO
    live_opened: Decimal = ZERO


class VenueRollout(msgspec.Struct):
    """The rollout of one venue. ``orders``, ``errors``, ``canary_days`` and ``opened`` count over all its steps, from
    its beginning or since ``restarted_ns``; ``in_doubt`` is how many live orders wait for the venue's answer now.
    ``seen_ns`` is the newest time at which an order counted: what counts in a step is later than its beginning, and
    what counted before is not, also where the clock was set back in between."""

    evidence: StepEvidence = msgspec.field(default_factory=StepEvidence)
    past: list[PastStep] = []
    orders: int = 0
    errors: int = 0
    canary_days: int = 0
    restarted_ns: int = 0
    in_doubt: int = 0
    lost_ns: int = 0
    back_ns: int = 0
    outages_today: int = 0
    #: It was lost too often on a day that is over, and nobody has let it go on since.
    waits_for_person: bool = False
    #: The value opened, of both routes: what the share of the value is measured against.
    opened: Decimal = ZERO
    verdict: Verdict | None = None
    hold: Hold | None = None
    approval: PromotionApproval | None = None
    override: RolloutOverride | None = None
    #: The account that was traded when the venue was last configured; the present configuration says it first.
    account: str = ""
    seen_ns: int = 0

    def see(self, ts_ns: int) -> int:
        """The time at which an order counts in the step of now."""
        ts_ns = max(ts_ns, self.evidence.entered_ns + 1)
        self.seen_ns = max(self.seen_ns, ts_ns)
        return ts_ns

    def enter(self, position: int, ts_ns: int) -> None:
        """Begin a step afresh."""
        before = self.evidence
        busiest = sorted(before.strata, key=lambda stratum: (-before.strata[stratum].orders, stratum))
        self.past.append(
            PastStep(
                before.position,
                before.entered_ns,
                ts_ns,
                before.days,
                before.total,
                {stratum: before.strata[stratum] for stratum in sorted(busiest[:MAX_PAST_STRATA])},
                before.opened,
                before.live_opened,
            )
        )
        del self.past[:-MAX_PAST]
        self.evidence = StepEvidence(position=position, entered_ns=ts_ns, is_day_spoiled=self.hold is not None)
        self.verdict = None

    def restart(self, ts_ns: int) -> None:
        """What was proven before counts no more."""
        self.restarted_ns = ts_ns
        self.orders = self.errors = self.canary_days = 0
        self.opened = ZERO
