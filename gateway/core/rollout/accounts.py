"""Whose evidence is whose: what was proven at one account of a venue says nothing of another one there."""

from collections.abc import Iterator

from gateway.core.state import GatewayState
from gateway.domain.config import TradingConfig
from gateway.domain.enums import Mode
from gateway.domain.rollout import Promotions, Rollout


def account_of(state: GatewayState, venue: str) -> str:
    """The account at a venue that is traded now, or was when it was last configured; empty when nobody knows."""
    own, rollout = state.config.venues.get(venue), state.rollouts.get(venue)
    known = "" if own is None else own.account
    return known or ("" if rollout is None else rollout.account)


def is_other_account(state: GatewayState, new: TradingConfig, venue: str) -> bool:
    """Whether a configuration trades another account at ``venue`` than before."""
    own, known = new.venues.get(venue), account_of(state, venue)
    return own is not None and bool(own.account and known) and own.account != known


def words_of_change(state: GatewayState, new: TradingConfig, venue: str) -> str:
    return f"{account_of(state, venue)} -> {new.venues[venue].account}"


def unproven(state: GatewayState, new: TradingConfig, terms: Rollout) -> Iterator[str]:
    """Venues that would go on trading live on what another account has proven."""
    for venue in sorted(new.venues):
        if not is_other_account(state, new, venue) or terms.promotions_of(venue) is Promotions.MANUAL:
            continue
        rollout, what = state.rollouts.get(venue), ""
        if new.effective_mode(venue) is not Mode.SHADOW:
            what = f"set modes.venues.{venue}.mode to SHADOW in this edit, and begin its plan again from there"
        elif rollout is not None and rollout.override is not None:
            what = "take back its override first"
        if what:
            change = words_of_change(state, new, venue)
            yield f"{venue}: its account changes ({change}), and what is proven is of the old one; {what}"


def note_accounts(state: GatewayState) -> None:
    """A configuration is about to be left: remember the accounts that it names. Called by ``core.apply`` only."""
    for venue, rollout in state.rollouts.items():
        rollout.account = account_of(state, venue)
