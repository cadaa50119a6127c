"""Which Rego builtins a policy may call: those that depend on their arguments alone and that both engines have.

A decision must be the same on the next machine, in the other engine and in a replay next year. An allow list,
because a builtin that a later version adds must be judged before it is trusted; a test compares it with what
the installed engines know.
"""

ALLOWED = frozenset(
    """
    abs array.concat array.reverse array.slice base64.decode base64.encode base64.is_valid base64url.decode
    base64url.encode base64url.encode_no_pad bits.and bits.lsh bits.negate bits.or bits.rsh bits.xor ceil concat
    contains count endswith floor format_int glob.match glob.quote_meta graph.reachable graph.reachable_paths
    hex.decode hex.encode indexof indexof_n intersection is_array is_boolean is_null is_number is_object is_set
    is_string json.filter json.is_valid json.marshal json.marshal_with_options json.patch json.remove
    json.unmarshal lower max min net.cidr_contains net.cidr_expand net.cidr_is_valid numbers.range
    numbers.range_step object.filter object.get object.keys object.remove object.subset object.union
    object.union_n product regex.find_all_string_submatch_n regex.find_n regex.is_valid regex.match
    regex.replace regex.split replace round semver.compare semver.is_valid sort split sprintf startswith
    strings.any_prefix_match strings.any_suffix_match strings.reverse substring sum
    time.parse_duration_ns time.parse_rfc3339_ns to_number trim trim_left trim_prefix trim_right
    trim_space trim_suffix type_name union upper urlquery.decode urlquery.decode_object urlquery.encode
    urlquery.encode_object uuid.parse
    """.split()
)

_OUTSIDE = "it reaches outside the engine, and a decision depends on the document and the data alone"
_CHANGES = "it gives another answer each time, and a decision must be the same in every replay"
_ZONES = "it reads this machine's time zones: use input.market.weekday and input.market.local_minute"
_DIFFERS = "the two engines answer it differently"

#: Why some of the others are refused; the rest are simply not in both engines.
REASONS = {
    "http.send": _OUTSIDE,
    "net.lookup_ip_addr": _OUTSIDE,
    "opa.runtime": _OUTSIDE,
    "print": "it writes to the log of whoever evaluates it",
    "trace": "it writes to the log of whoever evaluates it",
    "rand.intn": _CHANGES,
    "uuid.rfc4122": _CHANGES,
    "time.now_ns": "it reads the clock: use input.time_ns",
    "io.jwt.decode_verify": "it reads the clock: use input.time_ns",
    "time.add_date": _ZONES,
    "time.clock": _ZONES,
    "time.date": _ZONES,
    "time.diff": _ZONES,
    "time.format": _ZONES,
    "time.parse_ns": _ZONES,
    "time.weekday": _ZONES,
    "json.match_schema": _DIFFERS,
    "json.verify_schema": _DIFFERS,
    "regex.template_match": _DIFFERS,
    "strings.count": _DIFFERS,
    "strings.replace_n": _DIFFERS,
    "units.parse": _DIFFERS,
    "units.parse_bytes": _DIFFERS,
    "walk": _DIFFERS,
    "yaml.is_valid": _DIFFERS,
    "yaml.marshal": _DIFFERS,
    "yaml.unmarshal": _DIFFERS,
}


def refusal_of(name: str) -> str | None:
    """Why the builtin ``name`` may not be called, or None when it may."""
    if name in ALLOWED:
        return None
    return REASONS.get(name, "it is neither a function of these policies nor a builtin that both engines have")
