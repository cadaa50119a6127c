"""What readers need of whoever holds a state: the running engine, or a copy folded from its records."""

from typing import Protocol

from gateway.core.state import GatewayState


class StateHolder(Protocol):
    """``state`` is for reading: whoever holds it is the only one that applies facts to it."""

    @property
    def state(self) -> GatewayState: ...
