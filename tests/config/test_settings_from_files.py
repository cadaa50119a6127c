"""What valid files come to: names, defaults, aliases, and the warnings about what is usable but odd."""

from decimal import Decimal

import pytest

from gateway.adapters.config.limits import DEFAULT_LIMITS
from gateway.domain.config import FigureSampling
from gateway.domain.days import DayRoll
from gateway.domain.enums import CanaryUnit, CostMethod, Mode, OrdType, Role
from gateway.domain.rollout import ApprovalNeed, CanaryCaps, OpenOrders, Promotions, Rollout, RolloutStep
from tests.config.samples import SHIPPED, parse_texts


@pytest.mark.parametrize("name", ["ibkr", "IBKR", "Ibkr"])
def test_venue_names_are_the_same_in_any_case(name: str) -> None:
    """Without it ``IBKR`` under modes and ``ibkr`` under venues would be two venues."""
    text = f"modes: {{global: LIVE, venues: {{{name}: {{mode: CANARY, canary_pct: 5}}}}}}\nvenues: {{iBKR: {{}}}}\n"
    settings = parse_texts(
        gateway=text, instruments=f"symbols: [{{symbol: AAPL, venue: {name}}}]", rollout=f"caps: {{{name}: {{}}}}"
    )
    assert list(settings.venues) == ["ibkr"]
    assert settings.trading.weight_bp("ibkr") == 500
    assert settings.trading.instruments["AAPL"].venue == "ibkr"


def test_a_venue_of_another_name_names_its_adapter() -> None:
    """Without it there could be only one venue of each kind."""
    venue = parse_texts(gateway="venues: {Kraken: {adapter: CCXT, options: {exchange: kraken}}}").venues["kraken"]
    assert (venue.name, venue.adapter, venue.options) == ("kraken", "ccxt", {"exchange": "kraken"})


def test_what_is_not_said_of_an_ibkr_venue_is_paper_trading_on_this_machine() -> None:
    """Without it an empty entry would connect nowhere, or somewhere real."""
    venue = parse_texts(gateway="venues: {ibkr: {}}").venues["ibkr"]
    assert (venue.host, venue.port, venue.client_id, venue.paper_only) == ("127.0.0.1", 7497, 1, True)


@pytest.mark.parametrize("symbol", ["ON", "NO", "YES", "1", "1e5", "0x10", "2024-01-01"])
def test_symbols_that_yaml_would_change_stay_symbols(symbol: str) -> None:
    """Without it ON Semiconductor would be True, here and in the lists of risk.yaml."""
    settings = parse_texts(
        instruments=f"symbols: {{equities: [{symbol}]}}",
        risk=f"limits: {{blocked_symbols: [{symbol}]}}\nsymbols: {{{symbol}: {{max_order_size: 1}}}}",
    )
    assert list(settings.trading.instruments) == [symbol]
    assert settings.trading.limits.gateway.blocked_symbols == (symbol,)
    assert list(settings.trading.limits.symbols) == [symbol]


def test_every_group_has_its_defaults() -> None:
    """Without it a bare symbol would trade at the wrong venue, hours or currency."""
    instruments = parse_texts(
        gateway="rates: {USDT: 1, JPY: 0.0065, BTC: 60000}",
        instruments="""
symbols:
  equities: [AAPL]
  futures: [{symbol: NQH6, expiry: "202603"}, {symbol: XYZ, expiry: 202603, multiplier: 7, tick_size: 0.5}]
  crypto: [DOGE/USDT, ETH/BTC]
  forex: [USDJPY]
  options: [{symbol: "AAPL  260116C00180000"}]
""",
    ).trading.instruments
    assert {
        (one.symbol, one.asset_class, one.venue, one.exchange, one.currency, one.calendar, str(one.multiplier))
        for one in instruments.values()
    } == {
        ("AAPL", "equity", "ibkr", "SMART", "USD", "XNYS", "1"),
        ("NQH6", "future", "ibkr", "CME", "USD", "CMES", "20"),
        ("XYZ", "future", "ibkr", "CME", "USD", "CMES", "7"),
        ("DOGE/USDT", "crypto", "binance", "", "USDT", "24/7", "1"),
        ("ETH/BTC", "crypto", "binance", "", "BTC", "24/7", "1"),
        ("USDJPY", "forex", "ibkr", "IDEALPRO", "JPY", "24/5", "1"),
        ("AAPL  260116C00180000", "option", "ibkr", "SMART", "USD", "XNYS", "100"),
    }


def test_what_a_file_says_of_an_instrument_wins() -> None:
    """Without it a default would overrule the person."""
    (one,) = parse_texts(
        gateway="venues: {kraken: {adapter: ccxt}}\nrates: {EUR: 1.08}",
        instruments="symbols: [{symbol: BTC/USDT, venue: Kraken, currency: eur, tick_size: 0.1, lot_size: 0.0001,"
        " min_qty: 0.0002, max_qty: 100, min_notional: 10, calendar: XNYS, enabled: no, order_types: [LIMIT, market]}]",
    ).trading.instruments.values()
    assert (one.venue, one.currency, one.tick_size, one.min_qty) == ("kraken", "EUR", Decimal("0.1"), Decimal("0.0002"))
    assert (one.max_qty, one.min_notional, one.calendar, one.enabled) == (100, 10, "XNYS", False)
    assert one.order_types == (OrdType.MARKET, OrdType.LIMIT)


def test_without_limits_the_built_in_ones_are_in_force() -> None:
    """Without it a missing risk.yaml would mean that anything goes."""
    settings = parse_texts()
    assert settings.trading.limits.gateway == DEFAULT_LIMITS
    assert settings.warnings == ("risk.yaml: gives no `limits`: the built-in ones are in force",)


def test_limits_can_be_given_up_only_by_saying_so() -> None:
    """Without it there would be no way to run without limits, or no word about it."""
    settings = parse_texts(risk="limits: {}")
    assert settings.trading.limits.gateway.max_order_value is None
    assert settings.warnings == ("risk.yaml:1: limits is empty: the gateway as a whole has no limits",)


def test_limits_of_every_scope_and_a_share_as_loss() -> None:
    """Without it limits of one account, strategy or symbol would be lost."""
    table = parse_texts(
        instruments="symbols: [AAPL]",
        risk="limits: {max_daily_loss: 5%, daily_loss_limit: 0.05}\naccounts: {default: {max_leverage: 150%}}\n"
        "strategies: {s.1: {blocked_symbols: [B, A, B]}}\nsymbols: {AAPL: {max_order_size: 5}}\n",
    ).trading.limits
    assert table.gateway.daily_loss_limit == Decimal("0.05")
    assert table.accounts["default"].max_leverage == Decimal("1.5")
    assert table.strategies["s.1"].blocked_symbols == ("A", "B")
    assert table.symbols["AAPL"].max_order_size == 5


def test_caps_are_written_out_for_every_venue() -> None:
    """Without it a venue without caps of its own would have none, although there is a default."""
    rollout = parse_texts(
        gateway="venues: {ibkr: {}, binance: {}}",
        rollout="canary_unit: Account\nsalt: x\ncaps: {default: {max_live_orders: 9, max_live_loss: 5},"
        " IBKR: {max_live_orders: 1}}",
    ).trading.rollout
    assert (rollout.canary_unit, rollout.salt) == (CanaryUnit.ACCOUNT, "x")
    assert rollout.caps == {
        "ibkr": CanaryCaps(max_live_orders=1, max_live_loss=Decimal(5)),
        "binance": CanaryCaps(max_live_orders=9, max_live_loss=Decimal(5)),
    }


def test_the_rest_of_the_files() -> None:
    """Without it plan, principals, channels and the further keys would be checked and then lost."""
    digest = "AB" * 32
    settings = parse_texts(
        gateway="accounts: {a: {initial_cash: 5}, default: {}}\nbase_currency: eur\nrates: {usd: 0.9}\n"
        "policy: {timeout_ms: 0.2s, approved_symbols: [B, A]}\nstorage: {retained_closed_orders: 5}\n",
        risk="limits: {max_leverage: 1}\nreprice_reserve_bps: 25\n",
        rollout="plan: [{weight_pct: 1, days: 3}, {weight_pct: 5%, days: 4}]",
        principals="principals: [{name: a, role: Trader, accounts: [a], networks: [10.0.0.1],"
        f" key_sha256: {digest}}}]",
        notifications="channels: [{name: desk, url_env: DESK_URL, min_severity: Critical}]",
    )
    trading = settings.trading
    assert (trading.base_currency, trading.rates) == ("EUR", {"EUR": 1, "USD": Decimal("0.9")})
    assert {name: account.initial_cash for name, account in trading.accounts.items()} == {"a": 5, "default": 100_000}
    assert (trading.approved_symbols, trading.reprice_reserve_bps) == (("A", "B"), 25)
    assert (trading.retained_closed_orders, settings.policy.timeout_ms) == (5, 200)
    assert trading.rollout.plan == (RolloutStep(weight_bp=100, days=3), RolloutStep(weight_bp=500, days=4))
    (principal,) = settings.principals
    assert (principal.role, principal.key_sha256, principal.networks) == (Role.TRADER, "ab" * 32, ("10.0.0.1/32",))
    assert settings.notifications[0].min_severity == "critical"
    assert settings.sources == (
        "gateway.yaml",
        "risk.yaml",
        "rollout.yaml",
        "principals.yaml",
        "notifications.yaml",
    )


WARNINGS = [
    (
        "modes: {global: CANARY, venues: {ibkr: {mode: CANARY}}}\nvenues: {ibkr: {}}\nexchange: ibkr",
        "gateway.yaml:1: modes.venues.ibkr is CANARY with canary_pct 0: every order stays in SHADOW",
    ),
    (
        "modes:\n  venues:\n    ibkr: {mode: LIVE}\nvenues: {ibkr: {}}",
        "gateway.yaml:3: modes.venues.ibkr is LIVE, but modes.global SHADOW is lower and decides",
    ),
    (
        "modes: {global: LIVE, venues: {ibkr: {mode: LIVE}}}\nvenues: {ibkr: {}}\nmarket_data: {source: synthetic}",
        "gateway.yaml:3: market_data.source is synthetic: live orders would be checked against prices that are not",
    ),
    ("server:\n  host: 0.0.0.0", "gateway.yaml:2: server.host is not this machine: without a key in principals.yaml"),
    ("accounts: {main: {}}", "gateway.yaml:1: accounts has no `default`: orders must name their account"),
]


@pytest.mark.parametrize(("text", "warning"), WARNINGS)
def test_what_is_usable_but_odd_is_warned_about(text: str, warning: str) -> None:
    """Without it a canary that does nothing, or prices that nobody trades at, would go unseen."""
    (found,) = parse_texts(gateway=text, risk="limits: {max_leverage: 1}").warnings
    assert found.startswith(warning)


def test_a_blocked_symbol_that_does_not_exist_is_warned_about() -> None:
    """Without it a slip in the block list would leave the symbol that was meant unblocked."""
    settings = parse_texts(instruments="symbols: [AAPL]", risk="limits:\n  blocked_symbols:\n    - APPL\n")
    assert settings.warnings == (
        "risk.yaml:3: limits.blocked_symbols[0] names APPL, which is not an instrument (did you mean `AAPL`?)",
    )


def test_a_mode_may_name_a_venue_that_only_instruments_use() -> None:
    """Without it a venue that is only shadowed would need a connection to be configured."""
    trading = parse_texts(gateway="modes: {venues: {BINANCE: {mode: SHADOW}}}\nsymbols: [BTC/USDT]").trading
    assert trading.venues["binance"].mode is Mode.SHADOW


def test_the_keys_of_the_ledger() -> None:
    """Without it a day would begin elsewhere, or P&L be told by another method, than the file says."""
    trading = parse_texts(
        gateway="venues:\n"
        '  ibkr: {day_roll: {timezone: Asia/Tokyo, time: "06:30"}}\n'
        '  binance: {day_roll: {time: "16:00"}}\n'
        "  cme: {adapter: simulator}\n"
        "day_roll: {timezone: Europe/London}\ncost_method: FIFO\nsnapshots: {every_s: 1m}\n"
        "storage: {retained_executions: 7}\nsymbols: [BTC/USDT]",
        risk="figures: {sample_every_s: 5, window: 20, min_samples: 10, compute_every_s: 60, max_symbols: 3}",
        instruments="symbols: {futures: [{symbol: ES, expiry: '202612', venue: cme}]}",
    ).trading
    assert trading.day_roll == DayRoll(timezone="Europe/London")
    assert trading.day_rolls == {
        "ibkr": DayRoll(timezone="Asia/Tokyo", minute=390),
        "binance": DayRoll(timezone="UTC", minute=960),
        "cme": DayRoll(timezone="America/Chicago", minute=1_020),
    }
    assert (trading.cost_method, trading.snapshot_every_s, trading.retained_executions) == (CostMethod.FIFO, 60, 7)
    assert trading.figures == FigureSampling(
        sample_every_s=5, window=20, min_samples=10, compute_every_s=60, max_symbols=3
    )


def test_the_shipped_plan_is_the_default_one() -> None:
    """Without it a gateway without rollout.yaml would promote along another plan than the documented one."""
    shipped = parse_texts(rollout=(SHIPPED / "rollout.yaml").read_text()).trading.rollout
    assert shipped == Rollout()
    assert [(step.weight_bp, step.days) for step in shipped.plan] == [
        (100, 3),
        (500, 4),
        (1000, 7),
        (2500, 7),
        (5000, 9),
    ]


def test_the_terms_of_a_rollout() -> None:
    """Without it a gate, a cap of a step or the cool-down would be checked and then lost."""
    rollout = parse_texts(
        gateway="venues: {ibkr: {}, binance: {}}",
        rollout="plan: [{weight_pct: 1, days: 3, notional_pct: 2, min_orders: 5, max_error_rate: 10%,"
        " caps: {max_live_orders: 4}}]\ngates: {max_ack_ms: off, min_fill_rate: 90%}\n"
        "approval: {needed: always, expires_h: 1}\npromotions: {default: manual, IBKR: evidence}\n"
        "demotion: {open_orders: leave, cool_down: 2h, settle: 5m}\nshadow: {days: 1}\nlive_after_days: 40\n",
    ).trading.rollout
    step = RolloutStep(
        weight_bp=100,
        days=3,
        notional_bp=200,
        min_orders=5,
        max_error_rate=Decimal("0.1"),
        caps=CanaryCaps(max_live_orders=4),
    )
    assert rollout.plan == (step,)
    assert (rollout.gates.max_ack_ms, rollout.gates.min_fill_rate) == (None, Decimal("0.9"))
    assert (rollout.approval.needed, rollout.approval.expires_h) == (ApprovalNeed.ALWAYS, 1)
    assert rollout.promotions == {"binance": Promotions.MANUAL}
    assert (rollout.demotion.open_orders, rollout.demotion.cool_down_s) == (OpenOrders.LEAVE, 7_200)
    assert (rollout.demotion.settle_s, rollout.shadow.days, rollout.live_after_days) == (300, 1, 40)
