"""Environment variables that override the YAML, under the names of the systems this gateway serves.

Only what is no secret is read here. Secrets (``IBKR_PASSWORD``, ``BINANCE_API_KEY`` ...) are read by the adapter
that needs them, straight from the environment, and never become settings. An empty variable counts as unset.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.adapters.config import words
from gateway.adapters.config.documents import Document, Documents
from gateway.adapters.config.kinds import Kind, Unfit, read_flag, whole
from gateway.adapters.config.problems import Place, shown
from gateway.adapters.config.tables import GATEWAY

ENVIRONMENT = "environment"


def _read_env_flag(text: str) -> bool:
    """Environments often say 1 and 0."""
    return {"1": True, "0": False}[text] if text in ("0", "1") else read_flag(text)


class Override(msgspec.Struct, frozen=True):
    """A variable that sets ``path`` below every venue of ``adapter``."""

    adapter: str
    path: tuple[str, ...]
    kind: Kind


OVERRIDES: Mapping[str, Override] = {
    "IB_HOST": Override("ibkr", ("host",), words.FILLED_TEXT),
    "IB_PORT": Override("ibkr", ("port",), whole(1, 65_535)),
    "IB_CLIENT_ID": Override("ibkr", ("client_id",), whole(0, 2**31 - 1)),
    "IBKR_ACCOUNT_ID": Override("ibkr", ("options", "account"), words.NAME),
    "BINANCE_TESTNET": Override("binance", ("paper_only",), Kind("true or false", _read_env_flag)),
}

#: What the seeds' other systems read, and where the same is said here.
_IGNORED = {"TRADING_MODE": "modes are changed in gateway.yaml (modes.global, modes.venues)"}


def override(documents: Documents, environ: Mapping[str, str]) -> None:
    """Put what the environment says over what gateway.yaml says; unfit values are problems of the environment."""
    gateway = documents[GATEWAY]
    for variable, rule in OVERRIDES.items():
        text = environ.get(variable, "").strip()
        if not text:
            continue
        place = Place(ENVIRONMENT, key=variable)
        try:
            value = rule.kind.read(text)
        except Unfit as unfit:
            documents.problems.add(place, unfit.rule, shown(text), unfit.hint)
            continue
        for name, venue in gateway.get("venues", default={}).items():
            if venue.get("adapter", name) == rule.adapter:
                if rule.path == ("paper_only",) and venue.get("paper_only") is True and value is False:
                    text = (
                        f"is {text}: venue {name} trades with real money, although gateway.yaml says paper_only: true"
                    )
                    documents.problems.warn(place, text)
                _set(gateway, venue, name, rule.path, value, place)
    for variable, advice in _IGNORED.items():
        if environ.get(variable, "").strip():
            documents.problems.warn(Place(ENVIRONMENT, key=variable), f"is not read: {advice}")


def _set(gateway: Document, venue: dict[str, Any], name: str, path: tuple[str, ...], value: Any, place: Place) -> None:
    target = venue
    for part in path[:-1]:
        target = target.setdefault(part, {})
    target[path[-1]] = value
    gateway.overrides[("venues", name, *path)] = place
