"""Who hears what."""

import logging
from decimal import Decimal

import pytest

from gateway.adapters.venues.shared.listeners import Listeners
from gateway.domain.market import MarketUpdate, TradeTick


def tick(symbol: str) -> TradeTick:
    return TradeTick(symbol, Decimal(1), Decimal(1), 0, 0, False)


def test_listeners_hear_their_symbol_and_those_of_all_hear_everything() -> None:
    """Without it, a page would show the wrong symbol, or the simulator would miss some."""
    listeners, one, every = Listeners(), [], []
    listeners.add("A", one.append)
    listeners.add(None, every.append)
    for symbol in ("A", "B"):
        listeners.tell(tick(symbol))
    assert [update.symbol for update in one] == ["A"]
    assert [update.symbol for update in every] == ["A", "B"]


def test_a_removed_listener_hears_nothing_more_and_may_be_removed_again() -> None:
    """Without it, closed connections would pile up as listeners."""
    listeners, heard, other = Listeners(), [], []
    remove = listeners.add("A", heard.append)
    listeners.add("A", other.append)
    remove()
    remove()
    listeners.tell(tick("A"))
    assert (len(heard), len(other)) == (0, 1)


def test_a_listener_may_remove_itself_while_it_is_told() -> None:
    """One-shot listeners are natural; they must not disturb the round they are in."""
    listeners, heard = Listeners(), []

    def once(update: MarketUpdate) -> None:
        heard.append(update)
        remove()

    remove = listeners.add(None, once)
    listeners.add(None, heard.append)
    listeners.tell(tick("A"))
    listeners.tell(tick("A"))
    assert len(heard) == 3


def test_a_listener_that_fails_silences_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    """One broken reader must not cut the simulator off from prices."""
    listeners, heard = Listeners(), []

    def broken(update: MarketUpdate) -> None:
        raise RuntimeError("broken reader")

    listeners.add("A", broken)
    listeners.add("A", heard.append)
    with caplog.at_level(logging.ERROR):
        listeners.tell(tick("A"))
    assert len(heard) == 1
    assert "broken reader" in caplog.text


def test_a_listener_may_leave_after_all_were_let_go() -> None:
    """A source is closed before those who listen to it: each of them would fail in its own end."""
    listeners = Listeners()
    heard: list[MarketUpdate] = []
    leave = listeners.add("ACME", heard.append)
    listeners.clear()
    leave()
    listeners.tell(tick("ACME"))
    assert heard == []


def test_symbols_that_nobody_listens_to_cost_nothing() -> None:
    """A client may subscribe to any name, and to another one the next moment."""
    listeners = Listeners()
    for number in range(100):
        listeners.add(f"NO{number}", lambda update: None)()
    assert not listeners._by_symbol
