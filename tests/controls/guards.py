"""Which test shows each control that is not in the table of ``tests/unit/test_limits.py`` at work."""

_EXECUTED = (
    "tests/throttle/test_executions.py"
    "::test_below_and_at_the_limit_pass_and_above_is_denied_until_the_window_has_gone_by"
)
_INSTRUMENT = "tests/unit/test_refusals.py::test_an_instrument_takes_what_fits_it"

_MARKET = "tests/unit/test_market_limits.py::test_market_data_and_liquidity"
_SHORT = "tests/unit/test_scope_limits.py::test_short_sales_and_restricted_symbols"
_LOST = "tests/unit/test_scope_limits.py::test_an_account_that_lost_takes_no_new_risk"

_BREAKERS = "tests/unit/test_breakers.py"

GUARDS: dict[str, str] = {
    "venue_time_in_force": "tests/unit/test_venue_limits.py::test_a_venue_is_sent_only_what_it_can_do",
    "venue_algorithm": "tests/unit/test_venue_limits.py::test_a_venue_is_sent_only_what_it_can_do",
    "venue_order_class": (
        "tests/unit/test_order_classes.py::test_a_class_that_the_venue_does_not_have_is_refused_on_every_route"
    ),
    "reconciliation": (
        "tests/reconciliation/test_comparing.py::test_a_difference_is_acted_on_at_its_second_sight_and_only_by_closing"
    ),
    "venue_replace": "tests/unit/test_venue_limits.py::test_a_venue_that_cannot_change_orders_is_not_asked_to",
    "price_collar": "tests/unit/test_market_limits.py::test_a_limit_price_stays_within_the_collar",
    "price_collar_window": (
        "tests/unit/test_market_limits.py::test_a_price_that_runs_away_does_not_take_the_collar_along"
    ),
    "max_correlation": "tests/unit/test_scope_limits.py::test_a_position_that_moves_with_another_is_no_new_one",
    "max_open_orders": "tests/unit/test_scope_limits.py::test_open_orders_are_counted",
    "max_open_positions": "tests/unit/test_scope_limits.py::test_open_positions_are_counted_with_those_on_order",
    "min_account_balance": _LOST,
    "max_drawdown": _LOST,
    "require_market_data": _MARKET,
    "max_market_data_age_ms": _MARKET,
    "deny_crossed_market": _MARKET,
    "max_spread_bps": _MARKET,
    "min_displayed_qty": _MARKET,
    "min_depth_multiple": _MARKET,
    "min_average_volume": _MARKET,
    "market_hours": "tests/unit/test_market_limits.py::test_each_phase_of_the_day_takes_its_own_orders",
    "short_sale": _SHORT,
    "no_short": _SHORT,
    "restricted_symbols": _SHORT,
    "gap_events": "tests/unit/test_market_limits.py::test_no_new_risk_in_a_window_around_an_event",
    "daily_loss_limit": "tests/unit/test_limits.py::test_daily_loss_as_an_amount_and_as_a_share",
    "allowed_symbols": "tests/unit/test_limits.py::test_symbol_lists",
    "blocked_symbols": "tests/unit/test_limits.py::test_symbol_lists",
    "max_messages_per_second": (
        "tests/throttle/test_messages.py::test_a_burst_passes_and_one_more_waits_in_every_scope"
    ),
    "duplicate_window_ms": (
        "tests/throttle/test_duplicates.py::test_an_order_again_within_the_window_is_refused_and_names_the_earlier_one"
    ),
    "self_match_prevention": (
        "tests/throttle/test_self_match.py::test_the_newest_is_refused_when_it_could_trade_with_one_of_ours"
    ),
    "repeated_executions": (
        "tests/throttle/test_repeats.py"
        "::test_the_execution_that_reaches_the_limit_locks_the_strategy_until_a_person_lets_it"
    ),
    "max_executed_qty": _EXECUTED,
    "max_executed_value": _EXECUTED,
    "min_fill_ratio": "tests/throttle/test_executions.py::test_too_little_of_what_is_sent_gets_filled",
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
    "drop_copy": "tests/service/test_drop_copy.py::test_what_stays_missing_reduces_its_symbol_once",
    "policy": "tests/properties/test_policy.py::test_only_a_clear_yes_lets_an_order_out",
    "breaker_daily_loss": f"{_BREAKERS}::test_a_daily_loss_of_5_percent_halts_all_trading",
    "breaker_rejection_rate": f"{_BREAKERS}::test_20_percent_of_orders_rejected_halve_sizes_for_30_minutes",
    "breaker_concentration": f"{_BREAKERS}::test_30_percent_in_one_position_blocks_new_ones_until_below_25",
    "breaker_drawdown": f"{_BREAKERS}::test_a_drawdown_closes_half_of_each_position_and_takes_only_closing_orders",
    "breaker_volatility": f"{_BREAKERS}::test_twice_the_usual_volatility_halves_the_sizes_of_the_symbol",
    "breaker_venue_connection": f"{_BREAKERS}::test_a_venue_that_was_gone_for_30_seconds_takes_only_closing_orders",
    "breaker_market_data_gap": f"{_BREAKERS}::test_a_symbol_without_prices_takes_only_closing_orders",
    "breaker_order_rate": f"{_BREAKERS}::test_a_strategy_that_sends_ten_times_its_usual_orders_is_halted",
    "breaker_consecutive_losses": (
        f"{_BREAKERS}::test_five_losses_in_a_row_hold_the_strategy_to_closing_orders_until_the_next_day"
    ),
    "breaker_emergency_shutdown": (
        f"{_BREAKERS}::test_several_breakers_at_once_shut_everything_down_until_a_person_looks"
    ),
}
