"""What an answer of Binance proves about a request (rest-api.md and errors.md of the exchange).

4xx: not executed. 5xx and the codes of an internal timeout: unknown, the exchange says so itself. What comes without
a code of the exchange is of a front end or a proxy, and proves what that status means. A connection that broke after
the request may have left is unknown; one that could not be made proves that nothing left.
"""

import asyncio

import aiohttp
from binance.exceptions import BinanceAPIException, BinanceRequestException

from gateway.domain.enums import SubmitStatus
from gateway.ports.venue import Answer

#: Failures inside: execution status unknown (-1006, -1007), disconnected (-1001), unknown (-1000), overload (-1008).
_UNKNOWN_CODES = frozenset({-1000, -1001, -1006, -1007, -1008})
NO_SUCH_ORDER = -2013
CANCEL_REJECTED = -2011
CLOCK_WRONG = -1021
FILTER_FAILED = -1013
DUPLICATE = "Duplicate order sent"
#: Signature, key, permission or address: nothing will work until a person mends it.
CREDENTIALS = frozenset({-1022, -2008, -2014, -2015})
TOO_MANY_ORDERS = -1015
TOO_MUCH = frozenset({-1003, TOO_MANY_ORDERS})
#: The status with which an address is refused altogether.
BANNED = 418
#: A change of which one half was done.
_HALF_DONE = 409
#: Statuses that refuse a request before anything is done with it, whoever answers.
_NOT_TAKEN = frozenset({400, 401, 403, 404, 405, 411, 413, 414, 415, 418, 429, 431})


def answer_of(error: Exception) -> Answer:
    """The outcome of an order request that raised."""
    if isinstance(error, BinanceAPIException):
        text = f"binance {error.code}: {error.message}"
        is_said = isinstance(error.code, int) and error.code < 0 and error.status_code < 500
        if error.code in _UNKNOWN_CODES or DUPLICATE in str(error.message):
            return Answer(SubmitStatus.UNKNOWN, text)
        is_refused = is_said or error.status_code in _NOT_TAKEN
        return Answer(SubmitStatus.REJECTED if is_refused else SubmitStatus.UNKNOWN, text)
    if isinstance(error, aiohttp.ClientConnectorError):
        return Answer(SubmitStatus.REJECTED, f"no connection could be made, nothing was sent: {error}")
    if isinstance(error, BinanceRequestException | aiohttp.ClientError | asyncio.TimeoutError | OSError):
        return Answer(SubmitStatus.UNKNOWN, f"the connection broke before an answer: {error!r}")
    raise error


def answer_to_cancel(error: BinanceAPIException) -> Answer:
    """The same of a cancel that the exchange answered. One that is too many for it, or that it refuses for its time, is
    asked for again; one that it refuses for the order may come too late: only the order itself tells."""
    answer = answer_of(error)
    if is_too_much(error) or error.code == CLOCK_WRONG:
        return Answer(SubmitStatus.THROTTLED, answer.text)
    if error.code in (CANCEL_REJECTED, NO_SUCH_ORDER):
        return Answer(SubmitStatus.UNKNOWN, answer.text)
    return answer


def is_half_done(error: Exception) -> bool:
    """Whether the order was canceled for a change, and the new one refused, or not known to be there."""
    return isinstance(error, BinanceAPIException) and error.status_code == _HALF_DONE


async def answer_to_change(error: Exception) -> Answer:
    """The same of a change. Of one that is half done the refusal of the new order decides, which may be none."""
    answer = answer_of(error)
    if not is_half_done(error):
        return answer
    assert isinstance(error, BinanceAPIException)
    try:
        code = (await error.response.json())["data"]["newOrderResponse"]["code"]
    except (aiohttp.ClientError, ValueError, KeyError, TypeError):
        code = 0
    is_refused = isinstance(code, int) and code < 0 and code not in _UNKNOWN_CODES
    return answer if is_refused else Answer(SubmitStatus.UNKNOWN, f"{answer.text} (the new order: {code})")


def is_too_much(error: BinanceAPIException) -> bool:
    """Whether the exchange wants fewer requests, and did not take this one."""
    return error.status_code in (418, 429) or error.code in TOO_MUCH
