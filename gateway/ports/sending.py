"""What holds a request back that had to wait: whoever lets it go asks once more whether it is still wanted."""

from collections.abc import Callable
from contextvars import ContextVar


def _is_wanted() -> bool:
    return True


#: Asked right before a request leaves, by whatever it waited for (a budget of messages). False: nothing may be sent for
#: it, and the adapter answers as for every request that it could not send.
IS_WANTED: ContextVar[Callable[[], bool]] = ContextVar("is_wanted", default=_is_wanted)
