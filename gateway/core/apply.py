"""The only writer of state: one short function per fact, the same while running and in replay.

``apply`` never decides: it reads no config to judge by, and what it does follows from the fact alone.
"""

from collections.abc import Iterable

from gateway.core.apply_changes import CHANGE_APPLIERS
from gateway.core.apply_operations import OPERATION_APPLIERS
from gateway.core.apply_orders import ORDER_APPLIERS
from gateway.core.apply_orders import trim as trim
from gateway.core.apply_reconciliation import RECONCILIATION_APPLIERS
from gateway.core.apply_revisions import REVISION_APPLIERS
from gateway.core.rollout.progress import ROLLOUT_APPLIERS
from gateway.core.state import GatewayState
from gateway.domain.facts import Fact

_APPLIERS = {
    **ORDER_APPLIERS,
    **CHANGE_APPLIERS,
    **REVISION_APPLIERS,
    **OPERATION_APPLIERS,
    **RECONCILIATION_APPLIERS,
    **ROLLOUT_APPLIERS,
}


def apply(state: GatewayState, fact: Fact) -> None:
    """Change ``state`` by one fact."""
    _APPLIERS[type(fact)](state, fact)


def apply_record(state: GatewayState, facts: Iterable[Fact]) -> None:
    """Change ``state`` by all facts of one record, then let go of what is finished long enough."""
    for fact in facts:
        apply(state, fact)
    trim(state)
