"""rollout.yaml: the rules that look at more than one value, and the plan that comes of it."""

from decimal import Decimal
from typing import Any

from gateway.adapters.config.documents import Documents
from gateway.adapters.config.tables import GATEWAY, ROLLOUT
from gateway.domain.candidates import CandidateGates, CandidatePart, CandidateTerms
from gateway.domain.enums import Mode
from gateway.domain.money import plain
from gateway.domain.rollout import (
    ApprovalTerms,
    CanaryCaps,
    DemotionTerms,
    Gates,
    Promotions,
    Rollout,
    RolloutStep,
    ShadowTerms,
)

_NAMED_BY_VENUE = ("caps", "promotions")


def check_venue_names(documents: Documents, venues: set[str]) -> None:
    """What is said of a venue with a slip in its name would hold for none."""
    rollout = documents[ROLLOUT]
    for key in _NAMED_BY_VENUE:
        for name in rollout.get(key, default={}):
            if name not in venues | {"default"}:
                hint = documents.problems.did_you_mean(name, ["default", *sorted(venues)])
                documents.problems.add(rollout.place(key, name), "is not a known venue", hint=hint)


def check_plan(documents: Documents) -> None:
    """A rollout only ever grows: going back is a demotion, and not planned."""
    rollout = documents[ROLLOUT]
    before, error_rate = 0, Decimal(1)
    if rollout.get("plan") == []:
        text = "has no step, so that one edit would lead from SHADOW to a CANARY of 100%, and the next to LIVE"
        hint = "leave it out for the plan of the shipped file, or say under promotions which venues are set by hand"
        documents.problems.add(rollout.place("plan"), text, hint=hint)
    for index, step in enumerate(rollout.get("plan", default=[])):
        weight = step.get("weight_pct", before + 1)
        if weight <= before:
            place = rollout.place("plan", index, "weight_pct")
            documents.problems.add(place, "must be above that of the step before", plain(Decimal(weight) / 100))
        rate = step.get("max_error_rate", error_rate)
        if rate > error_rate:
            place = rollout.place("plan", index, "max_error_rate")
            documents.problems.add(place, "must not be above that of the step before", plain(rate))
        before, error_rate = weight, rate
    _warn_manual(documents)


def _warn_manual(documents: Documents) -> None:
    """Promotions without evidence are for venues where nothing is at stake: never without being told."""
    modes = documents[GATEWAY].get("modes", "venues", default={})
    given = documents[ROLLOUT].get("promotions", default={})
    for name, promotions in given.items():
        if promotions is not Promotions.MANUAL:
            continue
        raised = name in modes and modes[name].get("mode", Mode.SHADOW) is not Mode.SHADOW
        if raised or name == "default":
            text = "is manual: modes and shares are raised without evidence, approval or rollout policy"
            documents.problems.warn(documents[ROLLOUT].place("promotions", name), text)


def build_rollout(documents: Documents, venues: set[str]) -> Rollout:
    """Caps and promotions are written out for every venue: what it does not say itself is as under ``default``."""
    rollout = documents[ROLLOUT]
    caps_given, promotions = rollout.get("caps", default={}), rollout.get("promotions", default={})
    common = caps_given.get("default", {})
    caps = {name: CanaryCaps(**{**common, **caps_given.get(name, {})}) for name in sorted(venues)} if caps_given else {}
    found = {name: promotions.get(name, promotions.get("default", Promotions.EVIDENCE)) for name in sorted(venues)}
    optional: dict[str, Any] = {
        key: rollout.values[key] for key in ("canary_unit", "salt", "live_after_days") if key in rollout.values
    }
    if (steps := rollout.get("plan")) is not None:
        optional["plan"] = tuple(_step(step) for step in steps)
    for key, struct in (("gates", Gates), ("approval", ApprovalTerms), ("shadow", ShadowTerms)):
        if (values := rollout.get(key)) is not None:
            optional[key] = struct(**values)
    if (values := rollout.get("candidates")) is not None:
        needed = tuple(part for part in CandidatePart if part in values.get("needed", ()))
        optional["candidates"] = CandidateTerms(needed=needed, gates=CandidateGates(**values.get("gates", {})))
    if (values := rollout.get("demotion")) is not None:
        names = {"cool_down": "cool_down_s", "settle": "settle_s"}
        optional["demotion"] = DemotionTerms(**{names.get(key, key): value for key, value in values.items()})
    return Rollout(
        caps=caps,
        promotions={name: word for name, word in found.items() if word is not Promotions.EVIDENCE},
        **optional,
    )


def _step(values: dict[str, Any]) -> RolloutStep:
    names = {"weight_pct": "weight_bp", "notional_pct": "notional_bp"}
    known = {names.get(key, key): value for key, value in values.items()}
    if "caps" in known:
        known["caps"] = CanaryCaps(**known["caps"])
    return RolloutStep(**known)
