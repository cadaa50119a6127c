"""Small configurations for the tests, and ways to load them."""

from collections.abc import Mapping
from pathlib import Path

from gateway.adapters.config import ConfigInvalid, ConfigProblem, parse
from gateway.adapters.config.tables import FILES
from gateway.domain.settings import Settings

SHIPPED = Path(__file__).resolve().parents[2] / "config"

#: The seeds' own samples: the same keys and values.
SEED_MODES = """
modes:
  global: "SHADOW"  # SHADOW | CANARY | LIVE
  venues:
    IBKR:
      mode: "SHADOW"
      canary_pct: 0.0

venues:
  ibkr:
    host: "127.0.0.1"
    port: 7497
    client_id: 7
    paper_only: true
    timeout: 30
"""
SEED_BINANCE = """
exchange: mock  # Change to 'binance' for real data
symbols:
  - BTC/USDT
  - ETH/USDT
refresh_interval: 5
"""
SEED_SYMBOLS = """
symbols:
  equities:
    - symbol: AAPL
      exchange: SMART
      currency: USD
      enabled: true
    - symbol: TSLA
      exchange: NASDAQ
      currency: USD
      enabled: true

  futures:
    - symbol: ES
      exchange: CME
      expiry: "202503"
      enabled: false
"""
SEED_BINANCE_SYMBOLS = """
symbols:
  - BTC/USDT
  - ETH/USDT
  - BNB/USDT
  - SOL/USDT
"""
SEED_LIMITS = """
limits:
  max_position_size: 10000  # shares
  max_order_value: 50000    # USD
  max_concentration: 0.2    # 20% max
  daily_loss_limit: 5000    # USD
  max_leverage: 1.0         # No leverage initially
"""
SEED_PHASE_3_LIMITS = """
limits:
  max_daily_loss: 5000.0
  max_position_value: 100000.0
  max_order_size: 10000.0
  allowed_symbols: []
  blocked_symbols: []
"""


def shipped_files() -> dict[str, bytes]:
    return {name: (SHIPPED / name).read_bytes() for name in FILES}


def parse_texts(environ: Mapping[str, str] | None = None, **texts: str) -> Settings:
    """Settings from ``gateway="..."``, ``risk="..."``; a gateway.yaml is there even when the test needs none."""
    files = {f"{name}.yaml": text.encode() for name, text in {"gateway": "{}", **texts}.items()}
    return parse(files, environ or {})


def problems_of(environ: Mapping[str, str] | None = None, **texts: str) -> tuple[ConfigProblem, ...]:
    """What is wrong with these files; nothing when they load."""
    try:
        parse_texts(environ, **texts)
    except ConfigInvalid as invalid:
        return invalid.problems
    return ()


def only_problem(environ: Mapping[str, str] | None = None, **texts: str) -> str:
    """The one thing that is wrong, as a person reads it."""
    problems = problems_of(environ, **texts)
    assert len(problems) == 1, "\n".join(str(problem) for problem in problems)
    return str(problems[0])
