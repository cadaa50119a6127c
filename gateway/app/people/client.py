"""The gateway as a command line asks it: one request at a time, and refusals in words that say what to do."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from gateway.app.people.terminal import clean

API = "/api/trading"
#: An order's checks are decided again from the journal, which takes seconds.
TIMEOUT_S = 30.0
_NO_GATEWAY = "answers {}, and not in a gateway's words: is GATEWAY_URL right, or what stands before it in trouble?"
_TO_ACT = "this needs a key of role risk or admin in GATEWAY_KEY"
_TO_READ = "put a key into GATEWAY_KEY; one of any role may read, to act it must be of role risk or admin"


class Refused(Exception):
    """The gateway did not do it, or could not be reached; says why. ``status`` is that of its answer, 0 without one."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(clean(text))
        self.status = status


class Unreachable(Refused):
    """There is no answer of a gateway: whether it was done is not known."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key is for one address: it follows nobody elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


def address_of(environ: Mapping[str, str]) -> str:
    """``GATEWAY_URL`` without its last slash. Raises Refused where it is none."""
    url = environ.get("GATEWAY_URL", "http://127.0.0.1:8000").rstrip("/")
    try:
        parts = urllib.parse.urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if "@" in url:
        raise Refused("GATEWAY_URL must hold no user or password: the key goes into GATEWAY_KEY")
    if not is_address:
        raise Refused(f"GATEWAY_URL must be an address such as http://127.0.0.1:8000, was {url!r}")
    return url


def headers_of(environ: Mapping[str, str]) -> dict[str, str]:
    """Who asks. Raises Refused, without its words, for a key that no header can hold."""
    key = environ.get("GATEWAY_KEY", "").strip()
    if not (key.isascii() and key.isprintable()):
        raise Refused(
            "GATEWAY_KEY holds a line break or a letter that no key has: put the key into it, and nothing else"
        )
    return {"Authorization": f"Bearer {key}"} if key else {}


class GatewayClient:
    """The gateway at ``GATEWAY_URL``, asked with ``GATEWAY_KEY``."""

    def __init__(self, environ: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self.url = address_of(environ)
        self._headers = {"Content-Type": "application/json", **headers_of(environ)}
        self._opener = urllib.request.build_opener(_NoRedirect)

    def text(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> str:
        """The answer as it came. Raises Refused, Unreachable."""
        data = None if body is None else json.dumps(body).encode()
        try:
            request = urllib.request.Request(self.url + path, data=data, headers=self._headers, method=method)
            with self._opener.open(request, timeout=self._timeout_s) as reply:
                return str(reply.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                words = refusal_words(error.code, error.read(), method)
                if not words:
                    raise Unreachable(f"{self.url} {_NO_GATEWAY.format(error.code)}", error.code) from None
                raise Refused(words, error.code) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            why = getattr(error, "reason", None) or error
            raise Unreachable(f"{self.url} does not answer: {why}; is GATEWAY_URL right, and does it run?") from None

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer, decoded. Raises Refused, Unreachable."""
        text = self.text(method, path, body)
        try:
            return json.loads(text)
        except ValueError:
            raise Refused(f"{self.url} answers, but it is no gateway: {text[:60]!r}") from None

    def get(self, name: str, query: Mapping[str, str | int | None] | None = None) -> str:
        """A path below the API's, with those parameters that have a value."""
        given = {key: value for key, value in (query or {}).items() if value is not None}
        return self.text("GET", f"{API}/{name}" + (f"?{urllib.parse.urlencode(given)}" if given else ""))


def quoted(name: str) -> str:
    """An id as a part of a path."""
    return urllib.parse.quote(name, safe="")


def refusal_words(status: int, body: bytes, method: str = "GET") -> str:
    """What a refusal says, and for a key that is missing or may not, which one would do. Empty for one that is not of a
    gateway."""
    try:
        problem = json.loads(body)
        said = f"{status} {problem['code']}: {problem['detail']}"
        code = problem["code"]
    except (ValueError, KeyError, TypeError):
        return ""
    if status == 401:
        return f"{said}; {_TO_READ if method == 'GET' else _TO_ACT}"
    if code == "ROLE_NOT_PERMITTED":
        return f"{said}; {_TO_ACT}"
    return said
