"""One request to a venue: whether it may still leave, and how it ends. Whatever goes wrong after it may have left is
UNKNOWN, never a rejection."""

import asyncio
import logging
from collections.abc import Callable

from gateway.domain.effects import CancelOrder, ReplaceOrder, SubmitOrder
from gateway.domain.enums import SubmitStatus
from gateway.ports.venue import Answer, Venue

_log = logging.getLogger(__name__)

#: What a venue is asked to do with one order.
VenueRequest = SubmitOrder | CancelOrder | ReplaceOrder


class Leave:
    """Whether one request may leave, asked as often as it had to wait. A no stands: an adapter that heard it has sent
    nothing."""

    def __init__(self, why_not: Callable[[], str]) -> None:
        self.why_not = ""
        self._ask = why_not
        self._is_over = False

    def __call__(self) -> bool:
        if not self._is_over:
            self.why_not = self.why_not or self._ask()
        return self._is_over or not self.why_not

    def end(self) -> None:
        """The request was answered: what the adapter began meanwhile is held back by it no longer."""
        self._is_over = True


async def answer_of(effect: VenueRequest, venue: Venue, timeout_s: float | None) -> Answer:
    """The outcome of a request, whatever happens to it."""
    try:
        async with asyncio.timeout(timeout_s):
            return await request(effect, venue)
    except TimeoutError:
        return Answer(SubmitStatus.UNKNOWN, f"no answer within {timeout_s:g} s")
    except Exception as error:
        _log.exception("a venue request failed")
        return Answer(SubmitStatus.UNKNOWN, f"the request broke off: {error}")


async def request(effect: VenueRequest, venue: Venue) -> Answer:
    match effect:
        case SubmitOrder(ticket=ticket):
            return await venue.submit(ticket)
        case CancelOrder(ticket=ticket):
            return await venue.cancel(ticket)
        case ReplaceOrder(ticket=ticket):
            return await venue.replace(ticket, effect.order_qty, effect.limit_px, effect.stop_px)
