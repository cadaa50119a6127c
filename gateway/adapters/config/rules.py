"""Rules that look at more than one value, across all files: each says what is wrong and where, and what to do."""

from typing import Any
from urllib.parse import urlsplit

from gateway.adapters.config.documents import Documents
from gateway.adapters.config.instruments import Listed
from gateway.adapters.config.problems import Place, shown
from gateway.adapters.config.tables import GATEWAY, INSTRUMENTS, PRINCIPALS, RISK
from gateway.domain.config import FigureSampling, OverrideWindow
from gateway.domain.enums import Mode

ADAPTERS = ("ibkr", "binance", "ccxt", "alpaca", "simulator")
#: What ccxt's adapter takes (its ``options``); beyond these, ``ccxt.<option>`` is passed on to ccxt.
_CCXT_OPTIONS = ("exchange", "client_order_id", "absent_after_s", "exact_wire", "stream", "base_url", "stream_url")
_LIVE_PORTS = {7496: "7497 (TWS)", 4001: "4002 (IB Gateway)"}
_PAPER_PORTS = {7497: "7496 (TWS)", 4002: "4001 (IB Gateway)"}
#: Hosts of real money and of its rehearsal, each with all that end in it: the rehearsals come first, as they are the
#: longer ones.
_HOSTS: dict[str, tuple[tuple[str, bool], ...]] = {
    "binance": (
        ("testnet.binance.vision", False),
        ("demo-api.binance.com", False),
        ("demo-ws-api.binance.com", False),
        ("binance.com", True),
        ("binance.us", True),
    ),
    "alpaca": (("paper-api.alpaca.markets", False), ("api.alpaca.markets", True)),
}
_ADDRESSES = ("base_url", "stream_url")
_OPTIONS = {
    ("ibkr", "market_data_type"): ("live", "frozen", "delayed", "delayed_frozen"),
    ("binance", "prices"): ("live", "test"),
    ("binance", "depth"): ("true", "false"),
}
MAX_CANDIDATES = 4
_TLS = ("tls_cert", "tls_key")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def check_venues(documents: Documents) -> None:
    """Adapters must exist, and a venue for paper trading must not be pointed at a live port."""
    gateway = documents[GATEWAY]
    for name, venue in gateway.get("venues", default={}).items():
        adapter = venue.get("adapter", name)
        if adapter not in ADAPTERS:
            place = gateway.place("venues", name, "adapter")
            if gateway.is_written("venues", name, "adapter"):
                if "adapter" not in venue:
                    continue  # unfit, and that has been said
                hint = documents.problems.did_you_mean(adapter, ADAPTERS)
                documents.problems.add(place, f"must be one of {', '.join(ADAPTERS)}", shown(adapter), hint)
            else:
                hint = f"`{shown(name)}` is none of the adapters {', '.join(ADAPTERS)}, so say which one it uses"
                documents.problems.add(place, "is missing", hint=hint)
        if adapter == "ccxt":
            _check_ccxt(documents, name, venue)
        _check_options(documents, name, adapter, venue)
        if adapter == "ibkr":
            _check_ports(documents, name, venue)
        _check_addresses(documents, name, adapter, venue)


def _check_ports(documents: Documents, name: str, venue: dict[str, Any]) -> None:
    """A port says which login is meant: what it says must not contradict ``paper_only``."""
    port, is_paper = venue.get("port"), venue.get("paper_only", True)
    place = documents[GATEWAY].place("venues", name, "port")
    if is_paper and port in _LIVE_PORTS:
        hint = f"paper trading is on {_LIVE_PORTS[port]}; real money needs paper_only: false"
        documents.problems.add(place, "must not be a live port while paper_only is true", str(port), hint)
    elif not is_paper and not venue.get("live_confirmation"):
        text = "trade real money on U1234567"
        if port in _PAPER_PORTS:
            hint = f"real money is on {_PAPER_PORTS[port]}; if it really is here, say live_confirmation: {text!r}"
            documents.problems.add(place, "must not be a paper port while paper_only is false", str(port), hint)
        else:
            place = documents[GATEWAY].place("venues", name, "live_confirmation")
            documents.problems.warn(place, f"is missing: an account with real money needs it, as {text!r}")


def _check_addresses(documents: Documents, name: str, adapter: str, venue: dict[str, Any]) -> None:
    """An address of orders that is given says which account is meant, as a port does."""
    is_paper, options = venue.get("paper_only", True), venue.get("options", {})
    for option in _ADDRESSES:
        host = (urlsplit(options.get(option, "")).hostname or "").lower()
        is_live = next((live for end, live in _HOSTS.get(adapter, ()) if f".{host}".endswith(f".{end}")), None)
        place = documents[GATEWAY].place("venues", name, "options", option)
        if is_paper and is_live:
            hint = "leave it out for paper trading; real money needs paper_only: false"
            documents.problems.add(place, "must not be a live address while paper_only is true", shown(host), hint)
        elif not is_paper and is_live is False and not venue.get("live_confirmation"):
            hint = "leave it out for real money; if this one is meant, say so in live_confirmation"
            documents.problems.add(place, "must not be a paper address while paper_only is false", shown(host), hint)


def _check_ccxt(documents: Documents, name: str, venue: dict[str, Any]) -> None:
    """An option that nobody reads would leave the exchange as it is, in silence."""
    for option in venue.get("options", {}):
        if option not in _CCXT_OPTIONS and not option.startswith("ccxt."):
            hint = documents.problems.did_you_mean(option, _CCXT_OPTIONS) or "ccxt's own options are ccxt.<option>"
            place = documents[GATEWAY].place("venues", name, "options", option)
            documents.problems.add(place, "is no option of ccxt", hint=hint)


def _check_options(documents: Documents, name: str, adapter: str, venue: dict[str, Any]) -> None:
    """What an adapter's own settings may be, where only some words have a meaning."""
    for key, value in venue.get("options", {}).items():
        known = _OPTIONS.get((adapter, key), ())
        if known and value not in known:
            place = documents[GATEWAY].place("venues", name, "options", key)
            hint = documents.problems.did_you_mean(value, known)
            documents.problems.add(place, f"must be one of {', '.join(known)}", shown(value), hint)
        is_client_id = (adapter, key) == ("ibkr", "market_data_client_id")
        if is_client_id and (not value.isdecimal() or int(value) == venue.get("client_id", 1)):
            place = documents[GATEWAY].place("venues", name, "options", key)
            documents.problems.add(place, "must be a whole number, and not the client_id of orders", shown(value))


def check_modes(documents: Documents, listed: Listed) -> None:
    """Every venue with a mode must be one that orders can reach, and a canary should have a share."""
    gateway = documents[GATEWAY]
    configured = set(gateway.get("venues", default={}))
    used = {entry["venue"] for entry in listed.entries.values()}
    overall = gateway.get("modes", "global", default=Mode.SHADOW)
    for name, venue in gateway.get("modes", "venues", default={}).items():
        place = gateway.place("modes", "venues", name)
        if name not in configured | used and documents[INSTRUMENTS].is_usable:
            hint = documents.problems.did_you_mean(name, sorted(configured | used))
            documents.problems.add(place, "is neither under `venues` nor the venue of an instrument", hint=hint)
            continue
        mode = venue.get("mode", Mode.SHADOW)
        effective = min(mode, overall, key=lambda m: m.rank)
        if effective is not Mode.SHADOW and name not in configured:
            hint = f"add `venues: {{{shown(name)}: {{...}}}}` to say how to reach it"
            documents.problems.add(place, f"is {effective} but not under `venues`", hint=hint)
        if mode is Mode.CANARY and venue.get("canary_pct", 0) == 0:
            documents.problems.warn(place, "is CANARY with canary_pct 0: every order stays in SHADOW")
        if mode.rank > overall.rank:
            documents.problems.warn(place, f"is {mode}, but modes.global {overall} is lower and decides")


def check_money(documents: Documents) -> None:
    gateway = documents[GATEWAY]
    base = gateway.get("base_currency", default="USD")
    if gateway.get("rates", base, default=1) != 1:
        hint = f"rates are the value of one unit in {base}, the base_currency"
        documents.problems.add(gateway.place("rates", base), "must be 1", str(gateway.get("rates", base)), hint)
    if gateway.get("accounts") == {}:
        hint = "default: {initial_cash: 100000}"
        documents.problems.add(gateway.place("accounts"), "must name an account", hint=hint)
    elif gateway.get("accounts") and "default" not in gateway.get("accounts"):
        documents.problems.warn(gateway.place("accounts"), "has no `default`: orders must name their account")


def check_server(documents: Documents) -> None:
    gateway = documents[GATEWAY]
    cert, key = (gateway.get("server", name) != "" and gateway.is_written("server", name) for name in _TLS)
    if cert != key:
        missing = "tls_key" if cert else "tls_cert"
        documents.problems.add(gateway.place("server", missing), "is missing", hint="TLS needs tls_cert and tls_key")
    host = gateway.get("server", "host", default="127.0.0.1")
    if host not in _LOOPBACK and not documents[PRINCIPALS].get("principals"):
        text = "is not this machine: without a key in principals.yaml the gateway does not start there"
        documents.problems.warn(gateway.place("server", "host"), text)


def check_candidates(documents: Documents) -> None:
    """Each stands beside the enforced rules with something of its own, and is a process of its own."""
    gateway = documents[GATEWAY]
    candidates = gateway.get("candidates", default={})
    for name, values in candidates.items():
        if not {"policies", "limits"} & set(values):
            documents.problems.add(gateway.place("candidates", name), "gives neither `policies` nor `limits`")
    if len(candidates) > MAX_CANDIDATES:
        text = f"must be at most {MAX_CANDIDATES}"
        documents.problems.add(gateway.place("candidates"), text, str(len(candidates)), "each is a process of its own")


def check_principals(documents: Documents) -> None:
    """Names and keys are each one's own, and accounts exist."""
    document = documents[PRINCIPALS]
    accounts = set(documents[GATEWAY].get("accounts", default={"default": {}}))
    seen: dict[tuple[str, Any], Place] = {}
    for index, principal in enumerate(document.get("principals", default=[])):
        for key in ("name", "key_sha256"):
            if key in principal:
                place = document.place("principals", index, key)
                first = seen.setdefault((key, principal[key]), place)
                if first != place:
                    hint = "each principal has a name and a key of its own"
                    documents.problems.add(place, f"is given twice, first in line {first.line}", hint=hint)
        for key in ("accounts", "strategies", "networks"):
            if principal.get(key) == [] and not document.is_written("principals", index, key, 0):
                place, hint = document.place("principals", index, key), "remove the line to allow all of them"
                documents.problems.add(place, f"must name at least one of the {key} that the key may use", "[]", hint)
        for number, account in enumerate(principal.get("accounts", [])):
            if account not in accounts and documents[GATEWAY].is_usable:
                place = document.place("principals", index, "accounts", number)
                hint = documents.problems.did_you_mean(account, sorted(accounts))
                documents.problems.add(place, "must be an account of gateway.yaml", shown(account), hint)


def check_limits(documents: Documents, listed: Listed) -> None:
    """Limits belong to what exists: those of an account or a sector with a slip in its name would guard nothing."""
    risk = documents[RISK]
    accounts = set(documents[GATEWAY].get("accounts", default={"default": {}}))
    for name in risk.get("accounts", default={}):
        if name not in accounts and documents[GATEWAY].is_usable:
            hint = documents.problems.did_you_mean(name, sorted(accounts))
            documents.problems.add(risk.place("accounts", name), "is not an account of gateway.yaml", hint=hint)
    if documents[INSTRUMENTS].is_usable and documents[GATEWAY].is_usable:
        for symbol in risk.get("symbols", default={}):
            if symbol not in listed.entries:
                hint = documents.problems.did_you_mean(symbol, listed.entries)
                documents.problems.add(risk.place("symbols", symbol), "is not an instrument", hint=hint)
        entries = listed.entries.values()
        sectors = sorted({entry["sector"] for entry in entries if "sector" in entry})
        venues = sorted({*documents[GATEWAY].get("venues", default={}), *(entry["venue"] for entry in entries)})
        for key, known, what in (("sectors", sectors, "sector of an instrument"), ("venues", venues, "known venue")):
            for name in risk.get(key, default={}):
                if name not in known:
                    hint = documents.problems.did_you_mean(name, known)
                    if not hint and key == "sectors":
                        hint = f"set `sector: {name}` of an instrument in instruments.yaml"
                    documents.problems.add(risk.place(key, name), f"is not a {what}", hint=hint)


def check_overrides(documents: Documents) -> None:
    """An override that says nothing about its end must not last longer than one may."""
    risk = documents[RISK]
    default = risk.get("overrides", "default_s", default=OverrideWindow().default_s)
    longest = risk.get("overrides", "max_s", default=OverrideWindow().max_s)
    if default > longest:
        place = risk.place("overrides", "default_s" if "default_s" in risk.get("overrides") else "max_s")
        documents.problems.add(place, "default_s must not be above max_s", f"{default} and {longest}")


def check_figures(documents: Documents) -> None:
    """A figure that asks for more samples than there ever are would never be known."""
    risk, default = documents[RISK], FigureSampling()
    window = risk.get("figures", "window", default=default.window)
    fewest = risk.get("figures", "min_samples", default=default.min_samples)
    if fewest > window:
        place = risk.place("figures", "min_samples" if "min_samples" in risk.get("figures") else "window")
        documents.problems.add(place, "min_samples must not be above window", f"{fewest} and {window}")
