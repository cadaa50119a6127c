# Which promotions are let through. The gateway asks for `data.rollout.decision` when an edit raises the mode or the
# share of a venue that goes by evidence, after its own plan and gates, and once for each venue. It has the last word:
# no answer is a no. Nobody is asked before lowering.
#
# The input (docs/rollouts.md has an example): venue; from and to, each {mode, weight_bp, position} with position -1 in
# SHADOW, 0 for the first step, `steps` for LIVE; steps; step_days; canary_days; orders; errors; gates, a list of {gate,
# verdict, n}; is_held; config_revision; time_ns. Add `deny contains {...}` rules in files of your own with this package.
#
# The rules of the house are those of trading.rego.
package rollout

default allow := false

allow if count(deny) == 0

decision := {"allow": allow, "deny": deny}

deny contains {"code": "ROLLOUT_INPUT_INVALID", "text": "the input of the rollout policy is not complete"} if {
	not is_input_valid
}

is_input_valid if {
	is_string(input.venue)
	is_boolean(input.is_held)
	is_array(input.gates)
	every field in ["steps", "step_days", "canary_days", "orders", "errors", "time_ns"] {
		is_number(input[field])
	}
	every place in ["from", "to"] {
		input[place].mode in {"SHADOW", "CANARY", "LIVE"}
		is_number(input[place].weight_bp)
		is_number(input[place].position)
	}
	every one in input.gates {
		is_string(one.gate)
		one.verdict in {"pass", "fail", "not_enough_evidence", "error"}
	}
}

deny contains {"code": "ROLLOUT_HELD", "text": text} if {
	is_input_valid
	input.is_held
	text := sprintf("the rollout of %s is held", [input.venue])
}

deny contains {"code": "ROLLOUT_STEP_SKIPPED", "text": text} if {
	is_input_valid
	input.to.position > input.from.position + 1
	text := sprintf("%s would skip a step of its plan", [input.venue])
}

# A share may grow within its step; a step is left upwards with every gate passed.
deny contains {"code": "ROLLOUT_GATE_NOT_PASSED", "text": text} if {
	is_input_valid
	input.to.position > input.from.position
	some one in input.gates
	one.verdict != "pass"
	text := sprintf("gate %s of %s: %s", [one.gate, input.venue, one.verdict])
}

# Real money at full size is never a matter of days alone.
deny contains {"code": "ROLLOUT_WITHOUT_ORDERS", "text": text} if {
	is_input_valid
	input.to.mode == "LIVE"
	input.orders == 0
	text := sprintf("%s never had a live order", [input.venue])
}
