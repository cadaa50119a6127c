"""The log: readable lines or JSON lines on stderr, and no secret in either.

The gateway itself logs no secret. The libraries of the venues are not ours, and one that prints an address with a key
in it must not put that key into a file that is kept for years: values of secrets are struck out before a line is
written.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Iterable, Mapping
from urllib.parse import quote

FORMATS = ("text", "json")
_HIDDEN = "***"
_SECRET_NAME = re.compile(r"SECRET|PASSWORD|TOKEN|API_KEY|ROUTING_KEY|PRIVATE|PASSPHRASE|WEBHOOK|GATEWAY_KEY")
#: Shorter ones would strike out ordinary words.
_SHORTEST = 8


class _Hiding(logging.Formatter):
    """What every format shares: secrets are struck out of the finished line."""

    def __init__(self, pattern: str | None = None) -> None:
        super().__init__(pattern)
        self.secrets: tuple[str, ...] = ()

    def format(self, record: logging.LogRecord) -> str:
        line = self.line(record)
        for secret in self.secrets:
            if secret in line:
                line = line.replace(secret, _HIDDEN)
        return line

    def line(self, record: logging.LogRecord) -> str:
        return super().format(record)


class _TextLines(_Hiding):
    """Lines for people, one a message: the words of venues and of clients (a path) could else forge lines, or be obeyed
    by the terminal that shows them."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # the library's name
        if not record.message.isprintable():
            record.message = "".join(map(_shown, record.message))
        return super().formatMessage(record)


def _shown(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode()


class _JsonLines(_Hiding):
    """One object a line: ``ts`` (UTC), ``level``, ``logger``, ``message``, and ``exception`` where there was one."""

    def line(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        found = {
            "ts": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        return json.dumps(found, ensure_ascii=False)


def start_log(level: str, form: str) -> None:
    """Log to stderr from ``level`` on, in one of FORMATS."""
    handler = logging.StreamHandler(sys.stderr)
    pattern = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    handler.setFormatter(_JsonLines() if form == "json" else _TextLines(pattern))
    logging.basicConfig(level=level, handlers=[handler])
    logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it tells every change that the gateway tells better


def hide_secrets(environ: Mapping[str, str], more: Iterable[str] = ()) -> None:
    """Strike the values of secret variables out of every line from now on. ``more`` are names of variables that hold
    secrets although their names do not say so."""
    names = {name for name in environ if _SECRET_NAME.search(name)} | set(more)
    values = {environ[name].strip() for name in names if len(environ.get(name, "").strip()) >= _SHORTEST}
    secrets = sorted({form for value in values for form in _forms(value)}, key=len, reverse=True)
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, _Hiding):
            handler.formatter.secrets = tuple(secrets)


def _forms(value: str) -> tuple[str, ...]:
    """As it is, in an address, and within JSON."""
    return value, quote(value, safe=""), json.dumps(value)[1:-1]
