"""What one account has proven says nothing of another: paper is no evidence for real money."""

from decimal import Decimal

import msgspec
import pytest

from gateway.adapters.config.accounts import account_words
from gateway.core.checkpoint import decode_snapshot, encode_snapshot
from gateway.core.orphans import orphans
from gateway.domain.config import TradingConfig
from gateway.domain.enums import ExecType, Mode
from gateway.domain.rollout_facts import RolloutStepEntered
from gateway.domain.settings import VenueSettings
from tests.rollouts.site import TERMS, Site
from tests.world import MANUAL

replace = msgspec.structs.replace


def at(site: Site, account: str, mode: Mode, weight_bp: int) -> TradingConfig:
    config = site.config(mode, weight_bp)
    return replace(config, venues={**config.venues, "alpha": replace(config.venues["alpha"], account=account)})


def edit(site: Site, account: str, mode: Mode, weight_bp: int = 0) -> str:
    refusal = site.edit(at(site, account, mode, weight_bp)).refusal
    return "" if refusal is None else refusal.text


def proven_on_paper(site: Site) -> None:
    """In the first step, at the paper account, with all that the second one asks for."""
    assert edit(site, "paper", Mode.SHADOW) == ""
    assert edit(site, "paper", Mode.CANARY, 5_000) == ""
    site.trade(60)
    site.next_day()


def test_another_account_begins_in_shadow_with_nothing_proven() -> None:
    """Without this, a month of paper trading would be what lets real money go live."""
    site = Site()
    proven_on_paper(site)
    text = edit(site, "real money", Mode.CANARY, 9_000)
    assert "its account changes (paper -> real money)" in text
    assert "set modes.venues.alpha.mode to SHADOW" in text
    assert "its account changes" in edit(site, "real money", Mode.CANARY, 5_000), "nor where it stands"
    assert edit(site, "real money", Mode.SHADOW) == ""
    entered = site.records[-1].facts[-1]
    assert isinstance(entered, RolloutStepEntered)
    assert (entered.is_restart, entered.cause) == (True, "begins again at another account: paper -> real money")
    assert (site.rollout.orders, site.rollout.canary_days, site.rollout.evidence.position) == (0, 0, -1)
    assert edit(site, "real money", Mode.CANARY, 5_000) == ""
    assert "not_enough_evidence" in edit(site, "real money", Mode.CANARY, 9_000)


def test_a_venue_that_leaves_and_comes_back_is_still_known_by_its_account() -> None:
    """Without this, two edits would do what one may not; and a restart would forget it."""
    site = Site()
    proven_on_paper(site)
    gone = site.config(Mode.SHADOW, 0)
    assert site.edit(replace(gone, venues={"beta": gone.venues["beta"]})).refusal is None
    site.state = decode_snapshot(encode_snapshot(site.state))
    assert "paper -> real money" in edit(site, "real money", Mode.CANARY, 5_000)
    assert edit(site, "paper", Mode.CANARY, 5_000) == ""


def test_the_same_account_and_one_that_goes_by_hand_are_left_alone() -> None:
    """Without this, every edit would begin a rollout anew, or a person could not decide."""
    site = Site()
    proven_on_paper(site)
    assert edit(site, "paper", Mode.CANARY, 9_000) == ""
    assert site.rollout.orders
    manual = Site(terms=replace(TERMS, promotions=MANUAL))
    assert edit(manual, "paper", Mode.CANARY, 5_000) == ""
    assert edit(manual, "real money", Mode.CANARY, 5_000) == ""


@pytest.mark.parametrize("is_filled", [True, False])
def test_nothing_live_is_left_behind_at_an_account(is_filled: bool) -> None:
    """Without this, one edit would leave a position where the gateway can no longer close it."""
    site = Site()
    edit(site, "paper", Mode.CANARY, 5_000)
    order = site.live_order()
    site.report(order, ExecType.NEW)
    if is_filled:
        site.fill(order)
    assert orphans(site.state, at(site, "paper", Mode.SHADOW, 0)) == ()
    [problem] = orphans(site.state, at(site, "real money", Mode.SHADOW, 0))
    assert "close it before the account at alpha changes (paper -> real money)" in problem


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"adapter": "ibkr", "host": "h", "port": 7497}, "ibkr paper h:7497"),
        ({"adapter": "ibkr", "host": "h", "port": 7497, "options": {"account": "DU1"}}, "ibkr paper DU1"),
        ({"adapter": "alpaca", "paper_only": False, "timeout_s": Decimal(3)}, "alpaca real money"),
        ({"adapter": "binance", "options": {"base_url": "http://x"}}, "binance paper http://x"),
        ({"adapter": "ccxt", "options": {"ccxt.defaultType": "swap"}}, "ccxt v swap paper"),
        ({"adapter": "ccxt", "options": {"exchange": "kraken"}, "paper_only": False}, "ccxt kraken real money"),
    ],
)
def test_an_account_is_told_by_what_the_files_say_of_it(settings: dict[str, object], words: str) -> None:
    """Without this, a change of exchange, port or paper_only would not be one of account; or one of a timeout would."""
    assert account_words(msgspec.convert({"name": "v", **settings}, VenueSettings)) == words
