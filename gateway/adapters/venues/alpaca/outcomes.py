"""What an answer of Alpaca proves about a request.

Only an error that says that the request itself was refused proves that nothing happened. 5xx says nothing: Alpaca's own
documents call it unknown, and its front end gives up on orders that the back end may still take (504). The id of an
order is good for one order for ever, so «must be unique» on our only attempt means that an order with it exists: it is
looked up. A connection that broke after the request may have left is unknown; one that could not be made proves that
nothing left.
"""

import aiohttp

from gateway.adapters.venues.alpaca.client import AnswerUnreadable, ApiRefused, BudgetSpent
from gateway.domain.enums import SubmitStatus
from gateway.ports.venue import Answer

#: Answers that refuse the request, whatever their body says. 408 and 425 are not among them.
_REFUSED = frozenset({400, 401, 403, 404, 405, 406, 409, 410, 411, 413, 415, 422, 429})
_TOO_MANY = 429
_NOT_UNIQUE = "client_order_id must be unique"


def answer_of(error: Exception) -> Answer:
    """The outcome of a request that raised."""
    if isinstance(error, BudgetSpent):
        return Answer(SubmitStatus.REJECTED, str(error))
    if isinstance(error, ApiRefused):
        is_refused = error.status in _REFUSED and _NOT_UNIQUE not in error.message
        return Answer(SubmitStatus.REJECTED if is_refused else SubmitStatus.UNKNOWN, str(error))
    if isinstance(error, aiohttp.ClientConnectorError):
        return Answer(SubmitStatus.REJECTED, f"no connection could be made, nothing was sent: {error}")
    if isinstance(error, aiohttp.ClientError | AnswerUnreadable | TimeoutError | OSError):
        return Answer(SubmitStatus.UNKNOWN, f"the connection broke before an answer: {error!r}")
    raise error


def answer_to_cancel(error: Exception) -> Answer:
    """The same of a cancel. One for which there was no room, here or there, is asked for again; whether another one
    took effect, the order itself tells."""
    answer = answer_of(error)
    if isinstance(error, BudgetSpent) or (isinstance(error, ApiRefused) and error.status == _TOO_MANY):
        return Answer(SubmitStatus.THROTTLED, answer.text)
    return answer if isinstance(error, ApiRefused) else Answer(SubmitStatus.UNKNOWN, answer.text)
