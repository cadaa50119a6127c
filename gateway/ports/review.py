"""What a canary review reads beside the state."""

from typing import Protocol

from gateway.domain.review import StepRecord


class ReviewFailed(Exception):
    """The journal could not be read for it; says why and what to do."""


class StepRecords(Protocol):
    async def since(self, venue: str, since_ns: int) -> StepRecord:
        """What the journal tells of a venue since then. Raises ReviewFailed."""
        ...
