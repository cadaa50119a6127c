"""Binance's error codes, as its ``errors.md`` words them."""

from typing import Any


class BinanceError(Exception):
    """An answer ``{"code", "msg"}`` with an HTTP status. ``data`` goes along in cancel-replace."""

    def __init__(self, status: int, code: int, msg: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code} {msg}")
        self.status = status
        self.code = code
        self.msg = msg
        self.data = data
        self.retry_after_s: int | None = None

    def body(self) -> dict[str, Any]:
        return {"code": self.code, "msg": self.msg} | ({} if self.data is None else {"data": self.data})


def filter_failure(name: str) -> BinanceError:
    return BinanceError(400, -1013, f"Filter failure: {name}")


def missing(name: str) -> BinanceError:
    return BinanceError(400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def not_required(name: str) -> BinanceError:
    return BinanceError(400, -1106, f"Parameter '{name}' sent when not required.")


def new_order_rejected(text: str) -> BinanceError:
    return BinanceError(400, -2010, text)


def too_many(code: int, msg: str, retry_after_s: int, is_banned: bool = False) -> BinanceError:
    error = BinanceError(418 if is_banned else 429, code, msg)
    error.retry_after_s = retry_after_s
    return error


INVALID_SYMBOL = (400, -1121, "Invalid symbol.")
INVALID_SIGNATURE = (400, -1022, "Signature for this request is not valid.")
BAD_KEY_FORMAT = (401, -2014, "API-key format invalid.")
BAD_KEY = (401, -2015, "Invalid API-key, IP, or permissions for action.")
OUTSIDE_WINDOW = (400, -1021, "Timestamp for this request is outside of the recvWindow.")
AHEAD = (400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.")
NO_SUCH_ORDER = (400, -2013, "Order does not exist.")
CANCEL_REJECTED = (400, -2011, "Unknown order sent.")

#: What the venue says itself with a status that a fault asked for (the body of other 5xx is not JSON).
BY_STATUS = {
    400: (-1000, "An unknown error occurred while processing the request."),
    418: (-1003, "Way too much request weight used; IP banned until {until_ms}. Please use WebSocket Streams."),
    429: (-1003, "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."),
    500: (-1000, "An unknown error occurred while processing the request."),
    503: (-1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
    504: (-1007, "Timeout waiting for response from backend server. Send status unknown; execution status unknown."),
}
