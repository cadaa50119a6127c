"""One public message of ws/events, before it is encoded."""

from typing import Any, NamedTuple


class Told(NamedTuple):
    """``order_id`` names the order it is about; ``owner`` is (account, strategy_id) where the fact itself says so.
    With neither, everybody may read it, unless ``is_for_desk``: then only callers who see all accounts."""

    type: str
    fields: dict[str, Any]
    order_id: str | None = None
    owner: tuple[str, str] | None = None
    is_for_desk: bool = False
