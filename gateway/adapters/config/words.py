"""What a written word may mean when it is no number: names, symbols, codes, choices, addresses, hashes."""

import ipaddress
import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.adapters.config.calendars import CALENDARS
from gateway.adapters.config.kinds import Kind, Unfit

_E = TypeVar("_E", bound=StrEnum)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./:_-]{0,31}")
_CURRENCY = re.compile(r"[A-Z0-9]{2,10}")
_EXPIRY = re.compile(r"[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])?")
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_ENV_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_MAX_TEXT = 500
_CALENDAR_NAMES = tuple(sorted(CALENDARS))


def read_text(text: str) -> str:
    if len(text) > _MAX_TEXT:
        raise Unfit(f"must be at most {_MAX_TEXT} characters")
    if not all(c.isprintable() for c in text):
        raise Unfit("must be one line of printable text")
    return text


def read_filled_text(text: str) -> str:
    if not text.strip():
        raise Unfit("must not be empty")
    return read_text(text)


def read_name(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise Unfit("must be a name of letters, digits, `_`, `-`, `.` or `@`, at most 64 characters")
    return text


def read_venue(text: str) -> str:
    """Venue names are the same in any case; the gateway writes them in lower case."""
    return str(read_name(text)).lower()


def read_symbol(text: str) -> str:
    if _SYMBOL.fullmatch(text) is None or text != text.strip():
        raise Unfit("must be a symbol such as AAPL or BTC/USDT, at most 32 characters")
    return text


def read_currency(text: str) -> str:
    code = text.upper()
    if _CURRENCY.fullmatch(code) is None:
        raise Unfit("must be a currency code such as USD or USDT")
    return code


def read_expiry(text: str) -> str:
    if _EXPIRY.fullmatch(text) is None:
        raise Unfit("must be an expiry of the form YYYYMM or YYYYMMDD")
    if not is_day(text[:6] + (text[6:] or "01")):
        raise Unfit("must be a day that there is")
    return text


def is_day(text: str) -> bool:
    """Whether ``YYYYMMDD`` is in the calendar."""
    try:
        date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return False
    return True


def read_calendar(text: str) -> str:
    if text not in CALENDARS:
        raise Unfit("must be a calendar of exchange_calendars, or 24/7", known=_CALENDAR_NAMES)
    return text


def read_timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unfit("must be an IANA time zone", "such as UTC, America/New_York or America/Chicago") from None
    return text


def read_time_of_day(text: str) -> int:
    """A time such as ``17:00``, as minutes since midnight."""
    found = _TIME_OF_DAY.fullmatch(text)
    if found is None:
        raise Unfit("must be a time of day from 00:00 to 23:59", "such as 17:00, in quotes")
    return int(found[1]) * 60 + int(found[2])


def read_sha256(text: str) -> str:
    digest = text.lower()
    if _HEX_SHA256.fullmatch(digest) is None:
        raise Unfit(
            "must be the SHA-256 of a key: 64 hexadecimal digits", "`gateway make-key NAME --role trader` makes one"
        )
    return digest


def read_network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        loose = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Unfit("must be a network such as 10.0.0.0/8 or an address") from None
    raise Unfit("must not have bits set beyond its prefix", f"did you mean {loose}?")


def read_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_fit = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_fit = False
    if not is_fit or any(c.isspace() or not c.isprintable() for c in text) or len(text) > _MAX_TEXT:
        raise Unfit("must be an http:// or https:// address")
    if parts.username is not None or parts.password is not None:
        raise Unfit("must not hold a password", "secrets belong in the environment or in `.env`")
    return text


def read_email(text: str) -> str:
    """Plain addresses only: no names, no comments, nothing that a header could be broken with."""
    if _EMAIL.fullmatch(text) is None or len(text) > _MAX_TEXT:
        raise Unfit("must be an e-mail address such as desk@example.com")
    return text


def read_env_name(text: str) -> str:
    if _ENV_NAME.fullmatch(text) is None:
        raise Unfit("must be the name of an environment variable, such as SLACK_WEBHOOK_URL")
    return text


def choice(enum: type[_E]) -> Kind:
    """One of an enum's values, in any case."""
    known = {str(member.value).casefold(): member for member in enum}
    names = tuple(str(member.value) for member in enum)

    def read(text: str) -> _E:
        member = known.get(text.casefold())
        if member is None:
            raise Unfit(f"must be one of {', '.join(names)}", known=names)
        return member

    return Kind("one of " + ", ".join(names), read)


def one_of(words: Mapping[str, str]) -> Kind:
    """One of some words, in any case; the mapping gives what each stands for."""
    known = {word.casefold(): meaning for word, meaning in words.items()}

    def read(text: str) -> str:
        meaning = known.get(text.casefold())
        if meaning is None:
            raise Unfit(f"must be one of {', '.join(words)}", known=tuple(words))
        return meaning

    return Kind("one of " + ", ".join(words), read)


TEXT = Kind("text", read_text)
FILLED_TEXT = Kind("text", read_filled_text)
NAME = Kind("name", read_name)
VENUE = Kind("venue name, in any case", read_venue)
SYMBOL = Kind("symbol", read_symbol)
CURRENCY = Kind("currency code", read_currency)
EXPIRY = Kind("YYYYMM or YYYYMMDD", read_expiry)
ASSET_CLASS = one_of({name: name for name in ("equity", "future", "crypto", "forex", "option")})
CALENDAR = Kind("code of exchange_calendars, or 24/7", read_calendar)
TIMEZONE = Kind("IANA time zone", read_timezone)
TIME_OF_DAY = Kind("time of day, HH:MM", read_time_of_day)
SHA256 = Kind("64 hexadecimal digits", read_sha256, is_private=True)
NETWORK = Kind("CIDR network or address", read_network)
EMAIL = Kind("e-mail address", read_email)
URL = Kind("http:// or https:// address", read_url, is_private=True)
ENV_NAME = Kind("name of an environment variable", read_env_name)
