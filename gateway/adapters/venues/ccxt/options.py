"""What ``venues.<venue>.options`` may say for ccxt, read strictly, and the credentials of an exchange."""

import difflib
import re
from collections.abc import Mapping

import msgspec

from gateway.adapters.venues.ccxt.known import IdForm, KnownExchange, known_of
from gateway.domain.settings import VenueSettings

#: Options by name; everything else must begin with ``ccxt.`` and be an option that the exchange has in ccxt.
NAMES = ("exchange", "client_order_id", "absent_after_s", "exact_wire", "stream", "base_url", "stream_url")
PASSED_ON = "ccxt."
#: These would undo what the adapter promises: no resending, quantities that are quantities, one clock, one account.
_FORBIDDEN = {
    "maxRetriesOnFailure": "nothing is ever sent twice",
    "maxRetriesOnFailureDelay": "nothing is ever sent twice",
    "createMarketBuyOrderRequiresPrice": "a quantity would be taken for an amount of money",
    "adjustForTimeDifference": "the adapter corrects the clock itself",
    "timeDifference": "the adapter corrects the clock itself",
    "sandbox": "paper_only says so",
    "testnet": "paper_only says so",
}
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_CREDENTIAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class OptionsInvalid(Exception):
    """An option or exchange that does not exist, or a value that is none; the text says which and what would do."""


class CredentialsMissing(Exception):
    """What the exchange needs to know us by is not in the environment; the text names the variables."""


class CcxtOptions(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange as it is configured. ``passed_on`` are ccxt's own options of it."""

    exchange: str
    known: KnownExchange
    id_form: IdForm
    absent_after_s: int | None
    is_exact: bool = True
    has_stream: bool = True
    base_url: str = ""
    stream_url: str = ""
    passed_on: dict[str, str | bool | int] = {}


def read_options(settings: VenueSettings) -> CcxtOptions:
    """Raises OptionsInvalid. Whether ccxt has the exchange is seen when it is built."""
    given = dict(settings.options)
    for name in given:
        if name not in NAMES and not name.startswith(PASSED_ON):
            near = difflib.get_close_matches(name, NAMES, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(NAMES)} and {PASSED_ON}<option>"
            raise OptionsInvalid(f"options.{name} is no option of ccxt: {hint}")
    exchange = given.get("exchange", settings.name)
    if exchange == "ccxt":
        raise OptionsInvalid(
            "options.exchange must name the exchange, as ccxt spells it (coinbaseexchange, kraken ...)"
        )
    known = known_of(exchange)
    form = given.get("client_order_id", known.id_form.value)
    if form not in set(IdForm):
        raise OptionsInvalid(f"options.client_order_id must be one of {', '.join(IdForm)}, was {form}")
    return CcxtOptions(
        exchange=exchange,
        known=known,
        id_form=IdForm(form),
        absent_after_s=_seconds(given.get("absent_after_s", ""), known.absent_after_s),
        is_exact=_flag("exact_wire", given.get("exact_wire", "yes")),
        has_stream=_flag("stream", given.get("stream", "yes")),
        base_url=given.get("base_url", ""),
        stream_url=given.get("stream_url", ""),
        passed_on={
            _passed_name(name): _passed_value(text) for name, text in given.items() if name.startswith(PASSED_ON)
        },
    )


def credential_names(venue: str, fields: Mapping[str, bool]) -> dict[str, str]:
    """The environment variable of each of ccxt's credentials: ``apiKey`` of venue ``my-desk`` is MY_DESK_API_KEY."""
    prefix = re.sub(r"[^A-Z0-9]", "_", venue.upper())
    return {field: f"{prefix}_{_CREDENTIAL.sub('_', field).upper()}" for field in fields}


def read_credentials(venue: str, fields: Mapping[str, bool], environ: Mapping[str, str]) -> dict[str, str]:
    """What the exchange needs, and what else is there. ``fields`` is ccxt's requiredCredentials."""
    names = credential_names(venue, fields)
    missing = [name for field, name in names.items() if fields[field] and not environ.get(name)]
    if missing:
        raise CredentialsMissing(f"{', '.join(missing)}: not set in the environment or .env; {venue} needs it")
    return {field: environ[name] for field, name in names.items() if environ.get(name)}


def _flag(name: str, text: str) -> bool:
    value = _FLAGS.get(text.lower())
    if value is None:
        raise OptionsInvalid(f"options.{name} must be yes or no, was {text}")
    return value


def _seconds(text: str, default: int | None) -> int | None:
    if not text:
        return default
    if not text.isdecimal() or not 1 <= int(text) <= 86_400:
        raise OptionsInvalid(f"options.absent_after_s must be whole seconds from 1 to 86400, was {text}")
    return int(text)


def _passed_name(name: str) -> str:
    name = name.removeprefix(PASSED_ON)
    if name in _FORBIDDEN:
        raise OptionsInvalid(f"options.{PASSED_ON}{name} may not be set: {_FORBIDDEN[name]}")
    return name


def _passed_value(text: str) -> str | bool | int:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return int(text) if text.isdecimal() else text
