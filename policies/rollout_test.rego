# Run by `opa test policies/`; tests/rollouts/test_policy.py runs the same cases in the embedded engine.
package rollout_test

import data.rollout

promotion := {
	"venue": "ibkr",
	"from": {"mode": "CANARY", "weight_bp": 100, "position": 0},
	"to": {"mode": "CANARY", "weight_bp": 500, "position": 1},
	"steps": 5,
	"step_days": 3,
	"canary_days": 3,
	"orders": 40,
	"errors": 0,
	"gates": [{"gate": "error_rate", "verdict": "pass", "n": 40}],
	"is_held": false,
	"config_revision": "r2",
	"time_ns": 1,
}

cases := {
	"one step with every gate passed": {"patch": [], "codes": []},
	"within a step nothing need have passed": {
		"patch": [
			{"op": "replace", "path": "/to/position", "value": 0},
			{"op": "replace", "path": "/gates/0/verdict", "value": "not_enough_evidence"},
		],
		"codes": [],
	},
	"a gate without evidence": {
		"patch": [{"op": "replace", "path": "/gates/0/verdict", "value": "not_enough_evidence"}],
		"codes": ["ROLLOUT_GATE_NOT_PASSED"],
	},
	"a gate that cannot be told": {
		"patch": [{"op": "replace", "path": "/gates/0/verdict", "value": "error"}],
		"codes": ["ROLLOUT_GATE_NOT_PASSED"],
	},
	"a failed gate": {
		"patch": [{"op": "replace", "path": "/gates/0/verdict", "value": "fail"}],
		"codes": ["ROLLOUT_GATE_NOT_PASSED"],
	},
	"a skipped step": {
		"patch": [{"op": "replace", "path": "/to/position", "value": 2}],
		"codes": ["ROLLOUT_STEP_SKIPPED"],
	},
	"a held rollout": {"patch": [{"op": "replace", "path": "/is_held", "value": true}], "codes": ["ROLLOUT_HELD"]},
	"live without an order": {
		"patch": [
			{"op": "replace", "path": "/to", "value": {"mode": "LIVE", "weight_bp": 10000, "position": 1}},
			{"op": "replace", "path": "/orders", "value": 0},
		],
		"codes": ["ROLLOUT_WITHOUT_ORDERS"],
	},
	"a verdict that is none": {
		"patch": [{"op": "replace", "path": "/gates/0/verdict", "value": "fine"}],
		"codes": ["ROLLOUT_INPUT_INVALID"],
	},
	"no gates at all": {"patch": [{"op": "remove", "path": "/gates"}], "codes": ["ROLLOUT_INPUT_INVALID"]},
	"no venue": {"patch": [{"op": "remove", "path": "/venue"}], "codes": ["ROLLOUT_INPUT_INVALID"]},
	"no position": {"patch": [{"op": "remove", "path": "/to/position"}], "codes": ["ROLLOUT_INPUT_INVALID"]},
}

# Without this, a promotion would be judged otherwise than the cases say.
test_cases if {
	every name, case in cases {
		decided := rollout.decision with input as json.patch(promotion, case.patch)
		{one.code | some one in decided.deny} == {code | some code in case.codes}
		is_allowed := count(case.codes) == 0
		decided.allow == is_allowed
		is_string(name)
	}
}

# Without this, an empty document would be a promotion that nothing speaks against.
test_nothing_is_denied if {
	decided := rollout.decision with input as {}
	not decided.allow
}
