# Who may talk to this OPA: the gateway that knows OPA_TOKEN, health checks, and Prometheus. Whoever may push a policy decides
# about every order, so without a token the server must listen on loopback only.
package system.authz

default allow := false

allow if {
	token := opa.runtime().env.OPA_TOKEN
	token != ""
	input.identity == token
}

allow if {
	input.method == "GET"
	input.path == ["health"]
}

allow if {
	input.method == "GET"
	input.path == ["metrics"]
}
