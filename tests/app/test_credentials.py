"""Who reads which credential, and when; and what a gateway loads that needs no venue."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.venues.shared.budget import Budgets
from gateway.app.registry import venue_factories
from gateway.domain.config import TradingConfig
from gateway.domain.settings import Settings, VenueSettings
from tests.fakes.outside import FixedMarket

ROOT = Path(__file__).parents[2]
SECRETS = {
    "BINANCE_API_KEY": "k",
    "BINANCE_SECRET": "s",
    "ALPACA_API_KEY": "PK1",
    "ALPACA_SECRET_KEY": "s",
    "CCXT_API_KEY": "k",
    "CCXT_SECRET": "cw==",
    "CCXT_PASSWORD": "p",
    "IBKR_USERNAME": "u",
    "IBKR_PASSWORD": "p",
}


class RecordingEnviron(Mapping[str, str]):
    """An environment that remembers what was asked of it."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.read.add(name)
        return SECRETS[name]

    def __iter__(self) -> Iterator[str]:
        self.read.update(SECRETS)
        return iter(SECRETS)

    def __len__(self) -> int:
        return len(SECRETS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("adapter", "prefix"), [("simulator", "-"), ("ibkr", "-"), ("binance", "BINANCE_"), ("alpaca", "ALPACA_")]
)
async def test_a_credential_is_read_by_its_adapter_alone_and_only_when_that_is_built(
    adapter: str, prefix: str, tmp_path: Path
) -> None:
    """Without this, a gateway in SHADOW would hold keys that can trade, and each adapter the keys of the others."""
    environ = RecordingEnviron()
    settings = Settings(trading=TradingConfig(revision="c1"))
    factories = venue_factories({}, settings, FixedMarket({}), SystemClock(), tmp_path, environ, Budgets(SystemClock()))
    assert environ.read == set(), "adapters that could be built read nothing yet"
    venue = factories[adapter](VenueSettings(name=adapter, adapter=adapter))
    assert environ.read == {name for name in SECRETS if name.startswith(prefix)}
    await venue.close()


@pytest.mark.filterwarnings("ignore")
async def test_two_venues_of_one_account_share_its_budget(tmp_path: Path) -> None:
    """Without this, two venues with the same key would each use the whole rate limit, and the key be banned."""
    settings = Settings(trading=TradingConfig(revision="c1"))
    factories = venue_factories({}, settings, FixedMarket({}), SystemClock(), tmp_path, SECRETS, Budgets(SystemClock()))
    venues = [factories["binance"](VenueSettings(name=name, adapter="binance")) for name in ("one", "two")]
    budgets = {id(venue._rest.budget) for venue in venues}  # type: ignore[attr-defined]
    assert len(budgets) == 1
    for venue in venues:
        await venue.close()


def test_a_gateway_without_live_venues_loads_no_client_library() -> None:
    """Without this, every start would take seconds and a hundred megabytes for what SHADOW never uses."""
    program = (
        "import sys, gateway.app.process\n"
        "found = {'ib_async', 'binance', 'ccxt', 'alpaca'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {found}' if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
