# Run by `opa test policies/`. The cases themselves are in golden/*.json, which the gateway runs too before it
# takes a policy into use: one set of cases for both engines.
package trading_test

import data.trading

# Without this, a golden case could hold for the embedded engine and not for OPA.
test_golden_cases if {
	every theme in data.golden {
		every golden in theme.cases {
			is_as_expected(verdict(theme, golden), golden.expected)
		}
	}
}

# Without this, an empty golden folder would pass the test above.
test_golden_cases_are_found if count([golden | some golden in data.golden[_].cases]) > 50

# Without this, a field could be demanded in one place only: the denial would come without a name, or not at all.
test_every_missing_field_is_denied_and_named if {
	complete := data.golden.input.input
	paths := {["approved_symbols"], ["time_ns"]} | {[section, field] |
		some section in ["order", "user", "market", "position"]
		some field, _ in complete[section]
	}
	every path in paths {
		pointer := concat("/", array.concat([""], path))
		decided := trading.decision with input as json.patch(complete, [{"op": "remove", "path": pointer}])
		not decided.allow
		text := concat("", ["missing or invalid in the input: ", concat(".", path)])
		decided.deny == {{"code": "INPUT_INVALID", "text": text}}
	}
}

# Without this, an undefined input would leave the decision undefined.
test_no_input_is_denied if {
	not trading.allow
	codes(trading.decision) == {"INPUT_INVALID"}
}

# Without this, the shipped data.json could be one that no gateway loads.
test_shipped_data_has_no_problems if count(trading.problems) == 0

# Without this, a limit that is no number would be found by the first order instead of by the reload.
test_problems_of_data if {
	broken := {
		"max_order_size_e8": "1000",
		"symbols": {"AAPL": {"fat_finger_size_e8": -1, "max_size": 5}, "BTC": 7},
		"trading_roles": "trader",
	}
	found := trading.problems with data.limits as broken with data.approved_symbols as "AAPL"
	found == {
		"data.limits.max_order_size_e8 is not a number of 0 or more",
		"data.limits.fat_finger_size_e8 is not a number of 0 or more",
		"data.limits.symbols.AAPL.fat_finger_size_e8 is not a number of 0 or more",
		"data.limits.symbols.AAPL.max_size is not a known limit",
		"data.limits.symbols.BTC is not an object of limits",
		"data.limits.trading_roles is not a list",
		"data.approved_symbols is not a list",
	}
}

test_problems_of_no_data if {
	trading.problems == {"data.limits is missing or not an object"} with data.limits as null
}

# Without this, people would read sizes in hundred-millionths.
test_units if {
	trading.units(1) == "0.00000001"
	trading.units(150000000) == "1.5"
	trading.units(100000000000) == "1000"
	trading.units(9223372036854775807) == "92233720368.54775807"
}

verdict(theme, golden) := decided if {
	decided := trading.decision with input as json.patch(theme.input, golden.patch)
		with data.limits as theme.data.limits
		with data.approved_symbols as object.get(theme.data, "approved_symbols", null)
}

is_as_expected(decided, expected) if {
	decided.allow == expected.allow
	codes(decided) == {code | some code in expected.deny}
}

codes(decided) := {refusal.code | some refusal in decided.deny}
