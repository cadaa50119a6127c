"""Where measurements go. Called on the event loop: an implementation only counts."""

from typing import Protocol

from gateway.domain.records import Record


class Telemetry(Protocol):
    def on_record(self, record: Record) -> None:
        """A record became durable."""
        ...

    def on_stage(self, venue: str, stage: str, elapsed_ns: int) -> None:
        """An order spent this long in one stage (decide, policy, journal, reply, total)."""
        ...

    def on_commit(self, batch: int, elapsed_ns: int) -> None:
        """A batch of this many records was made durable in this time."""
        ...

    def on_journal_failure(self) -> None: ...

    def on_policy(self, is_allowed: bool, failure: str | None, elapsed_ns: int) -> None: ...

    def on_config(self, is_applied: bool, revision: str, now_ns: int) -> None: ...
