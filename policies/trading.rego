# Which orders may trade. The gateway asks for `data.trading.decision` once per order and once per replace.
#
# Rules of the house, each learned from an engine that got it wrong (docs/policies.md has the whole story):
# - Nothing is allowed by default, and a document that is incomplete is denied as a whole: a rule is silent about
#   a field that is not there, so "no rule fired" proves nothing until every field is known to be there.
# - `not` stands only before the name of a rule, or before something that cannot be undefined. OPA drops the
#   whole body, the denial included, when an argument under `not` is undefined; the embedded engine does not.
# - Amounts are scaled integers (`_e8` is value * 10^8, `_cents` is money). Compare them, never calculate with
#   them: both engines round results beyond 2^63, and a division is a float whatever its size.
# - No clock, network or chance, so that the same document always gives the same decision.
# - No `else`, no `default` functions, no `with`, no `walk`: the embedded engine's fast path lacks them.
#
# Numbers that people change live in data.json, not in this file.
package trading

default allow := false

allow if count(deny) == 0

# Every `deny` rule counts, those that users add in files of their own too: there is no short way past them.
decision := {"allow": allow, "deny": deny}

# --- rules: each asks `is_input_valid` last, because most are done before it -------------------------

deny contains {"code": "ROLE_NOT_PERMITTED", "text": text} if {
	not is_role_permitted
	is_input_valid
	text := sprintf("a key with the role %s may not place orders", [input.user.role])
}

is_role_permitted if input.user.role in data.limits.trading_roles

# Closing orders too: outside trading hours they would wait at the venue and fill at whatever price opens.
deny contains {"code": "MARKET_CLOSED", "text": text} if {
	not input.market.is_open
	is_input_valid
	text := sprintf("the market of %s is closed", [input.order.symbol])
}

# Not for closing orders, nor in SHADOW. Such prices are a quarter of an hour old, however small their age: good
# enough to try a strategy, not to spend money by. `"live_on_delayed_prices": true` in data.json permits it.
deny contains {"code": "PRICES_DELAYED", "text": text} if {
	input.market.is_delayed
	input.order.route == "live"
	not input.order.is_closing
	not may_trade_on_delayed_prices
	is_input_valid
	text := sprintf("the prices of %s are delayed", [input.order.symbol])
}

may_trade_on_delayed_prices if data.limits.live_on_delayed_prices == true

# Not for closing orders: what was approved when it was bought can always be sold. Two lists, and both bind: the
# config's, and data.approved_symbols where there is one. Null approves everything.
deny contains {"code": "SYMBOL_NOT_APPROVED", "text": text} if {
	input.approved_symbols != null
	is_input_valid
	not input.order.is_closing
	not is_approved_by_config
	text := sprintf("%s is not an approved symbol", [input.order.symbol])
}

is_approved_by_config if input.order.symbol in input.approved_symbols

deny contains {"code": "SYMBOL_NOT_APPROVED", "text": text} if {
	data.approved_symbols != null
	is_input_valid
	not input.order.is_closing
	not is_approved_by_policy
	text := sprintf("%s is not an approved symbol", [input.order.symbol])
}

is_approved_by_policy if input.order.symbol in data.approved_symbols

# Not for closing orders: they are never larger than the position, and a position can always be closed.
deny contains {"code": "ORDER_SIZE_EXCEEDED", "text": text} if {
	not input.order.is_closing
	input.order.size_e8 > max_order_size_e8
	is_number(max_order_size_e8)
	is_input_valid
	text := sprintf("size %s is above the limit of %s", [units(input.order.size_e8), units(max_order_size_e8)])
}

# For every order, closing ones too: nobody means a single order this large. Close in slices.
deny contains {"code": "FAT_FINGER_SIZE", "text": text} if {
	input.order.size_e8 > fat_finger_size_e8
	is_number(fat_finger_size_e8)
	is_input_valid
	text := sprintf("size %s is above the cap of %s", [units(input.order.size_e8), units(fat_finger_size_e8)])
}

# --- limits: the symbol's own, else the default -----------------------------------------------------

max_order_size_e8 := object.get(
	data.limits.symbols,
	[input.order.symbol, "max_order_size_e8"],
	data.limits.max_order_size_e8,
)

fat_finger_size_e8 := object.get(
	data.limits.symbols,
	[input.order.symbol, "fat_finger_size_e8"],
	data.limits.fat_finger_size_e8,
)

# Without this, a limit that is missing or written as text would limit nothing.
deny contains {"code": "LIMITS_INVALID", "text": text} if {
	not are_limits_valid
	is_input_valid
	text := "data.limits lacks a part, or one has the wrong type: see docs/policies.md"
}

are_limits_valid if {
	is_number(max_order_size_e8)
	is_number(fat_finger_size_e8)
	is_array(data.limits.trading_roles)
}

# --- the document: what every rule above relies on ----------------------------------------------------

deny contains {"code": "INPUT_INVALID", "text": text} if {
	not is_input_valid
	text := concat("", ["missing or invalid in the input: ", concat(", ", invalid_fields)])
}

# Written out instead of looping over `fields` below: this runs for every order, and takes half the time.
is_input_valid if {
	order := input.order
	is_string(order.id)
	is_string(order.symbol)
	is_string(order.venue)
	is_string(order.account)
	is_string(order.strategy)
	order.side in {"buy", "sell"}
	is_string(order.order_type)
	is_string(order.time_in_force)
	is_number(order.size_e8)
	order.size_e8 > 0
	is_number(order.notional_cents)
	order.notional_cents >= 0
	type_name(order.limit_price_e8) in {"number", "null"}
	type_name(order.stop_price_e8) in {"number", "null"}
	is_boolean(order.is_closing)
	order.route in {"shadow", "live"}
	order.mode in {"SHADOW", "CANARY", "LIVE"}
	is_string(input.user.name)
	is_string(input.user.role)
	market := input.market
	is_boolean(market.is_open)
	is_boolean(market.is_synthetic)
	is_boolean(market.is_delayed)
	is_number(market.age_ms)
	type_name(market.reference_price_e8) in {"number", "null"}
	is_number(market.weekday)
	is_number(market.local_minute)
	is_number(input.position.size_e8)
	type_name(input.approved_symbols) in {"array", "null"}
	is_number(input.time_ns)
}

# Only for the text of INPUT_INVALID; trading_test.rego holds it to what is_input_valid demands.
invalid_fields contains name if {
	is_object(input)
	some [name, types, found] in fields
	not found in split(types, " or ")
}

invalid_fields contains "order.side" if {
	is_object(input)
	not object.get(input, ["order", "side"], "") in {"buy", "sell"}
}

invalid_fields contains "order.route" if {
	is_object(input)
	not object.get(input, ["order", "route"], "") in {"shadow", "live"}
}

invalid_fields contains "order.mode" if {
	is_object(input)
	not object.get(input, ["order", "mode"], "") in {"SHADOW", "CANARY", "LIVE"}
}

invalid_fields contains "order.size_e8" if input.order.size_e8 <= 0

invalid_fields contains "order.notional_cents" if input.order.notional_cents < 0

# Name, type it must have, type it has. Each path is written out: a loop over paths would look at the whole document,
# and no decision could be remembered (docs/policies.md, "What is remembered").
fields := [
	["order.id", "string", type_name(object.get(input, ["order", "id"], {"missing"}))],
	["order.symbol", "string", type_name(object.get(input, ["order", "symbol"], {"missing"}))],
	["order.venue", "string", type_name(object.get(input, ["order", "venue"], {"missing"}))],
	["order.account", "string", type_name(object.get(input, ["order", "account"], {"missing"}))],
	["order.strategy", "string", type_name(object.get(input, ["order", "strategy"], {"missing"}))],
	["order.order_type", "string", type_name(object.get(input, ["order", "order_type"], {"missing"}))],
	["order.time_in_force", "string", type_name(object.get(input, ["order", "time_in_force"], {"missing"}))],
	["user.name", "string", type_name(object.get(input, ["user", "name"], {"missing"}))],
	["user.role", "string", type_name(object.get(input, ["user", "role"], {"missing"}))],
	["order.size_e8", "number", type_name(object.get(input, ["order", "size_e8"], {"missing"}))],
	["order.notional_cents", "number", type_name(object.get(input, ["order", "notional_cents"], {"missing"}))],
	["market.age_ms", "number", type_name(object.get(input, ["market", "age_ms"], {"missing"}))],
	["market.weekday", "number", type_name(object.get(input, ["market", "weekday"], {"missing"}))],
	["market.local_minute", "number", type_name(object.get(input, ["market", "local_minute"], {"missing"}))],
	["position.size_e8", "number", type_name(object.get(input, ["position", "size_e8"], {"missing"}))],
	["time_ns", "number", type_name(object.get(input, ["time_ns"], {"missing"}))],
	["order.limit_price_e8", "number or null", type_name(object.get(input, ["order", "limit_price_e8"], {"missing"}))],
	["order.stop_price_e8", "number or null", type_name(object.get(input, ["order", "stop_price_e8"], {"missing"}))],
	["market.reference_price_e8", "number or null", type_name(object.get(input, ["market", "reference_price_e8"], {"missing"}))],
	["order.is_closing", "boolean", type_name(object.get(input, ["order", "is_closing"], {"missing"}))],
	["market.is_open", "boolean", type_name(object.get(input, ["market", "is_open"], {"missing"}))],
	["market.is_synthetic", "boolean", type_name(object.get(input, ["market", "is_synthetic"], {"missing"}))],
	["market.is_delayed", "boolean", type_name(object.get(input, ["market", "is_delayed"], {"missing"}))],
	["approved_symbols", "array or null", type_name(object.get(input, ["approved_symbols"], {"missing"}))],
]

# --- problems of data.json: asked once when policies are loaded, and any of them refuses the load -------

limit_names := {"max_order_size_e8", "fat_finger_size_e8"}

problems contains "data.limits is missing or not an object" if not has_limits

problems contains sprintf("data.limits.%s is not a number of 0 or more", [name]) if {
	has_limits
	some name in limit_names
	not is_limit(object.get(data.limits, name, null))
}

problems contains sprintf("data.limits.symbols.%s.%s is not a number of 0 or more", [symbol, name]) if {
	some symbol, own in data.limits.symbols
	some name, value in own
	name in limit_names
	not is_limit(value)
}

problems contains sprintf("data.limits.symbols.%s.%s is not a known limit", [symbol, name]) if {
	some symbol, own in data.limits.symbols
	some name, _ in own
	not name in limit_names
}

problems contains sprintf("data.limits.symbols.%s is not an object of limits", [symbol]) if {
	some symbol, own in data.limits.symbols
	not is_object(own)
}

problems contains "data.limits.symbols is missing or not an object" if {
	has_limits
	not is_object(object.get(data.limits, "symbols", null))
}

problems contains "data.limits.trading_roles is not a list" if {
	has_limits
	not is_array(object.get(data.limits, "trading_roles", null))
}

problems contains "data.approved_symbols is not a list" if {
	approved := data.approved_symbols
	not type_name(approved) in {"array", "null"}
}

has_limits if is_object(data.limits)

is_limit(value) if {
	is_number(value)
	value >= 0
}

# A scaled amount as people write it: 150000000 -> "1.5".
units(e8) := trim_right(trim_right(regex.replace(padded, `^0*([0-9]+)([0-9]{8})$`, "$1.$2"), "0"), ".") if {
	padded := concat("", ["000000000", format_int(e8, 10)])
}
