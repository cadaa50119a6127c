"""What is said of one path of the API: a row of ``operations``."""

import msgspec

from gateway.adapters.http.auth import Right
from gateway.adapters.http.shapes import NoQuery


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path. ``replies`` are the successes; ``refusals`` the problem statuses beyond those that
    its rights, body and query imply. ``route`` is the pattern for aiohttp where it differs from the path."""

    name: str
    method: str
    path: str
    summary: str
    needs: Right
    replies: dict[int, type | str]
    query: type = NoQuery
    body: type | None = None
    is_body_required: bool = False
    refusals: tuple[int, ...] = ()
    route: str = ""

    @property
    def pattern(self) -> str:
        return self.route or self.path


class Stream(msgspec.Struct, frozen=True):
    """One WebSocket."""

    path: str
    name: str
    summary: str
    query: type = NoQuery
