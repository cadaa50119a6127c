"""Candidates for who reads: limits and policies that run beside the enforced ones and change nothing."""

from typing import Protocol

import msgspec

from gateway.domain.candidates import CandidatePart, CandidateReport
from gateway.domain.enums import Word
from gateway.domain.rollout import GateResult


class CandidateState(Word):
    #: It judges orders as they become durable.
    RUNNING = "running"
    #: It reads what it has not judged yet.
    CATCHING_UP = "catching_up"
    #: Its process ended and is started again in a while.
    RESTARTING = "restarting"
    #: It judges nothing: its files cannot be used, or its process ended too often.
    STOPPED = "stopped"


class CandidateStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One configured candidate. ``policies`` and ``limits`` are its paths as configured, empty for the enforced ones.

    ``problems`` say why what is in its files is not what runs, or nothing does; ``gates`` whether it has
    shown enough to be put in force, and ``needed_for`` what of it cannot be put in force without. ``report`` is None
    until it first told.
    """

    name: str
    policies: str
    limits: str
    state: CandidateState
    problems: tuple[str, ...] = ()
    gates: tuple[GateResult, ...] = ()
    report: CandidateReport | None = None
    needed_for: tuple[CandidatePart, ...] = ()


class Candidates(Protocol):
    def candidates(self) -> tuple[CandidateStatus, ...]:
        """All that are configured, by name: what the API, the metrics and the review of a rollout read."""
        ...
