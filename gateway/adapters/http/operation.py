"""What is said of one path of the API: a row of ``operations`` or ``control_operations``."""

from typing import Any

import msgspec

from gateway.adapters.http.auth import Right
from gateway.adapters.http.shapes import NoQuery

TRADING = "/api/trading"
#: A symbol or a strategy's name in a path may hold slashes; and even a line break must reach the handler, to be
#: refused in our words.
ANYTHING = r"[\s\S]+"


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path. ``replies`` are the successes; ``refusals`` the problem statuses beyond those that
    its rights, body and query imply. ``route`` is the pattern for aiohttp where it differs from the path,
    ``is_body_open`` lets the body hold more than its shape."""

    name: str
    method: str
    path: str
    summary: str
    needs: Right
    replies: dict[int, type | str]
    query: type = NoQuery
    body: type | None = None
    is_body_required: bool = False
    is_body_open: bool = False
    refusals: tuple[int, ...] = ()
    route: str = ""

    @property
    def pattern(self) -> str:
        return self.route or self.path

    @property
    def methods(self) -> tuple[str, ...]:
        """What it answers to: whoever may GET may ask for the head alone, as monitors and load balancers do."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)

    @property
    def refuses_parameters(self) -> bool:
        """Whether any query parameter is a mistake. What probes, scrapers and browsers ask may carry one."""
        return self.query is NoQuery and self.path.startswith(TRADING)


class Stream(msgspec.Struct, frozen=True):
    """One WebSocket."""

    path: str
    name: str
    summary: str
    query: type = NoQuery


def get(path: str, name: str, summary: str, reply: type | str, **more: Any) -> Operation:
    more = {"needs": Right.READ, **more}
    return Operation(method="GET", path=path, name=name, summary=summary, replies={200: reply}, **more)


def post(path: str, name: str, summary: str, replies: dict[int, type | str], **more: Any) -> Operation:
    return Operation(method="POST", path=path, name=name, summary=summary, replies=replies, **more)
