"""Client order ids that count the changes of an order: ours for the order as placed, ours and ``_r1`` for its first
change, and so on. For venues that cancel an order and place another one in its place."""

import re

_GENERATION = re.compile(r"_r(\d+)$")


def order_id_of(client_order_id: str) -> str:
    """Our id in the one that the venue has."""
    return _GENERATION.sub("", client_order_id)


def generation_of(client_order_id: str) -> int:
    """How often the order was changed before this id: 0 for the first."""
    found = _GENERATION.search(client_order_id)
    return int(found[1]) if found else 0


def client_order_id_of(order_id: str, generation: int) -> str:
    return f"{order_id}_r{generation}" if generation else order_id
