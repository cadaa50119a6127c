"""The part of the configuration that decisions depend on, as plain data.

It is journaled whole whenever it changes, so a replay decides under the config that was in force. Parsing YAML
is the business of ``adapters/config``; where servers listen and files lie is in ``app/settings``.
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from gateway.domain.breakers import BreakerConfig
from gateway.domain.capabilities import VenueCapabilities
from gateway.domain.days import DayRoll
from gateway.domain.enums import CostMethod, Mode, ShortSale
from gateway.domain.instruments import Instrument
from gateway.domain.money import ONE, ZERO
from gateway.domain.rollout import Rollout
from gateway.domain.throttles import ThrottleTable


class VenueMode(msgspec.Struct, frozen=True, kw_only=True):
    """Mode of one venue. ``canary_weight_bp`` is the live share in basis points (100 = 1%). ``account`` says in words
    which account there is traded, as far as the configuration tells it: what one has proven says nothing of another."""

    mode: Mode = Mode.SHADOW
    canary_weight_bp: int = 0
    account: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one scope; None is no limit. Keys and meanings are those of ``risk.yaml``.

    Sizes are in units of the instrument, values in the base currency; what is called a share, ratio, multiple or
    percentage is a ratio. ``daily_loss_limit``, ``max_gross_exposure`` and ``max_net_exposure`` below 1 are a share
    of equity, otherwise amounts.
    """

    max_order_size: Decimal | None = None
    max_order_value: Decimal | None = None
    max_order_adv: Decimal | None = None
    price_collar: Decimal | None = None
    price_collar_window: Decimal | None = None
    risk_per_trade: Decimal | None = None
    max_position_size: Decimal | None = None
    max_position_value: Decimal | None = None
    max_concentration: Decimal | None = None
    max_intraday_position: Decimal | None = None
    max_adv_participation: Decimal | None = None
    volatility_target: Decimal | None = None
    max_correlation: Decimal | None = None
    max_leverage: Decimal | None = None
    max_portfolio_exposure: Decimal | None = None
    max_gross_exposure: Decimal | None = None
    max_net_exposure: Decimal | None = None
    max_open_order_value: Decimal | None = None
    max_open_orders: Decimal | None = None
    max_open_positions: Decimal | None = None
    max_margin_use: Decimal | None = None
    min_buying_power: Decimal | None = None
    min_account_balance: Decimal | None = None
    max_drawdown: Decimal | None = None
    daily_loss_limit: Decimal | None = None
    require_market_data: bool | None = None
    max_market_data_age_ms: Decimal | None = None
    deny_crossed_market: bool | None = None
    max_spread_bps: Decimal | None = None
    min_displayed_qty: Decimal | None = None
    min_depth_multiple: Decimal | None = None
    min_average_volume: Decimal | None = None
    market_hours: bool | None = None
    short_sale: ShortSale | None = None
    no_short: tuple[str, ...] = ()
    allowed_symbols: tuple[str, ...] = ()
    blocked_symbols: tuple[str, ...] = ()
    restricted_symbols: dict[str, str] = {}


class GapEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time around an event (earnings, a rate decision) in which no new risk is taken in its symbols;
    without ``symbols``, in none at all. ``end_ns`` is the first moment after it."""

    start_ns: int
    end_ns: int
    reason: str
    symbols: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As a person is told of it when it comes or goes."""
        return f"{self.reason} ({', '.join(self.symbols) or 'all'})"


class LimitTable(msgspec.Struct, frozen=True, kw_only=True):
    """Limits per scope. Every scope that an order falls under is checked; the strictest decides.

    ``stop_loss_percentage`` is the loss at which a position is taken to be stopped out (``risk_per_trade``),
    ``collar_window_s`` the seconds that the collar's average price is over, ``collar_max_age_s`` how old a price may
    be to be its reference, ``figures_max_age_s`` how old volatilities and correlations may be.
    """

    gateway: Limits = Limits()
    accounts: dict[str, Limits] = {}
    strategies: dict[str, Limits] = {}
    venues: dict[str, Limits] = {}
    symbols: dict[str, Limits] = {}
    sectors: dict[str, Limits] = {}
    asset_classes: dict[str, Limits] = {}
    gap_events: tuple[GapEvent, ...] = ()
    stop_loss_percentage: Decimal = ONE
    collar_window_s: int = 60
    collar_max_age_s: int = 60
    figures_max_age_s: int = 86_400

    def all_limits(self) -> Iterator[Limits]:
        """Those of every scope."""
        yield self.gateway
        for scopes in (
            self.accounts,
            self.strategies,
            self.venues,
            self.symbols,
            self.sectors,
            self.asset_classes,
        ):
            yield from scopes.values()


class AccountConfig(msgspec.Struct, frozen=True, kw_only=True):
    """An account that may trade, and the cash each of its two books starts with (base currency)."""

    initial_cash: Decimal = Decimal(100_000)


class OverrideWindow(msgspec.Struct, frozen=True, kw_only=True):
    """How long a controlled override may last: unless it says, and at most. Seconds."""

    default_s: int = 300
    max_s: int = 3_600


class DropCopy(msgspec.Struct, frozen=True, kw_only=True):
    """How long an execution that an independent source tells may be missing or differ before it counts as drift."""

    grace_s: int = 10


class ReconciliationPace(msgspec.Struct, frozen=True, kw_only=True):
    """How often one venue is compared, in seconds."""

    every_s: int


class ReconciliationTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How the books are held against the venues: every so often (``venues``: otherwise at some), with nothing judged
    that traded in the last ``grace_s``. People are alerted of an order in doubt after ``in_doubt_alert_s``."""

    every_s: int = 60
    grace_s: int = 5
    in_doubt_alert_s: int = 30
    venues: dict[str, ReconciliationPace] = {}

    def every_s_of(self, venue: str) -> int:
        pace = self.venues.get(venue)
        return self.every_s if pace is None else pace.every_s


class FigureSampling(msgspec.Struct, frozen=True, kw_only=True):
    """How volatility, correlations and tail risk are estimated: a price of each symbol every ``sample_every_s``, the
    last ``window`` returns, anew every ``compute_every_s``, from at least ``min_samples`` returns, of at most
    ``max_symbols`` symbols (what is held first)."""

    sample_every_s: int = 60
    window: int = 500
    min_samples: int = 100
    compute_every_s: int = 300
    max_symbols: int = 100


class TradingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a decision reads. ``revision`` is a hash of the content, so equal content is equal revision.

    ``rates`` gives the value of one unit of a currency in the base currency. ``is_market_data_real`` False (the
    synthetic market) means that markets never close and closing-hours rules are not enforced; ``invented_venues``
    are those for which that is so although prices of others are real (``has_real_prices`` tells).
    ``cost_method`` is the one whose realized P&L is reported (both are kept); a portfolio snapshot is taken every
    ``snapshot_every_s`` (0: never). ``day_roll`` begins the gateway's own trading day, ``day_rolls`` that of each
    venue (a venue that is not there has the gateway's).
    ``capabilities`` is what the adapter of each configured venue declares; it comes from the program and not from the
    files, so it is no part of ``revision``.
    ``reprice_reserve_bps`` is added to the reference price when holding exposure for an order without a limit.
    """

    revision: str
    global_mode: Mode = Mode.SHADOW
    venues: dict[str, VenueMode] = {}
    capabilities: dict[str, VenueCapabilities] = {}
    limits: LimitTable = LimitTable()
    throttles: ThrottleTable = ThrottleTable()
    circuit_breakers: dict[str, BreakerConfig] = {}
    rollout: Rollout = Rollout()
    instruments: dict[str, Instrument] = {}
    accounts: dict[str, AccountConfig] = msgspec.field(default_factory=lambda: {"default": AccountConfig()})
    base_currency: str = "USD"
    rates: dict[str, Decimal] = msgspec.field(default_factory=lambda: {"USD": ONE})
    approved_symbols: tuple[str, ...] | None = None
    reprice_reserve_bps: Decimal = ZERO
    is_market_data_real: bool = False
    invented_venues: tuple[str, ...] = ()
    retained_closed_orders: int = 1_000
    retained_executions: int = 5_000
    overrides: OverrideWindow = OverrideWindow()
    drop_copy: DropCopy = DropCopy()
    reconciliation: ReconciliationTerms = ReconciliationTerms()
    figures: FigureSampling = FigureSampling()
    cost_method: CostMethod = CostMethod.AVERAGE
    snapshot_every_s: int = 300
    day_roll: DayRoll = DayRoll()
    day_rolls: dict[str, DayRoll] = {}

    def has_real_prices(self, venue: str) -> bool:
        """Whether prices at ``venue`` are those of a market, so that its hours count."""
        return self.is_market_data_real and venue not in self.invented_venues

    def effective_mode(self, venue: str) -> Mode:
        """The lower of the global mode and the venue's own; a venue that is not configured is SHADOW."""
        own = self.venues.get(venue)
        if own is None:
            return Mode.SHADOW
        return own.mode if own.mode.rank < self.global_mode.rank else self.global_mode

    def day_roll_of(self, venue: str) -> DayRoll:
        """When the trading day of a venue begins."""
        return self.day_rolls.get(venue, self.day_roll)

    def weight_bp(self, venue: str) -> int:
        """The live share of a venue in basis points under its effective mode."""
        mode = self.effective_mode(venue)
        if mode is Mode.LIVE:
            return 10_000
        if mode is Mode.SHADOW:
            return 0
        return self.venues[venue].canary_weight_bp
