"""A venue that earns its way: the core of ``tests.world`` under a plan, with twins that fill."""

from decimal import Decimal
from typing import Any

import msgspec

from gateway.core.decision import Decision
from gateway.core.evidence.memory import VenueRollout
from gateway.core.rollout.digest import evidence_hash
from gateway.domain.config import TradingConfig
from gateway.domain.enums import ExecType, Mode, Role, Route, Side
from gateway.domain.events import ConfigLoaded, MarksObserved, PolicyVerdict, VenueStatusChanged
from gateway.domain.orders import Actor, Order
from gateway.domain.rollout import ApprovalNeed, ApprovalTerms, Gates, Hold, Rollout, RolloutStep
from gateway.domain.rollout_events import (
    AlertsReceived,
    PromotionApprovalReceived,
    RolloutCommand,
    RolloutCommanded,
    RolloutOverrideRequested,
    RolloutsChecked,
)
from gateway.domain.rollout_facts import HeardAlert
from tests.world import ADMIN, ALLOW, World, trading_config

D = Decimal
RITA = Actor("rita", Role.RISK)
DAY_NS = 86_400_000_000_000
#: A plan that few orders can follow: half, then all but a tenth.
PLAN = (
    RolloutStep(weight_bp=5_000, days=1, min_orders=10, max_error_rate=D("0.2")),
    RolloutStep(weight_bp=9_000, days=1, min_orders=10, max_error_rate=D("0.1")),
)
GATES = Gates(max_error_rate=D("0.1"), min_fill_rate=D("0.8"), max_slow_acks=D("0.2"), min_pairs=10)
TERMS = Rollout(
    salt="test", plan=PLAN, gates=GATES, live_after_days=2, approval=ApprovalTerms(needed=ApprovalNeed.NEVER)
)


class Site(World):
    """Both venues go by evidence; tests speak of alpha."""

    def __init__(self, mode: Mode = Mode.SHADOW, weight_bp: int = 0, terms: Rollout = TERMS) -> None:
        self.terms = terms
        self.edits = 0
        self.day = 19_000
        super().__init__(self.config(mode, weight_bp))
        self.next_day()

    def config(self, mode: Mode, weight_bp: int, terms: Rollout | None = None, **changes: Any) -> TradingConfig:
        self.edits += 1
        config = trading_config(
            mode, weight_bp=weight_bp, revision=f"r{self.edits}", rollout=terms or self.terms, **changes
        )
        shadow = msgspec.structs.replace(config.venues["beta"], mode=Mode.SHADOW)
        return msgspec.structs.replace(config, venues={**config.venues, "beta": shadow})

    def load(self, config: TradingConfig) -> None:
        decision = self.edit(config)
        assert decision.refusal is None, decision.refusal

    def edit(
        self,
        config: TradingConfig,
        verdict: PolicyVerdict | None = ALLOW,
        *,
        is_alerting: bool = True,
        needs_approval: bool = False,
    ) -> Decision:
        event = ConfigLoaded(
            ts_ns=self.tick(),
            config=config,
            actor=ADMIN,
            promotion_verdicts={} if verdict is None else {"alpha": verdict, "beta": verdict},
            is_alerting=is_alerting,
            needs_approval=needs_approval,
        )
        return self.send(event)

    def raise_to(self, mode: Mode, weight_bp: int, **circumstances: Any) -> str:
        """Edit mode and share; what was refused, or nothing."""
        refusal = self.edit(self.config(mode, weight_bp), **circumstances).refusal
        return "" if refusal is None else refusal.text

    @property
    def rollout(self) -> VenueRollout:
        return self.state.rollouts["alpha"]

    @property
    def hold(self) -> Hold | None:
        rollout = self.state.rollouts.get("alpha")
        return None if rollout is None else rollout.hold

    def live_order(self, side: Side = Side.BUY, qty: int = 1, *, to_fill: bool = True) -> Order:
        """Place until one is drawn live."""
        for _ in range(200):
            order = self.place(side, qty, strategy=f"s{self._count}")
            if order.route is Route.LIVE:
                return order
            if to_fill:
                self.fill(order)
        raise AssertionError("nothing is drawn live")

    def trade(self, n: int, *, rejected: int = 0, px: Decimal | None = None) -> None:
        """``n`` live orders: filled, their twins too, but for those that the venue rejects first."""
        for number in range(n):
            order = self.live_order()
            self.tick(5_000_000)
            if number < rejected:
                self.report(order, ExecType.REJECTED)
                continue
            self.report(order, ExecType.NEW)
            self.fill(order, px=px)
            for second in (False, True):
                self.fill(order, 1, is_twin=True, is_second_twin=second, exec_id=f"t{second}")

    def next_day(self) -> None:
        self.day += 1
        self.now_ns = max(self.now_ns, self.day * DAY_NS)
        days = dict.fromkeys(("alpha", "beta"), self.day)
        self.send(MarksObserved(ts_ns=self.tick(), marks={}, day=self.day, venue_days=days))

    def look(self, wait_s: int = 0) -> Decision:
        return self.send(RolloutsChecked(ts_ns=self.tick(wait_s * 1_000_000_000 + 1)))

    def command(self, command: RolloutCommand, reason: str = "because") -> Decision:
        return self.send(RolloutCommanded(ts_ns=self.tick(), venue="alpha", command=command, actor=RITA, reason=reason))

    def connect(self, is_connected: bool) -> Decision:
        text = "back" if is_connected else "gone"
        return self.send(VenueStatusChanged(ts_ns=self.tick(), venue="alpha", is_connected=is_connected, text=text))

    def approve(self, revision: str, policy_revision: str = "policy-1", evidence: str | None = None) -> Decision:
        """On the evidence of now, unless another hash is given."""
        return self.send(
            PromotionApprovalReceived(
                ts_ns=self.tick(),
                venue="alpha",
                revision=revision,
                policy_revision=policy_revision,
                evidence=evidence_hash(self.state, "alpha", policy_revision) if evidence is None else evidence,
                actor=RITA,
                reason="ok",
            )
        )

    def override(self, mode: Mode, weight_bp: int, within_s: int = 1_000) -> Decision:
        return self.send(
            RolloutOverrideRequested(
                ts_ns=self.tick(),
                venue="alpha",
                mode=mode,
                weight_bp=weight_bp,
                actor=RITA,
                reason="drill",
                expires_ns=self.now_ns + within_s * 1_000_000_000,
            )
        )

    def alert(self, name: str = "f1", *, is_firing: bool = True, starts_ns: int = 1, venue: str = "alpha") -> Decision:
        alert = HeardAlert(fingerprint=name, starts_ns=starts_ns, is_firing=is_firing, name=name, venue=venue)
        return self.send(AlertsReceived(ts_ns=self.tick(), alerts=(alert,)))

    def earn_first_step(self) -> None:
        """SHADOW, the first step, and all that leaving it asks for."""
        assert self.raise_to(Mode.CANARY, 5_000) == ""
        self.trade(40)
        self.next_day()
