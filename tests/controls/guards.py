"""Which test shows each control that is not in the table of ``tests/unit/test_limits.py`` at work."""

_INSTRUMENT = "tests/unit/test_refusals.py::test_an_instrument_takes_what_fits_it"

GUARDS: dict[str, str] = {
    "daily_loss_limit": "tests/unit/test_limits.py::test_daily_loss_as_an_amount_and_as_a_share",
    "allowed_symbols": "tests/unit/test_limits.py::test_symbol_lists",
    "blocked_symbols": "tests/unit/test_limits.py::test_symbol_lists",
    "tick_size": _INSTRUMENT,
    "lot_size": _INSTRUMENT,
    "min_qty": _INSTRUMENT,
    "max_qty": _INSTRUMENT,
    "min_notional": _INSTRUMENT,
    "order_types": _INSTRUMENT,
    "enabled": _INSTRUMENT,
    "reference_price": "tests/unit/test_refusals.py::test_an_order_that_nothing_values_is_refused",
    "trading_halted": "tests/unit/test_refusals.py::test_trading_states_refuse_by_their_own_codes",
    "trading_reducing": "tests/unit/test_refusals.py::test_trading_states_refuse_by_their_own_codes",
    "session_strategies": "tests/unit/test_refusals.py::test_only_strategies_of_the_session_open_positions",
    "venue_connected": "tests/unit/test_refusals.py::test_nothing_is_sent_to_a_venue_that_is_not_connected",
    "policy": "tests/properties/test_policy.py::test_only_a_clear_yes_lets_an_order_out",
}
