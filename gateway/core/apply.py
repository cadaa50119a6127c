"""The only writer of state: one short function per fact, the same while running and in replay.

``apply`` never decides: it reads no config to judge by, and what it does follows from the fact alone.
"""

from gateway.core.apply_operations import OPERATION_APPLIERS
from gateway.core.apply_orders import ORDER_APPLIERS
from gateway.core.state import GatewayState
from gateway.domain.facts import Fact

_APPLIERS = {**ORDER_APPLIERS, **OPERATION_APPLIERS}


def apply(state: GatewayState, fact: Fact) -> None:
    """Change ``state`` by one fact."""
    _APPLIERS[type(fact)](state, fact)
