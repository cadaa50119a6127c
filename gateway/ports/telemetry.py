"""Where measurements go. Called on the event loop: an implementation only counts."""

from typing import Protocol

from gateway.domain.records import Record


class Telemetry(Protocol):
    def on_record(self, record: Record) -> None:
        """A record became durable."""
        ...

    def on_order(self, venue: str, decide_ns: int, journal_ns: int, total_ns: int) -> None:
        """An order was decided and answered: how long its decision took, its journal, and all from request to reply."""
        ...

    def on_commit(self, batch: int, elapsed_ns: int) -> None:
        """A batch of this many records was made durable in this time."""
        ...

    def on_journal_failure(self) -> None:
        """A batch could not be written."""
        ...

    def on_policy(self, is_allowed: bool, failure: str | None, elapsed_ns: int) -> None:
        """The policy was asked; ``failure`` is why there was no decision."""
        ...

    def on_config(self, is_applied: bool, revision: str, now_ns: int) -> None:
        """An edit took effect, or was refused; ``revision`` is in force after it."""
        ...
