"""From values that passed every check to the settings themselves."""

from decimal import Decimal
from typing import Any

import msgspec

from gateway.adapters.config.accounts import account_words
from gateway.adapters.config.breakers import build_breakers
from gateway.adapters.config.calendars import day_roll_for
from gateway.adapters.config.documents import Documents
from gateway.adapters.config.instruments import Listed
from gateway.adapters.config.limits import build_limits
from gateway.adapters.config.revision import revision_of
from gateway.adapters.config.rollout import build_rollout
from gateway.adapters.config.sources import INVENTED, Sources
from gateway.adapters.config.tables import GATEWAY, INSTRUMENTS, NOTIFICATIONS, PRINCIPALS, RISK
from gateway.adapters.config.throttles import build_throttles
from gateway.domain.candidates import CandidateGates
from gateway.domain.config import (
    AccountConfig,
    DropCopy,
    FigureSampling,
    LimitTable,
    OverrideWindow,
    ReconciliationPace,
    ReconciliationTerms,
    TradingConfig,
    VenueMode,
)
from gateway.domain.days import DayRoll
from gateway.domain.enums import Mode
from gateway.domain.instruments import Instrument
from gateway.domain.money import ONE
from gateway.domain.settings import (
    CandidateSettings,
    MarketDataSettings,
    NotificationChannel,
    PolicySettings,
    Principal,
    ServerSettings,
    Settings,
    SimulatorSettings,
    StorageSettings,
    VenueSettings,
)

_MARKET_DATA = MarketDataSettings()
#: What an ibkr venue is reached at unless said otherwise: TWS on this machine, paper trading.
_IBKR_DEFAULTS: dict[str, Any] = {"host": "127.0.0.1", "port": 7497, "client_id": 1}


def rates_of(documents: Documents) -> dict[str, Decimal]:
    """Value of each currency in the base currency. Without ``rates``, a USDT counts as a dollar."""
    gateway = documents[GATEWAY]
    base: str = gateway.get("base_currency", default="USD")
    given = gateway.get("rates")
    if given is None:
        given = {"USDT": ONE} if base == "USD" else {}
    return {base: ONE, **given}


def build_settings(documents: Documents, listed: Listed, sources: Sources) -> Settings:
    gateway = documents[GATEWAY]

    def section(name: str, *without: str) -> dict[str, Any]:
        return {key: value for key, value in gateway.get(name, default={}).items() if key not in without}

    refresh = gateway.get("refresh_interval", default=documents[INSTRUMENTS].get("refresh_interval"))
    extra = {} if refresh is None else {"refresh_interval_s": refresh}
    return Settings(
        trading=_trading(documents, listed, sources),
        server=ServerSettings(**section("server")),
        storage=StorageSettings(**section("storage", "retained_closed_orders", "retained_executions")),
        policy=PolicySettings(**section("policy", "approved_symbols")),
        candidates={
            name: CandidateSettings(**{**values, "gates": CandidateGates(**values.get("gates", {}))})
            for name, values in sorted(gateway.get("candidates", default={}).items())
        },
        market_data=MarketDataSettings(
            **{**section("market_data"), **extra, "source": sources.default, "sources": dict(sources.by_venue)},
            symbols=tuple(sorted(set(gateway.get("symbols", default=[])))),
        ),
        simulator=SimulatorSettings(**section("simulator")),
        venues={name: _venue(name, values) for name, values in gateway.get("venues", default={}).items()},
        principals=tuple(_principal(values) for values in documents[PRINCIPALS].get("principals", default=[])),
        notifications=tuple(
            NotificationChannel(**values) for values in documents[NOTIFICATIONS].get("channels", default=[])
        ),
        sources=documents.sources,
        warnings=tuple(documents.problems.warnings),
    )


def _trading(documents: Documents, listed: Listed, sources: Sources) -> TradingConfig:
    gateway, risk = documents[GATEWAY], documents[RISK]
    instruments = {symbol: Instrument(**entry) for symbol, entry in sorted(listed.entries.items())}
    modes = gateway.get("modes", "venues", default={})
    venues = {*modes, *gateway.get("venues", default={}), *(one.venue for one in instruments.values())}
    real = {venue for venue in venues if sources.of(venue) not in ("", *INVENTED)}
    optional: dict[str, Any] = {}
    if (accounts := gateway.get("accounts")) is not None:
        optional["accounts"] = {name: AccountConfig(**values) for name, values in accounts.items()}
    if (approved := gateway.get("policy", "approved_symbols")) is not None:
        optional["approved_symbols"] = tuple(sorted(set(approved)))
    if (reserve := risk.get("reprice_reserve_bps")) is not None:
        optional["reprice_reserve_bps"] = reserve
    sections = {"figures": FigureSampling, "overrides": OverrideWindow, "drop_copy": DropCopy}
    optional |= {key: struct(**given) for key, struct in sections.items() if (given := risk.get(key)) is not None}
    if (given := risk.get("reconciliation")) is not None:
        paces = {venue: ReconciliationPace(**pace) for venue, pace in given.get("venues", {}).items()}
        optional["reconciliation"] = ReconciliationTerms(**{**given, "venues": paces})
    if (method := gateway.get("cost_method")) is not None:
        optional["cost_method"] = method
    if (every_s := gateway.get("snapshots", "every_s")) is not None:
        optional["snapshot_every_s"] = every_s
    for key in ("retained_closed_orders", "retained_executions"):
        if (retained := gateway.get("storage", key)) is not None:
            optional[key] = retained
    trading = TradingConfig(
        revision="",
        global_mode=gateway.get("modes", "global", default=Mode.SHADOW),
        venues={
            name: _venue_mode(modes.get(name, {}), name, gateway.get("venues", default={}).get(name))
            for name in sorted(venues)
        },
        limits=_fresh_prices(build_limits(documents), documents) if real else build_limits(documents),
        throttles=build_throttles(documents),
        circuit_breakers=build_breakers(documents),
        rollout=build_rollout(documents, venues),
        instruments=instruments,
        base_currency=gateway.get("base_currency", default="USD"),
        rates=rates_of(documents),
        day_roll=_day_roll(gateway.get("day_roll", default={}), DayRoll()),
        day_rolls=_day_rolls(gateway.get("venues", default={}), venues, instruments),
        is_market_data_real=bool(real),
        invented_venues=tuple(sorted(venues - real)) if real else (),
        **optional,
    )
    return msgspec.structs.replace(trading, revision=revision_of(trading))


def _fresh_prices(table: LimitTable, documents: Documents) -> LimitTable:
    """Where prices are real, no new risk is taken without one, or on a stale one, unless ``limits`` say otherwise."""
    limits = table.gateway
    if limits.require_market_data is None:
        limits = msgspec.structs.replace(limits, require_market_data=True)
    if limits.max_market_data_age_ms is None:
        stale_after_ms = documents[GATEWAY].get("market_data", "stale_after_ms", default=_MARKET_DATA.stale_after_ms)
        limits = msgspec.structs.replace(limits, max_market_data_age_ms=Decimal(stale_after_ms))
    return msgspec.structs.replace(table, gateway=limits)


def _day_rolls(configured: dict[str, Any], venues: set[str], instruments: dict[str, Instrument]) -> dict[str, DayRoll]:
    """The boundary of every venue: its own, or the one that suits what is traded there."""
    calendars: dict[str, list[str]] = {venue: [] for venue in venues}
    for instrument in instruments.values():
        calendars[instrument.venue].append(instrument.calendar)
    return {
        venue: _day_roll(configured.get(venue, {}).get("day_roll", {}), day_roll_for(calendars[venue]))
        for venue in sorted(venues)
    }


def _day_roll(values: dict[str, Any], default: DayRoll) -> DayRoll:
    """What is given; a time alone is at the place of the default, a place alone at its midnight."""
    if not values:
        return default
    return DayRoll(timezone=values.get("timezone", default.timezone), minute=values.get("time", 0))


def _venue_mode(values: dict[str, Any], name: str, venue: dict[str, Any] | None) -> VenueMode:
    return VenueMode(
        mode=values.get("mode", Mode.SHADOW),
        canary_weight_bp=values.get("canary_pct", 0),
        account="" if venue is None else account_words(_venue(name, venue)),
    )


def _venue(name: str, values: dict[str, Any]) -> VenueSettings:
    known = dict(values)
    known.pop("day_roll", None)
    adapter = known.pop("adapter", name)
    if "timeout" in known:
        known["timeout_s"] = known.pop("timeout")
    if adapter == "ibkr":
        known = {**_IBKR_DEFAULTS, **known}
    return VenueSettings(name=name, adapter=adapter, **known)


def _principal(values: dict[str, Any]) -> Principal:
    known: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    return Principal(**known)
