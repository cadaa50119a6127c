"""One call of ccxt as the wire sees it: what it is for, whether it left, what came back, and that it carries exactly
the figures of the order. The call that is under way is known by its context.
"""

import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.adapters.venues.ccxt.pacing import Purpose

#: Told to wait, without a time.
_DEFAULT_WAIT_S = 10.0
_NUMBER = re.compile(r"(?<![\w.+-])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])")


class NotExact(Exception):
    """ccxt was about to send other figures than the order has; nothing was sent."""


class SecondSend(Exception):
    """ccxt was about to send the same request again; the second was held back, of the first nothing is known."""


@dataclass
class Trip:
    """One call of ccxt, as the wire saw it. ``figures`` and ``client_id`` must stand in the request that carries the
    order. ``purpose`` decides how long it waits, and behind whom (that of ``asking_for`` when None). ``status`` is of
    the last answer that was read whole, ``wait_s`` how long we were told to wait.
    """

    figures: tuple[Decimal, ...] = ()
    client_id: str = ""
    purpose: Purpose | None = None
    is_sent: bool = False
    status: int | None = None
    wait_s: float | None = None
    #: When the call began, monotonic: all its requests together wait no longer than one may.
    begun_ns: int = 0
    _left: set[str] = field(default_factory=set)

    def on_leaving(self, url: str, method: str, body: object) -> None:
        """Before a request leaves. A GET without the figures asks for something beforehand, and is not the order."""
        text = urllib.parse.unquote(f"{url} {_text_of(body)}")
        has_figures, has_id = set(self.figures) <= _numbers_in(text), self.client_id in text
        place = f"{method} {url.partition('?')[0]}"
        if has_figures and has_id:
            if self.purpose is Purpose.ORDER and place in self._left and method != "GET":
                raise SecondSend(f"{place} a second time in one call: nothing is sent twice")
            self.is_sent, self.status = True, None
            self._left.add(place)
        elif method != "GET":
            lost = ", ".join(f"{one:f}" for one in self.figures) if not has_figures else "our id"
            raise NotExact(f"ccxt would not send exactly {lost} to this exchange; see options.exact_wire")

    def on_answer(self, status: int, headers: Mapping[str, str]) -> None:
        """The answer is read whole."""
        self.status = status
        if status in (418, 429):
            after = {name.lower(): value for name, value in headers.items()}.get("retry-after", "")
            self.wait_s = float(after) if after.isdecimal() else _DEFAULT_WAIT_S


#: The call that is under way.
TRIP: ContextVar[Trip | None] = ContextVar("trip", default=None)
#: What it is for, unless it says itself.
PURPOSE: ContextVar[Purpose] = ContextVar("purpose", default=Purpose.READING)


@contextmanager
def asking_for(purpose: Purpose) -> Iterator[None]:
    """What the calls made within are for, unless their trips say."""
    token = PURPOSE.set(purpose)
    try:
        yield
    finally:
        PURPOSE.reset(token)


@contextmanager
def on(trip: Trip) -> Iterator[None]:
    """Requests made within belong to this call."""
    token = TRIP.set(trip)
    try:
        yield
    finally:
        TRIP.reset(token)


def is_order() -> bool:
    """Whether the call under way sends an order."""
    trip = TRIP.get()
    return trip is not None and trip.purpose is Purpose.ORDER


def _numbers_in(text: str) -> set[Decimal]:
    """Every number that stands by itself."""
    return {Decimal(found) for found in _NUMBER.findall(text)}


def _text_of(body: object) -> str:
    if body is None:
        return ""
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    if not isinstance(body, str):
        body = json.dumps(body, default=str)
    return body
